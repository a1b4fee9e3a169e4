"""What happened to alarms (API reference: DescribeAlarmHistory). Kept two weeks, also of deleted alarms."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chaos_engine.rehearsal.alarm_model import Alarm, State
from chaos_engine.rehearsal.alarm_reasons import dumped

KEPT = 14 * 86_400.0


@dataclass(frozen=True)
class Item:
    """One line; `number` grows with time."""

    number: int
    alarm: str
    kind: str  # MetricAlarm or CompositeAlarm
    at: float
    type: str  # ConfigurationUpdate or StateUpdate
    summary: str
    data: str


@dataclass(frozen=True)
class Wanted:
    """A question for history. None is any; times are Unix seconds, both included."""

    alarm: str | None = None
    kinds: tuple[str, ...] = ("MetricAlarm",)
    type: str | None = None
    start: float | None = None
    end: float | None = None

    def takes(self, item: Item) -> bool:
        """Whether this item is asked for."""
        return (
            self.alarm in (None, item.alarm)
            and item.kind in self.kinds
            and self.type in (None, item.type)
            and (self.start is None or item.at >= self.start)
            and (self.end is None or item.at <= self.end)
        )


class History:
    """All items of one region, oldest first."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self._next = 1

    def add(self, alarm: Alarm, at: float, type_: str, summary: str, data: Mapping[str, Any]) -> None:
        """Another item; what is older than two weeks goes."""
        if self.items and self.items[0].at < at - KEPT:
            self.items = [item for item in self.items if item.at >= at - KEPT]
        self.items.append(Item(self._next, alarm.name, alarm.kind, at, type_, summary, dumped(data)))
        self._next += 1

    def configured(self, alarm: Alarm, at: float, done: str) -> None:
        """`done` is created, updated or deleted."""
        type_ = done.removesuffix("d").capitalize()
        data = {"type": type_, f"{done}Alarm": _configuration(alarm), "version": "1.0"}
        self.add(alarm, at, "ConfigurationUpdate", f'Alarm "{alarm.name}" {done}', data)

    def changed(self, alarm: Alarm, old: State) -> None:
        """The alarm went from `old` to the state that it has."""
        new = alarm.state
        data = {"version": "1.0", "oldState": _state(old), "newState": _state(new)}
        self.add(alarm, new.updated, "StateUpdate", f"Alarm updated from {old.value} to {new.value}", data)

    def page(
        self, wanted: Wanted, most: int, after: int | None, *, newest_first: bool
    ) -> tuple[Sequence[Item], int | None]:
        """The next items, and the number of the last one where more are left."""
        ordered = reversed(self.items) if newest_first else iter(self.items)
        left = [
            item for item in ordered if wanted.takes(item) and _beyond(item, after, newest_first=newest_first)
        ]
        return left[:most], left[most - 1].number if len(left) > most else None


def _beyond(item: Item, after: int | None, *, newest_first: bool) -> bool:
    return after is None or (item.number < after if newest_first else item.number > after)


def _state(state: State) -> dict[str, Any]:
    told = {"stateValue": state.value, "stateReason": state.reason}
    return told | ({"stateReasonData": json.loads(state.data)} if state.data else {})


def _configuration(alarm: Alarm) -> dict[str, Any]:
    camel = {name[0].lower() + name[1:]: value for name, value in alarm.given.items()}
    return camel | {"alarmArn": alarm.alarm_arn, "stateValue": alarm.state.value}
