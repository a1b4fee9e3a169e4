"""Lambda's functions, hooked into moto: an update takes a moment, and has a revision that others may name.

moto keeps functions, layers and tags. The rules are those of
https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html and API_UpdateFunctionConfiguration.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from moto.awslambda import models
from moto.awslambda.exceptions import LambdaClientError, PreconditionFailedException

TAKES = 0.5  # seconds between an update and its effect
OVERTAKEN = (
    "The RevisionId provided does not match the latest RevisionId. Call the GetFunction API to retrieve the "
    "latest RevisionId for your resource."
)


class ConflictError(LambdaClientError):
    """An update is under way."""

    code = 409

    def __init__(self, arn: str) -> None:
        super().__init__(
            "ResourceConflictException",
            "The operation cannot be performed at this time. An update is in progress for resource: " + arn,
        )


class ThrottledError(LambdaClientError):
    """Nothing is reserved for it."""

    code = 429

    def __init__(self) -> None:
        super().__init__("TooManyRequestsException", "Rate Exceeded.")


class RehearsedFunction(models.LambdaFunction):
    """moto's function with a revision, and updates that take time."""

    clock: Callable[[], float] = staticmethod(time.time)

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.revision, self.busy_until = str(uuid4()), 0.0

    def get_configuration(self, on_create: bool = False) -> dict[str, Any]:
        """With its revision, and whether an update is under way."""
        found = super().get_configuration(on_create)
        if not on_create:
            found["LastUpdateStatus"] = "InProgress" if self._is_busy() else "Successful"
        return {**found, "RevisionId": self.revision}

    def update_configuration(self, config_updates: dict[str, Any]) -> dict[str, Any]:
        """Refused where one is under way, or the revision that it names is not the latest."""
        self._begin(config_updates)
        super().update_configuration(config_updates)
        return self.get_configuration()

    def update_function_code(self, updated_spec: dict[str, Any]) -> dict[str, Any]:
        """As above. moto calls this twice for one request: a request has one revision."""
        if not self._is_busy():
            self._begin(updated_spec)
        return super().update_function_code(updated_spec)

    def get_code(self) -> dict[str, Any]:
        """A reserved concurrency of 0 is one, too."""
        found = super().get_code()
        if self.reserved_concurrency is not None:
            found["Concurrency"] = {"ReservedConcurrentExecutions": self.reserved_concurrency}
        return found

    def invoke(self, body: str, request_headers: Any, response_headers: Any) -> str | bytes:
        """Throttled where no concurrency is left to it; else moto's."""
        if self.reserved_concurrency == 0:
            raise ThrottledError
        return super().invoke(body, request_headers, response_headers)

    def _begin(self, given: dict[str, Any]) -> None:
        if self._is_busy():
            raise ConflictError(self.function_arn)
        if given.get("RevisionId") not in (None, self.revision):
            raise PreconditionFailedException(OVERTAKEN)
        self.revision, self.busy_until = str(uuid4()), type(self).clock() + TAKES

    def _is_busy(self) -> bool:
        return type(self).clock() < self.busy_until


class FunctionsTicker:
    """Nothing happens by itself: whether an update is over is looked at when somebody asks."""

    def tick(self, now: float) -> None:
        """Nothing."""


def install(clock: Callable[[], float]) -> FunctionsTicker:
    """Before the server's first request; `clock` gives Unix seconds."""
    RehearsedFunction.clock = staticmethod(clock)
    models.LambdaFunction = RehearsedFunction  # type: ignore[misc]  # it makes them by this name
    return FunctionsTicker()
