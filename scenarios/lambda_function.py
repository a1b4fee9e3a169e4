"""How scenarios look at a Lambda function, mark it, and change it without overwriting anybody.

The API: https://docs.aws.amazon.com/lambda/latest/api/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from random import Random
from typing import Annotated, Any

from pydantic import AfterValidator

from chaos_engine.cloud import CloudError
from chaos_engine.model import Fault, Target
from chaos_engine.ports import World
from scenarios.aws import DENIED, CloudScenario, Reached, RefusedError, mark, reach
from scenarios.base import Parameters
from scenarios.lambda_settings import Configuration

LOOKS, PAUSE = 60, 0.5  # looks while an update is under way, seconds between two of them
TRIES = 5  # at a change that somebody else's changes come before
VANISHED = "ResourceNotFoundException"
OVERTAKEN = frozenset({"PreconditionFailedException", "ResourceConflictException"})
PATIENCE = 8.0  # seconds that an update takes, when an engine that is told to end clears
TAG = "chaos-engine:"
_NAME = re.compile(r"(arn:[\w-]+:lambda:[\w-]+:\d{12}:function:|(\d{12}:)?function:)?[A-Za-z0-9_-]{1,64}")


class BusyError(Exception):
    """An update of the function is under way, and does not end, or others change it all the time."""


class NotUpdatedError(Exception):
    """AWS took the change, and could not make it."""


def _function(name: str) -> str:
    if _NAME.fullmatch(name):
        return name
    hint = "a version or an alias cannot be changed" if ":" in name else "letters, digits, - and _"
    raise ValueError(f"{name!r} is no function; allowed: its name, or its ARN without a qualifier ({hint})")


class FunctionParameters(Parameters):
    """`function`: its name or its ARN."""

    function: Annotated[str, AfterValidator(_function)]


class LambdaScenario(CloudScenario):
    """A scenario that changes a Lambda function. Its ARN is in `fault.undo["function"]`."""

    def preflight(self, target: Target, parameters: Any, world: World) -> str | None:
        """What preparing would refuse now."""
        return refused_now(self, target, parameters, world)


def refused_now(scenario: CloudScenario, target: Target, parameters: Any, world: World) -> str | None:
    """What preparing would refuse now; None: nothing."""
    try:
        scenario.prepare(target, parameters, Random(0), world)  # noqa: S311
    except RefusedError as error:
        return str(error)
    return None


# --- asking -----------------------------------------------------------------------------------


def ask(aws: Reached, service: str, operation: str, **parameters: Any) -> Mapping[str, Any]:
    """One call. CloudError: refused, or not answered; where a permission is missing it is named."""
    try:
        return aws.call(service, operation, **parameters)
    except CloudError as error:
        action = f"{service}:{''.join(word.title() for word in operation.split('_'))}"
        if error.code in DENIED and action not in str(error):
            raise CloudError(error.code, f"{error} ({action} is needed)") from error
        raise


def told(error: CloudError) -> str:
    """AWS's code and words."""
    return f"{error.code}: {error}"


def configuration(aws: Reached, function: str) -> Configuration | None:
    """As it is now; None: there is no such function. CloudError: AWS did not say."""
    try:
        return ask(aws, "lambda", "get_function_configuration", FunctionName=function)
    except CloudError as error:
        if error.code == VANISHED:
            return None
        raise


def settled(aws: Reached, function: str, world: World) -> Configuration | None:
    """As it is once no update is under way. BusyError: one goes on and on."""
    for _ in range(LOOKS):
        found = configuration(aws, function)
        if found is None or not _under_way(found):
            return found
        world.wait(PAUSE)
    raise BusyError(f"an update of {function} is under way, and has not ended for {LOOKS * PAUSE:g} s")


def failed_update(found: Configuration) -> str:
    """Why its last update failed: it runs as it was before; empty: it did not."""
    if found.get("LastUpdateStatus") != "Failed":
        return ""
    return str(found.get("LastUpdateStatusReason") or found.get("LastUpdateStatusReasonCode") or "no reason")


def there(target: Target, function: str, world: World) -> tuple[Reached, Configuration]:
    """The function before it is hurt. RefusedError: it cannot be seen, or not be changed now."""
    aws = reach(target, world)
    try:
        found = settled(aws, function, world)
    except CloudError as error:
        raise RefusedError(f"function {function}: {told(error)}") from error
    except BusyError as error:
        raise RefusedError(str(error)) from error
    if found is None:
        raise RefusedError(f"function {function}: there is no such function in {aws.access.region}")
    if why := failed_update(found):
        raise RefusedError(f"function {function}: its last update failed: {why}")
    return aws, found


def undo_of(aws: Reached, found: Configuration, **what: Any) -> dict[str, Any]:
    """What clearing needs: how AWS is reached, which function, and what is to be restored."""
    return {"aws": asdict(aws.access), "function": str(found["FunctionArn"]), **what}


# --- changing ---------------------------------------------------------------------------------


def change(
    aws: Reached, function: str, world: World, edit: Callable[[Configuration], dict[str, Any]]
) -> Configuration | None:
    """What the function is once `edit`'s arguments are in effect; None: it has vanished.

    `edit` is asked again where somebody else changed the function in between; with no arguments nothing is
    done. Raises what it raises, BusyError, NotUpdatedError, CloudError.
    """
    for _ in range(TRIES):
        found = settled(aws, function, world)
        update = edit(found) if found else {}
        if not update or found is None:
            return found
        if _sent(aws, function, str(found["RevisionId"]), update):
            return _made(settled(aws, function, world))
        world.wait(PAUSE)
    raise BusyError(f"{function}: others changed it each time before this could")


def _sent(aws: Reached, function: str, revision: str, update: Mapping[str, Any]) -> bool:
    """Whether AWS took it: not where the function is another by now."""
    try:
        ask(
            aws, "lambda", "update_function_configuration",
            FunctionName=function, RevisionId=revision, **update,
        )  # fmt: skip
    except CloudError as error:
        if error.code in (*OVERTAKEN, VANISHED):
            return False
        raise
    return True


def _made(found: Configuration | None) -> Configuration | None:
    if found and (why := failed_update(found)):
        raise NotUpdatedError(f"{found['FunctionArn']}: the update failed: {why}")
    return found


def _under_way(found: Configuration) -> bool:
    return found.get("LastUpdateStatus") == "InProgress" or found.get("State") == "Pending"


# --- the mark ---------------------------------------------------------------------------------
# A tag for each part that is hurt: what another engine hurts is never taken for what it was before.


def check_unmarked(aws: Reached, arn: str, parts: Iterable[str], allowed: str = "") -> None:
    """RefusedError: a part of it has somebody's mark, `allowed` aside."""
    for part, whose in _marks(aws, arn).items():
        if part in parts and whose != allowed:
            key = f"{TAG}{part}"
            raise RefusedError(
                f"function {arn} has the tag {key}={whose}: a fault is in, or was never cleared. Once its "
                f"{part} is as it should be: aws lambda untag-resource --resource {arn} --tag-keys {key}"
            )


def put_mark(aws: Reached, fault: Fault, parts: Iterable[str]) -> None:
    """Say whose it is now. RefusedError: it is somebody else's."""
    arn, parts = fault.undo["function"], tuple(parts)
    check_unmarked(aws, arn, parts, allowed=mark(fault))
    ask(aws, "lambda", "tag_resource", Resource=arn, Tags={f"{TAG}{part}": mark(fault) for part in parts})


def take_mark(aws: Reached, fault: Fault) -> None:
    """Our own ones, and nobody else's. A function that has vanished has none."""
    arn = fault.undo["function"]
    keys = [f"{TAG}{part}" for part, whose in _marks(aws, arn).items() if whose == mark(fault)]
    if keys:
        ask(aws, "lambda", "untag_resource", Resource=arn, TagKeys=keys)


def _marks(aws: Reached, arn: str) -> dict[str, str]:
    try:
        found = ask(aws, "lambda", "list_tags", Resource=arn).get("Tags") or {}
    except CloudError as error:
        if error.code == VANISHED:
            return {}
        raise
    return {key.removeprefix(TAG): str(value) for key, value in found.items() if key.startswith(TAG)}
