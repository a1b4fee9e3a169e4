"""A Lambda function gets another reserved concurrency for a while: 0, and every invocation is throttled."""

from __future__ import annotations

from random import Random
from types import MappingProxyType
from typing import Any, ClassVar

from pydantic import Field

from chaos_engine.cloud import CloudError
from chaos_engine.model import Fault, Observation, Seen, Target
from chaos_engine.ports import World
from scenarios.aws import NotStartedError, Reached, RefusedError, reached_by
from scenarios.base import Parameters, Preparation
from scenarios.lambda_function import (
    PATIENCE,
    PAUSE,
    VANISHED,
    FunctionParameters,
    LambdaScenario,
    ask,
    check_unmarked,
    put_mark,
    take_mark,
    there,
    told,
    undo_of,
)

PART = ("concurrency",)
FUNCTION = ("lambda:function:{function}",)
LOOKS = 10  # until AWS shows what it was told
GONE = -1  # instead of a number: there is no such function any more


class ConcurrencyParameters(FunctionParameters):
    """`reserved`: how many may run at once; 0: none."""

    reserved: int = Field(0, ge=0, strict=True)


class LambdaConcurrency(LambdaScenario):
    """What was reserved before is in the undo; None: nothing was, and the reservation is taken off again."""

    name = "lambda_concurrency"
    parameters: ClassVar[type[Parameters]] = ConcurrencyParameters
    permissions = MappingProxyType(
        {
            "lambda:GetFunctionConfiguration": FUNCTION,
            "lambda:GetFunctionConcurrency": FUNCTION,
            "lambda:PutFunctionConcurrency": FUNCTION,
            "lambda:DeleteFunctionConcurrency": FUNCTION,
            "lambda:ListTags": FUNCTION,
            "lambda:TagResource": FUNCTION,
            "lambda:UntagResource": FUNCTION,
        }
    )

    def prepare(self, target: Target, parameters: Any, rng: Random, world: World) -> Preparation:
        """RefusedError: it cannot be seen, has that concurrency already, or the mark of a fault."""
        del rng
        aws, found = there(target, parameters.function, world)
        arn, reserved = str(found["FunctionArn"]), parameters.reserved
        try:
            check_unmarked(aws, arn, PART)
            before = _reserved(aws, arn)
        except CloudError as error:
            raise RefusedError(f"function {arn}: {told(error)}") from error
        if before == reserved:
            raise RefusedError(f"function {arn} has a reserved concurrency of {reserved} already")
        undo = undo_of(aws, found, before=before, reserved=reserved)
        own = {"function": arn, "reserved": reserved}
        return Preparation(own, undo, (f"lambda:{arn}#concurrency",), PATIENCE)

    def inject(self, fault: Fault, world: World) -> None:
        """Only from what was reserved when this was prepared. RefusedError: somebody was faster."""
        aws, arn, reserved = _fault(fault, world)
        try:
            put_mark(aws, fault, PART)
            now = _reserved(aws, arn)
            if now not in (fault.undo["before"], reserved):
                raise RefusedError(f"function {arn} was changed meanwhile: {_shown(now)}")
            ask(
                aws, "lambda", "put_function_concurrency",
                FunctionName=arn, ReservedConcurrentExecutions=reserved,
            )  # fmt: skip
        except CloudError as error:
            raise NotStartedError(told(error)) from error
        if _once(aws, arn, world, reserved) != reserved:
            raise RefusedError(f"function {arn} does not have a reserved concurrency of {reserved}")

    def observe(self, fault: Fault, world: World) -> Seen:
        """GONE where it is another one; whether it is felt, only a client or a metric can tell."""
        aws, arn, reserved = _fault(fault, world)
        now = _reserved(aws, arn)
        if now == reserved:
            return Seen(Observation.BLIND)
        changed = {} if now == fault.undo["before"] else {"changed_to": _shown(now)}
        return Seen(Observation.GONE, details=changed)

    def clear(self, fault: Fault, world: World) -> None:
        """Back to what it was, where it still is ours; then the mark is taken off."""
        aws, arn, reserved = _fault(fault, world)
        before = fault.undo["before"]
        now = _reserved(aws, arn)
        if now == reserved:
            _restore(aws, arn, before)
            now = _once(aws, arn, world, before)
        if now == reserved:
            raise RuntimeError(f"function {arn} still has a reserved concurrency of {reserved}")
        if now not in (before, GONE):
            world.tell(f"function {arn} was changed by somebody else, and is left so: {_shown(now)}")
        take_mark(aws, fault)


def _reserved(aws: Reached, arn: str) -> int | None:
    """None: nothing is; GONE: there is no such function. CloudError: AWS did not say."""
    try:
        found = ask(aws, "lambda", "get_function_concurrency", FunctionName=arn)
    except CloudError as error:
        if error.code == VANISHED:
            return GONE
        raise
    number = found.get("ReservedConcurrentExecutions")
    return None if number is None else int(number)


def _once(aws: Reached, arn: str, world: World, expected: int | None) -> int | None:
    """What is reserved, as soon as it is the expected; AWS may show it a moment later."""
    now = _reserved(aws, arn)
    for _ in range(LOOKS):
        if now in (expected, GONE):
            break
        world.wait(PAUSE)
        now = _reserved(aws, arn)
    return now


def _restore(aws: Reached, arn: str, before: int | None) -> None:
    try:
        if before is None:
            ask(aws, "lambda", "delete_function_concurrency", FunctionName=arn)
        else:
            ask(
                aws, "lambda", "put_function_concurrency",
                FunctionName=arn, ReservedConcurrentExecutions=before,
            )  # fmt: skip
    except CloudError as error:
        if error.code != VANISHED:
            raise


def _fault(fault: Fault, world: World) -> tuple[Reached, str, int]:
    return reached_by(fault, world), fault.undo["function"], fault.undo["reserved"]


def _shown(number: int | None) -> str:
    if number == GONE:
        return "the function has vanished"
    return "nothing is reserved" if number is None else f"{number} are reserved"
