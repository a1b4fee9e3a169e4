"""A CloudWatch over HTTP: moto's server, which here also cuts its answers into pages and tells histories."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from unittest.mock import patch

from chaos_engine.adapters.aws import Aws
from chaos_engine.model import AwsAccess

A_PAGE = 50  # alarms, or items of a history
REGION = "eu-west-1"


def access(url: str) -> AwsAccess:
    """How the server is reached. Credentials come from the environment, as everywhere."""
    return AwsAccess(region=REGION, endpoint=url)


@contextmanager
def cloudwatch(points_a_page: int = 100_800) -> Iterator[str]:
    """Run it; gives its URL."""
    from moto.cloudwatch.responses import CloudWatchResponse as Responses
    from moto.server import ThreadedMotoServer

    def metric_data(self: Any) -> Any:
        return _paged_points(self, original(self), points_a_page)

    original = Responses.get_metric_data
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    with (
        patch.object(Responses, "get_metric_data", metric_data),
        patch.object(Responses, "describe_alarms", _alarms),
        patch.object(Responses, "describe_alarm_history", _history, create=True),
    ):
        server.start()
        try:
            host, port = server.get_host_and_port()
            yield f"http://{host}:{port}"
        finally:
            server.stop()


def _paged_points(response: Any, whole: Any, size: int) -> Any:
    """So many datapoints of each series a page, the rest behind a token; PartialData until the last."""
    params = response._get_params()
    if len(params["MetricDataQueries"]) > 500:
        raise _refusal("The collection MetricDataQueries must not have a size greater than 500.")
    first = int(params.get("NextToken") or 0)
    found, more = [], False
    for result in whole.result["MetricDataResults"]:
        rest = len(result["values"]) > first + size
        more = more or rest
        page = {key: result[key][first : first + size] for key in ("values", "timestamps")}
        found.append({**result, **page, "status_code": "PartialData" if rest else "Complete"})
    token = {"NextToken": str(first + size)} if more else {}
    return type(whole)({"MetricDataResults": found, **token})


def _alarms(response: Any) -> Any:
    from moto.core.responses import ActionResult

    params = response._get_params()
    if len(params.get("AlarmNames") or ()) > 100:
        raise _refusal("The collection AlarmNames must not have a size greater than 100.")
    kinds = params.get("AlarmTypes") or ["MetricAlarm"]
    known = response.cloudwatch_backend.get_alarms_by_alarm_names(params["AlarmNames"])
    wanted = [a for a in known if ("MetricAlarm" if a.rule is None else "CompositeAlarm") in kinds]
    page, token = _page(sorted(wanted, key=lambda a: str(a.name)), params)
    metric, composite = ([a for a in page if (a.rule is None) is plain] for plain in (True, False))
    return ActionResult({"MetricAlarms": metric, "CompositeAlarms": composite, **token})


def _history(response: Any) -> Any:
    from moto.core.responses import ActionResult

    params = response._get_params()
    (alarm,) = response.cloudwatch_backend.get_alarms_by_alarm_names([params["AlarmName"]])
    kinds = params.get("AlarmTypes") or ["MetricAlarm"]
    told = ("MetricAlarm" if alarm.rule is None else "CompositeAlarm") in kinds
    since = _aware(params["StartDate"])
    items = [item for item in _changes(alarm) if told and item["Timestamp"] >= since]
    page, token = _page(items, params)
    return ActionResult({"AlarmHistoryItems": page, **token})


def _changes(alarm: Any) -> list[Mapping[str, Any]]:
    """moto keeps what an alarm was, and until when; AWS tells from what to what it went."""
    was = [(state, reason, at) for _, reason, _, state, at in alarm.history]
    course = [*was, (alarm.state_value, alarm.state_reason, alarm.state_updated_timestamp)]
    return [
        {
            "AlarmName": alarm.name,
            "Timestamp": _aware(at),
            "HistoryItemType": "StateUpdate",
            "HistoryData": json.dumps(
                {"oldState": {"stateValue": old}, "newState": {"stateValue": new, "stateReason": reason}}
            ),
            "HistorySummary": f"Alarm updated from {old} to {new}",
        }
        for (old, _, _), (new, reason, at) in pairwise(course)
    ]


def _page(items: Sequence[Any], params: Mapping[str, Any]) -> tuple[Sequence[Any], Mapping[str, str]]:
    first = int(params.get("NextToken") or 0)
    rest = len(items) > first + A_PAGE
    return items[first : first + A_PAGE], {"NextToken": str(first + A_PAGE)} if rest else {}


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _refusal(text: str) -> Exception:
    from moto.cloudwatch.exceptions import ValidationError

    error: Exception = ValidationError(text)
    return error


def client(url: str) -> Any:
    """boto3's own client of it."""
    return Aws().client(access(url), "cloudwatch")


# --- what would take hundreds of calls ------------------------------------------------------


def make_alarms(*names: str, rule: str | None = None) -> None:
    """Alarms over a minute; with a rule, composite ones."""
    for name in names:
        _backend().put_metric_alarm(
            name=name, namespace="Shop", metric_name="Errors", comparison_operator="GreaterThanThreshold",
            evaluation_periods=1, period=None if rule else 60, threshold=1.0, statistic="Sum", description="",
            dimensions=[], alarm_actions=[], rule=rule,
        )  # fmt: skip


def change(name: str, *states: str) -> None:
    """Put the alarm in these states, one after another."""
    for state in states:
        time.sleep(0.002)
        _backend().set_alarm_state(name, f"to {state}", "{}", state)


def _backend() -> Any:
    from moto.cloudwatch.models import cloudwatch_backends

    return cloudwatch_backends["123456789012"][REGION]
