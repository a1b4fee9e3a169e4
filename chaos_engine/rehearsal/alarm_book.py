"""All alarms of one region: what is put, set and deleted, and their evaluation as time goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from chaos_engine.rehearsal import alarm_evaluation as evaluation
from chaos_engine.rehearsal.alarm_history import History
from chaos_engine.rehearsal.alarm_model import ALARM, OK, Alarm, State, Watch
from chaos_engine.rehearsal.alarm_reasons import of_children, of_children_data, reason, reason_data
from chaos_engine.rehearsal.alarm_rule import Rule
from chaos_engine.rehearsal.alarm_watch import enough_samples
from chaos_engine.rehearsal.cloudwatch_queries import answer
from chaos_engine.rehearsal.cloudwatch_samples import Samples
from chaos_engine.rehearsal.metric_statistics import count


@dataclass(frozen=True)
class _Range:
    """The window of an evaluation: the same for each period of the alarm."""

    of: range

    def starts(self, period: int) -> range:
        return range(self.of.start, self.of.stop, period) if period else range(0)


@dataclass
class AlarmBook:
    """`alarms` by name. Times are Unix seconds."""

    alarms: dict[str, Alarm] = field(default_factory=dict)
    history: History = field(default_factory=History)
    _changed: set[str] = field(default_factory=set)  # since composite alarms were last looked at

    def put(self, name: str, arn: str, given: Mapping[str, Any], watches: Watch | Rule, now: float) -> Alarm:
        """Creates it, or gives it another configuration: the state stays, and it is evaluated at once."""
        before = self.alarms.get(name)
        state = before.state if before else State.initial(now)
        alarm = self.alarms[name] = Alarm(name, arn, given, watches, state, now)
        self.history.configured(alarm, now, "updated" if before else "created")
        return alarm

    def delete(self, names: Iterable[str], now: float) -> None:
        """Those that are there."""
        for name in names:
            if alarm := self.alarms.pop(name, None):
                self.history.configured(alarm, now, "deleted")

    def set_state(self, name: str, value: str, why: str, data: str, now: float) -> None:
        """SetAlarmState: it holds until the next evaluation."""
        self._enter(self.alarms[name], value, why, data, now)

    def parents(self, names: Iterable[str]) -> list[Alarm]:
        """The composite alarms that refer to one of these."""
        known = {key for name in names if name in self.alarms for key in (name, self.alarms[name].alarm_arn)}
        return [alarm for alarm in self.alarms.values() if known.intersection(_children(alarm))]

    def tick(self, samples: Callable[[], Samples], now: float) -> None:
        """Evaluates what is due: metric alarms by their cadence, composite ones when a child has changed."""
        due = [
            alarm
            for alarm in self.alarms.values()
            if isinstance(alarm.watches, Watch) and _is_due(alarm, now)
        ]
        known = samples() if due else None
        for alarm in due:
            assert isinstance(alarm.watches, Watch) and known is not None  # noqa: S101, PT018 - by the lines above
            self._evaluate(alarm, alarm.watches, known, now)
        self._evaluate_rules(now)

    def _evaluate(self, alarm: Alarm, watch: Watch, samples: Samples, now: float) -> None:
        starts = evaluation.starts(watch, now)
        alarm = self.alarms[alarm.name] = replace(alarm, evaluated=float(starts.stop))
        if not _enough(watch, samples, starts):
            return
        values = answer(watch.queries, _Range(starts), samples.series)[0].series.values
        verdict = evaluation.decide(watch, [(at, values.get(at)) for at in starts])
        if verdict.value not in (None, alarm.state.value):
            old, new = alarm.state.value, verdict.value or ""
            self._enter(alarm, new, reason(watch, old, verdict), reason_data(watch, verdict, now), now)

    def _evaluate_rules(self, now: float) -> None:
        """Children before their parents, so that a change goes all the way up at once."""
        rules = {a.name: a.watches for a in self.alarms.values() if isinstance(a.watches, Rule)}
        if not self._changed and all(self.alarms[name].evaluated is not None for name in rules):
            return
        children = {name: sorted(child.name for child in self._named(rule)) for name, rule in rules.items()}
        for name in _in_order(children):
            moved = [self.alarms[child] for child in children[name] if child in self._changed]
            if moved or self.alarms[name].evaluated is None:
                self._evaluate_rule(self.alarms[name], rules[name], moved, now)
        self._changed.clear()

    def _evaluate_rule(self, alarm: Alarm, rule: Rule, moved: list[Alarm], now: float) -> None:
        alarm = self.alarms[alarm.name] = replace(alarm, evaluated=now)
        states = {
            key: child.state.value for child in self._named(rule) for key in (child.name, child.alarm_arn)
        }
        value = ALARM if rule.holds(states) else OK
        if value != alarm.state.value:
            why = of_children(alarm, moved, value)
            self._enter(alarm, value, why, of_children_data(moved or self._named(rule)), now)

    def _named(self, rule: Rule) -> list[Alarm]:
        return [
            alarm
            for alarm in self.alarms.values()
            if alarm.name in rule.children or alarm.alarm_arn in rule.children
        ]

    def _enter(self, alarm: Alarm, value: str, why: str, data: str, now: float) -> None:
        moved = value != alarm.state.value
        state = State(value, why, data, now, now if moved else alarm.state.transitioned)
        entered = self.alarms[alarm.name] = replace(alarm, state=state)
        if moved:
            self._changed.add(alarm.name)
            self.history.changed(entered, alarm.state)


def _in_order(children: Mapping[str, Sequence[str]]) -> list[str]:
    """Children first. Those of a circle are left out: CloudWatch stops evaluating them."""
    try:
        return [name for name in TopologicalSorter(children).static_order() if name in children]
    except CycleError as error:
        circle = set(error.args[1])
        return _in_order({name: below for name, below in children.items() if name not in circle})


def _is_due(alarm: Alarm, now: float) -> bool:
    assert isinstance(alarm.watches, Watch)  # noqa: S101 - composite alarms are never due by time
    return alarm.evaluated is None or evaluation.last_end(alarm.watches, now) > alarm.evaluated


def _enough(watch: Watch, samples: Samples, starts: range) -> bool:
    stat = watch.queries[0].stat
    if not watch.ignores_few_samples or stat is None:
        return True
    counted = samples.between(stat.metric, starts.stop - watch.period * watch.periods, starts.stop, stat.unit)
    return enough_samples(watch, count(counted))


def _children(alarm: Alarm) -> tuple[str, ...]:
    return alarm.watches.children if isinstance(alarm.watches, Rule) else ()
