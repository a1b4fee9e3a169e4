"""moto's CloudWatch operations that are answered by us. moto parses and serialises every protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from moto.cloudwatch import exceptions
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult, EmptyResult

from chaos_engine.rehearsal import cloudwatch_alarms as alarms
from chaos_engine.rehearsal.alarm_model import Alarm
from chaos_engine.rehearsal.cloudwatch_backend import RehearsedCloudWatch
from chaos_engine.rehearsal.cloudwatch_pages import TokenError
from chaos_engine.rehearsal.cloudwatch_queries import ValidationError
from chaos_engine.rehearsal.cloudwatch_requests import CombinationError, ValueInvalidError


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

    def put_metric_data(self) -> ActionResult:
        """PutMetricData."""
        with _errors_of_the_api():
            return super().put_metric_data()

    def put_metric_alarm(self) -> ActionResult:
        """PutMetricAlarm."""
        return self._put(alarms.put_metric_alarm)

    def put_composite_alarm(self) -> ActionResult:
        """PutCompositeAlarm."""
        return self._put(alarms.put_composite_alarm)

    def describe_alarms(self) -> ActionResult:
        """DescribeAlarms."""
        return self._answered(partial(alarms.describe_alarms, self._ours.book))

    def describe_alarm_history(self) -> ActionResult:
        """DescribeAlarmHistory, which moto has not."""
        return self._answered(partial(alarms.describe_alarm_history, self._ours.book))

    def describe_alarms_for_metric(self) -> ActionResult:
        """DescribeAlarmsForMetric."""
        return self._answered(partial(alarms.describe_alarms_for_metric, self._ours.book))

    def delete_alarms(self) -> ActionResult:
        """DeleteAlarms."""
        return self._answered(lambda request: alarms.delete_alarms(self._ours.book, request, self._now))

    def set_alarm_state(self) -> ActionResult:
        """SetAlarmState."""
        return self._answered(lambda request: alarms.set_alarm_state(self._ours.book, request, self._now))

    def enable_alarm_actions(self) -> ActionResult:
        """EnableAlarmActions."""
        return self._answered(
            lambda request: alarms.switch_actions(self._ours.book, request, self._now, on=True)
        )

    def disable_alarm_actions(self) -> ActionResult:
        """DisableAlarmActions."""
        return self._answered(
            lambda request: alarms.switch_actions(self._ours.book, request, self._now, on=False)
        )

    def _put(self, put: Callable[..., Alarm]) -> ActionResult:
        ours, request = self._ours, self._plain_params()
        with _errors_of_the_api():
            ours.tag(put(ours.book, request, ours.arn_of, self._now), request.get("Tags"))
        return EmptyResult()

    @property
    def _now(self) -> float:
        return type(self._ours).clock()

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
    except alarms.NotFoundError:
        raise exceptions.ResourceNotFound from None
    except alarms.FormatError as error:
        raise exceptions.InvalidFormat(str(error)) from None
    except ValueInvalidError as error:
        raise exceptions.InvalidParameterValue(str(error)) from None
    except CombinationError as error:
        raise exceptions.InvalidParameterCombination(str(error)) from None
    except ValidationError as error:
        raise exceptions.ValidationError(str(error)) from None
