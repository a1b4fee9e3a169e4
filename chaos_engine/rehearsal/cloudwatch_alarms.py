"""The operations on alarms: the API's parameters in, its results out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from chaos_engine.rehearsal import alarm_rule
from chaos_engine.rehearsal import cloudwatch_pages as pages
from chaos_engine.rehearsal.alarm_book import AlarmBook
from chaos_engine.rehearsal.alarm_history import Item, Wanted
from chaos_engine.rehearsal.alarm_model import STATES, Alarm, Watch
from chaos_engine.rehearsal.alarm_watch import watch
from chaos_engine.rehearsal.cloudwatch_queries import ValidationError
from chaos_engine.rehearsal.cloudwatch_requests import moment, seconds

MOST_AT_ONCE = 100
USUAL_ALARMS, USUAL_HISTORY = 50, 100
NOT_IN_RULES = (
    "ActionConfiguration", "ActionsSuppressor",
    "ActionsSuppressorExtensionPeriod", "ActionsSuppressorWaitPeriod",
)  # fmt: skip
LISTS = ("AlarmActions", "OKActions", "InsufficientDataActions")
Request = Mapping[str, Any]


class NotFoundError(KeyError):
    """ResourceNotFound."""


class FormatError(ValueError):
    """InvalidFormat."""


def put_metric_alarm(book: AlarmBook, request: Request, arn_of: Callable[[str], str], now: float) -> Alarm:
    """PutMetricAlarm."""
    name = _name(request, book, "MetricAlarm")
    return book.put(name, arn_of(name), _given(request), watch(request), now)


def put_composite_alarm(book: AlarmBook, request: Request, arn_of: Callable[[str], str], now: float) -> Alarm:
    """PutCompositeAlarm. The alarms that its rule names must be there."""
    for parameter in NOT_IN_RULES:
        if request.get(parameter) is not None:
            raise ValidationError(f"The parameter {parameter} is not done by the rehearsal.")
    name = _name(request, book, "CompositeAlarm")
    try:
        rule = alarm_rule.parse(request.get("AlarmRule") or "")
    except ValueError as error:
        raise ValidationError(str(error)) from None
    known = {key for alarm in book.alarms.values() for key in (alarm.name, alarm.alarm_arn)}
    if unknown := [child for child in rule.children if child not in known]:
        missing = ", ".join(unknown)
        raise ValidationError(
            f"Could not save the composite alarm as alarms [{missing}] in the alarm rule do not exist"
        )
    return book.put(name, arn_of(name), _given(request), rule, now)


def delete_alarms(book: AlarmBook, request: Request, now: float) -> None:
    """DeleteAlarms: names that are not there are passed over."""
    names = _names(request)
    composite = [name for name in names if name in book.alarms and book.alarms[name].kind == "CompositeAlarm"]
    if len(composite) > 1:
        raise ValidationError("At most one composite alarm can be deleted in one call.")
    if left := [alarm.name for alarm in book.parents(names) if alarm.name not in names]:
        raise ValidationError(
            f"Cannot delete {', '.join(names)} as there are composite alarm(s) depending on it: {left}"
        )
    book.delete(names, now)


def set_alarm_state(book: AlarmBook, request: Request, now: float) -> None:
    """SetAlarmState."""
    name, value, data = request["AlarmName"], request["StateValue"], request.get("StateReasonData") or ""
    if data and not _is_json(data):
        raise FormatError("StateReasonData is not valid JSON")
    if name not in book.alarms:
        raise NotFoundError(name)
    if value not in STATES:
        raise ValidationError(
            f"1 validation error detected: Value '{value}' at 'stateValue' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(STATES)}]"
        )
    book.set_state(name, value, request.get("StateReason") or "", data, now)


def switch_actions(book: AlarmBook, request: Request, now: float, *, on: bool) -> None:
    """EnableAlarmActions and DisableAlarmActions."""
    for name in _names(request):
        if alarm := book.alarms.get(name):
            book.put(name, alarm.alarm_arn, {**alarm.given, "ActionsEnabled": on}, alarm.watches, now)


def describe_alarms(book: AlarmBook, request: Request) -> dict[str, Any]:
    """DescribeAlarms, by pages in order of the names."""
    for parameter in ("ChildrenOfAlarmName", "ParentsOfAlarmName"):
        if request.get(parameter):
            raise ValidationError(f"The parameter {parameter} is not done by the rehearsal.")
    if request.get("AlarmNames") and request.get("AlarmNamePrefix"):
        raise ValidationError("AlarmNamePrefix and AlarmNames are mutually exclusive")
    _names(request)
    found = {alarm.name: alarm for alarm in book.alarms.values() if _is_wanted(alarm, request)}
    same = _without_token(request)
    after = pages.place(request["NextToken"], same) if request.get("NextToken") else None
    names, last = pages.of_names(found, _most(request, USUAL_ALARMS), after)
    page = [found[name] for name in names]
    return {
        "MetricAlarms": [described(alarm) for alarm in page if alarm.kind == "MetricAlarm"],
        "CompositeAlarms": [described(alarm) for alarm in page if alarm.kind == "CompositeAlarm"],
        **({"NextToken": pages.token(last, same)} if last else {}),
    }


def describe_alarm_history(book: AlarmBook, request: Request) -> dict[str, Any]:
    """DescribeAlarmHistory, by pages, newest first unless ScanBy says otherwise."""
    if request.get("AlarmContributorId"):
        raise ValidationError("The parameter AlarmContributorId is not done by the rehearsal.")
    wanted = Wanted(
        request.get("AlarmName") or None,
        tuple(request.get("AlarmTypes") or ("MetricAlarm",)),
        request.get("HistoryItemType") or None,
        *(seconds(request[name]) if request.get(name) else None for name in ("StartDate", "EndDate")),
    )
    same = _without_token(request)
    after = pages.place(request["NextToken"], same) if request.get("NextToken") else None
    newest_first = (request.get("ScanBy") or pages.NEWEST_FIRST) == pages.NEWEST_FIRST
    items, last = book.history.page(wanted, _most(request, USUAL_HISTORY), after, newest_first=newest_first)
    return {
        "AlarmHistoryItems": [_item(item) for item in items],
        **({"NextToken": pages.token(last, same)} if last else {}),
    }


def describe_alarms_for_metric(book: AlarmBook, request: Request) -> dict[str, Any]:
    """DescribeAlarmsForMetric: the alarms on exactly this metric, expressions left out."""
    same = ("Namespace", "MetricName", "Statistic", "ExtendedStatistic", "Period", "Unit")
    asked = {name: request[name] for name in same if request.get(name)}
    dimensions = _pairs(request.get("Dimensions"))
    found = [
        described(alarm)
        for alarm in book.alarms.values()
        if all(alarm.given.get(name) == value for name, value in asked.items())
        and _pairs(alarm.given.get("Dimensions")) == dimensions
    ]
    return {"MetricAlarms": found}


def described(alarm: Alarm) -> dict[str, Any]:
    """A MetricAlarm or CompositeAlarm of the API."""
    state = alarm.state
    return {
        **alarm.given,
        "AlarmArn": alarm.alarm_arn,
        "AlarmConfigurationUpdatedTimestamp": moment(alarm.configured),
        "ActionsEnabled": alarm.given.get("ActionsEnabled") is not False,
        **{name: list(alarm.given.get(name) or ()) for name in LISTS},
        "StateValue": state.value,
        "StateReason": state.reason,
        **({"StateReasonData": state.data} if state.data else {}),
        "StateUpdatedTimestamp": moment(state.updated),
        "StateTransitionedTimestamp": moment(state.transitioned),
        **(
            {"TreatMissingData": alarm.given.get("TreatMissingData") or "missing"}
            if _is_metric(alarm)
            else {}
        ),
    }


def _is_metric(alarm: Alarm) -> bool:
    return isinstance(alarm.watches, Watch)


def _is_wanted(alarm: Alarm, request: Request) -> bool:
    names, prefix = request.get("AlarmNames"), request.get("ActionPrefix")
    return (
        alarm.kind in (request.get("AlarmTypes") or ("MetricAlarm",))
        and (not names or alarm.name in names)
        and alarm.name.startswith(request.get("AlarmNamePrefix") or "")
        and request.get("StateValue") in (None, "", alarm.state.value)
        and (not prefix or any(action.startswith(prefix) for action in alarm.actions))
    )


def _item(item: Item) -> dict[str, Any]:
    return {
        "AlarmName": item.alarm,
        "AlarmType": item.kind,
        "Timestamp": moment(item.at),
        "HistoryItemType": item.type,
        "HistorySummary": item.summary,
        "HistoryData": item.data,
    }


def _name(request: Request, book: AlarmBook, kind: str) -> str:
    name: str = request.get("AlarmName") or ""
    if not name:
        raise ValidationError("The parameter AlarmName is required.")
    if name in book.alarms and book.alarms[name].kind != kind:
        raise ValidationError(f"There is an alarm of another type with the name {name}.")
    return name


def _names(request: Request) -> Sequence[str]:
    names: Sequence[str] = request.get("AlarmNames") or ()
    if len(names) > MOST_AT_ONCE:
        raise ValidationError(f"The collection AlarmNames must not have a size greater than {MOST_AT_ONCE}.")
    return names


def _most(request: Request, usual: int) -> int:
    most = int(request.get("MaxRecords") or usual)
    if not 1 <= most <= MOST_AT_ONCE:
        raise ValidationError(f"The parameter MaxRecords must be between 1 and {MOST_AT_ONCE}.")
    return most


def _given(request: Request) -> dict[str, Any]:
    return {name: value for name, value in request.items() if name != "Tags" and value is not None}


def _without_token(request: Request) -> dict[str, Any]:
    return {name: value for name, value in request.items() if name != "NextToken"}


def _pairs(dimensions: Iterable[Mapping[str, str]] | None) -> set[tuple[str, str]]:
    return {(each["Name"], each["Value"]) for each in dimensions or ()}


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
