"""What the scenarios have in common that change a Lambda function's configuration."""

from __future__ import annotations

from abc import abstractmethod
from random import Random
from types import MappingProxyType
from typing import Any

from chaos_engine.cloud import CloudError
from chaos_engine.model import Fault, Observation, Seen, Target
from chaos_engine.ports import World
from scenarios.aws import NotStartedError, Reached, RefusedError, reached_by
from scenarios.base import Preparation
from scenarios.lambda_function import (
    PATIENCE,
    LambdaScenario,
    change,
    check_unmarked,
    configuration,
    failed_update,
    put_mark,
    take_mark,
    there,
    told,
    undo_of,
)
from scenarios.lambda_settings import (
    Changes,
    Configuration,
    edited,
    elses,
    ours,
    parts,
    shown,
    unreadable,
    value_of,
)

FUNCTION = ("lambda:function:{function}",)
CHANGES = MappingProxyType(
    {
        "lambda:GetFunctionConfiguration": FUNCTION,
        "lambda:UpdateFunctionConfiguration": FUNCTION,
        "lambda:ListTags": FUNCTION,
        "lambda:TagResource": FUNCTION,
        "lambda:UntagResource": FUNCTION,
    }
)


class ConfiguredScenario(LambdaScenario):
    """Settings of the function's configuration get other values; each is restored where it still has ours."""

    permissions = CHANGES

    @abstractmethod
    def wanted(self, parameters: Any, found: Configuration) -> dict[str, Any]:
        """Each setting with its injected value. RefusedError: the function has no such setting."""

    def check(self, aws: Reached, parameters: Any) -> None:
        """Whatever else there must be. RefusedError: it is not there."""
        del aws, parameters

    def prepare(self, target: Target, parameters: Any, rng: Random, world: World) -> Preparation:
        """RefusedError: it cannot be changed, is as wanted already, or has the mark of a fault."""
        del rng
        aws, found = there(target, parameters.function, world)
        arn = str(found["FunctionArn"])
        wanted = self.wanted(parameters, found)
        changes = {name: (value_of(found, name), value) for name, value in wanted.items()}
        _check_changes(arn, found, changes)
        try:
            check_unmarked(aws, arn, parts(changes))
            self.check(aws, parameters)
        except CloudError as error:
            raise RefusedError(f"function {arn}: {told(error)}") from error
        undo = undo_of(aws, found, changes={name: list(values) for name, values in changes.items()})
        resources = tuple(f"lambda:{arn}#{part}" for part in parts(changes))
        return Preparation({"function": arn, "settings": wanted}, undo, resources, PATIENCE)

    def inject(self, fault: Fault, world: World) -> None:
        """Only what is still as it was when this was prepared. RefusedError: somebody was faster."""
        aws, arn, changes = _fault(fault, world)

        def injected(found: Configuration) -> dict[str, Any]:
            if others := elses(found, changes):
                raise RefusedError(f"function {arn} was changed meanwhile: {shown(others)}")
            missing = changes.keys() - set(ours(found, changes))
            return edited(found, {name: changes[name][1] for name in changes if name in missing})

        try:
            put_mark(aws, fault, parts(changes))
            found = change(aws, arn, world, injected)
        except CloudError as error:
            raise NotStartedError(told(error)) from error
        if found is None or len(ours(found, changes)) < len(changes):
            raise RefusedError(f"function {arn} is not changed: {'it is not so' if found else 'it vanished'}")

    def observe(self, fault: Fault, world: World) -> Seen:
        """GONE where a setting has another value; whether it is felt, only a client or a metric can tell."""
        aws, arn, changes = _fault(fault, world)
        found = configuration(aws, arn)
        if found is None:
            return Seen(Observation.GONE, details={"changed_to": "the function has vanished"})
        if len(ours(found, changes)) == len(changes):
            return Seen(Observation.BLIND)
        others = elses(found, changes)
        return Seen(Observation.GONE, details={"changed_to": shown(others)} if others else {})

    def is_left(self, fault: Fault, world: World) -> bool:
        """Whether any setting still is, or is again, as the fault made it."""
        aws, arn, changes = _fault(fault, world)
        found = configuration(aws, arn)
        return found is not None and bool(ours(found, changes))

    def clear(self, fault: Fault, world: World) -> None:
        """What it was before, where it still has our value; then the mark is taken off."""
        aws, arn, changes = _fault(fault, world)
        found = change(aws, arn, world, lambda found: _restored(found, changes))
        if found is None:
            return
        if left := ours(found, changes):
            raise RuntimeError(f"function {arn}: {', '.join(left)} still as injected after it was cleared")
        if others := elses(found, changes):
            world.tell(f"function {arn} was changed by somebody else, and is left so: {shown(others)}")
        take_mark(aws, fault)


def _restored(found: Configuration, changes: Changes) -> dict[str, Any]:
    """The update that undoes it. One that failed is sent again: the function runs as it was before it."""
    again = changes if failed_update(found) and not elses(found, changes) else ours(found, changes)
    return edited(found, {name: changes[name][0] for name in again})


def _fault(fault: Fault, world: World) -> tuple[Reached, str, Changes]:
    changes = {name: (before, injected) for name, (before, injected) in fault.undo["changes"].items()}
    return reached_by(fault, world), fault.undo["function"], changes


def _check_changes(arn: str, found: Configuration, changes: Changes) -> None:
    same = [name for name, (before, injected) in changes.items() if before == injected]
    if same:
        raise RefusedError(
            f"function {arn}: {', '.join(same)} is so already: there is nothing to come back to"
        )
    if "environment" in parts(changes) and (why := unreadable(found)):
        raise RefusedError(f"function {arn}: its variables could not be written back, AWS says {why}")
