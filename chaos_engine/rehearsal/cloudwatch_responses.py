"""moto's CloudWatch operations that are answered by us. moto parses and serialises every protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.cloudwatch import exceptions
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult

from chaos_engine.rehearsal.cloudwatch_backend import RehearsedCloudWatch
from chaos_engine.rehearsal.cloudwatch_pages import TokenError
from chaos_engine.rehearsal.cloudwatch_queries import ValidationError
from chaos_engine.rehearsal.cloudwatch_requests import CombinationError


class InvalidNextTokenError(exceptions.CloudWatchException):
    """The API's error for a token that was not given, or for another request."""

    code = "InvalidNextToken"
    message = "The next token specified is invalid."


class RehearsedResponse(CloudWatchResponse):
    """One request; a new object for each."""

    def get_metric_data(self) -> ActionResult:
        """GetMetricData."""
        return self._answered(self._ours.data)

    def get_metric_statistics(self) -> ActionResult:
        """GetMetricStatistics."""
        return self._answered(self._ours.statistics)

    @property
    def _ours(self) -> RehearsedCloudWatch:
        backend = self.cloudwatch_backend
        assert isinstance(backend, RehearsedCloudWatch)  # noqa: S101 - install() has put it there
        return backend

    def call_action(self) -> Any:
        """One request at a time, and none during a tick."""
        with self._ours.lock:
            return super().call_action()

    def _answered(self, do: Callable[[dict[str, Any]], dict[str, Any] | None]) -> ActionResult:
        with _errors_of_the_api():
            return ActionResult(do(self._plain_params()))

    def _plain_params(self) -> dict[str, Any]:
        return dict(self._get_params())


@contextmanager
def _errors_of_the_api() -> Iterator[None]:
    try:
        yield
    except TokenError:
        raise InvalidNextTokenError from None
    except CombinationError as error:
        raise exceptions.InvalidParameterCombination(str(error)) from None
    except ValidationError as error:
        raise exceptions.ValidationError(str(error)) from None
