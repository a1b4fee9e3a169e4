"""What the scenarios have in common whose failure state is an SSM parameter that functions read.

The API: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
"""

from __future__ import annotations

from abc import abstractmethod
from contextlib import suppress
from dataclasses import asdict, dataclass
from random import Random
from types import MappingProxyType
from typing import Any

from chaos_engine.cloud import CloudError
from chaos_engine.model import Fault, Observation, Seen, Target
from chaos_engine.ports import World
from scenarios.aws import CloudScenario, NotStartedError, Reached, RefusedError, reach, reached_by
from scenarios.base import Preparation
from scenarios.failure_forms import FormError
from scenarios.lambda_function import ask, refused_now, told

PARAMETER = ("ssm:parameter/{parameter}",)
STANDARD = "Standard"
UNKNOWN = frozenset({"ParameterNotFound", "ParameterVersionNotFound"})


class OvertakenError(Exception):
    """Somebody else wrote it right before we did; theirs is back."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a parameter holds."""

    arn: str
    value: str
    version: int
    type: str


class ParameterScenario(CloudScenario):
    """The value before is in the undo, as the same text; nobody else's later value is overwritten."""

    permissions = MappingProxyType(
        {"ssm:GetParameter": PARAMETER, "ssm:DescribeParameters": (), "ssm:PutParameter": PARAMETER}
    )

    @abstractmethod
    def enabled(self, text: str, parameters: Any) -> str:
        """The state in which the failure is enabled. FormError: not from this one."""

    def preflight(self, target: Target, parameters: Any, world: World) -> str | None:
        """What preparing would refuse now."""
        return refused_now(self, target, parameters, world)

    def prepare(self, target: Target, parameters: Any, rng: Random, world: World) -> Preparation:
        """RefusedError: there is no such parameter, it holds another thing, or is enabled already."""
        del rng
        aws, name = reach(target, world), parameters.parameter
        found, tier = _there(aws, name)
        try:
            value = self.enabled(found.value, parameters)
        except FormError as error:
            raise RefusedError(f"parameter {name} {error}") from error
        undo = {
            "aws": asdict(aws.access), "parameter": name, "tier": tier,
            "before": found.value, "injected": value,
        }  # fmt: skip
        return Preparation({"parameter": name, "value": value}, undo, (f"ssm:{found.arn}",))

    def inject(self, fault: Fault, world: World) -> None:
        """Only over the value that it had when this was prepared. RefusedError: somebody was faster."""
        aws, name, injected = _fault(fault, world)
        try:
            found = _stored(aws, name)
            if found is not None and found.value == injected:
                return
            if found is None or found.value != fault.undo["before"]:
                raise RefusedError(f"parameter {name} was {'changed' if found else 'deleted'} meanwhile")
            _write(aws, fault, injected, found)
            found = _stored(aws, name)
        except CloudError as error:
            raise NotStartedError(told(error)) from error
        if found is None or found.value != injected:
            raise RefusedError(f"parameter {name} does not hold the failure state")

    def observe(self, fault: Fault, world: World) -> Seen:
        """GONE where it holds another value; whether the state is felt, only a client can tell."""
        aws, name, injected = _fault(fault, world)
        found = _stored(aws, name)
        if found is not None and found.value == injected:
            return Seen(Observation.BLIND)
        if found is not None and found.value == fault.undo["before"]:
            return Seen(Observation.GONE)
        return Seen(Observation.GONE, details={"changed_to": "another value" if found else "nothing"})

    def clear(self, fault: Fault, world: World) -> None:
        """The text before, where it still holds ours. One that was deleted counts as cleared."""
        aws, name, injected = _fault(fault, world)
        found = _stored(aws, name)
        if found is not None and found.value == injected:
            found = _restored(aws, fault, found)
        if found is None:
            return
        if found.value == injected:
            raise RuntimeError(f"parameter {name} still holds the failure state after it was cleared")
        if found.value != fault.undo["before"]:
            world.tell(f"parameter {name} was changed by somebody else, and is left so")


def _there(aws: Reached, name: str) -> tuple[Stored, str]:
    """It, and its tier. RefusedError: it is not there, or no plain text."""
    try:
        found = _stored(aws, name)
        if found is None:
            raise RefusedError(f"parameter {name}: there is no such parameter in {aws.access.region}")
        if found.type != "String":
            why = "its value would stand in the journal" if found.type == "SecureString" else "it is a list"
            raise RefusedError(f"parameter {name} is a {found.type}: {why}; allowed: String")
        return found, _tier(aws, name)
    except CloudError as error:
        raise RefusedError(f"parameter {name}: {told(error)}") from error


def _stored(aws: Reached, name: str) -> Stored | None:
    """None: there is no such parameter. CloudError: AWS did not say."""
    try:
        found = ask(aws, "ssm", "get_parameter", Name=name)["Parameter"]
    except CloudError as error:
        if error.code in UNKNOWN:
            return None
        raise
    return Stored(str(found["ARN"]), str(found["Value"]), int(found["Version"]), str(found["Type"]))


def _tier(aws: Reached, name: str) -> str:
    """As it is: an update that does not name it takes the account's."""
    named = [{"Key": "Name", "Option": "Equals", "Values": [name]}]
    pages = aws.pages("ssm", "describe_parameters", ParameterFilters=named)
    return next(
        (str(each.get("Tier") or STANDARD) for page in pages for each in page["Parameters"]), STANDARD
    )


def _write(aws: Reached, fault: Fault, value: str, over: Stored) -> None:
    """Instead of what was read. OvertakenError: somebody wrote in between."""
    version = _put(aws, fault, value)
    if version <= over.version + 1:
        return
    name = fault.undo["parameter"]
    theirs = _stored(aws, f"{name}:{version - 1}")
    if theirs is not None:
        _put(aws, fault, theirs.value)
    raise OvertakenError(f"parameter {name} was changed meanwhile")


def _put(aws: Reached, fault: Fault, value: str) -> int:
    answer = ask(
        aws, "ssm", "put_parameter",
        Name=fault.undo["parameter"], Value=value, Type="String", Tier=fault.undo["tier"], Overwrite=True,
    )  # fmt: skip
    return int(answer["Version"])


def _restored(aws: Reached, fault: Fault, found: Stored) -> Stored | None:
    """What it holds afterwards."""
    with suppress(OvertakenError):  # theirs is back, which the next look tells
        _write(aws, fault, fault.undo["before"], found)
    return _stored(aws, fault.undo["parameter"])


def _fault(fault: Fault, world: World) -> tuple[Reached, str, str]:
    return reached_by(fault, world), fault.undo["parameter"], fault.undo["injected"]
