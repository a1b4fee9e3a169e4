"""Pure: what is worth a notice, and what a notice says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from chaos_engine.model import Recovered, Verdict

MEANINGS = {
    "inject": "a fault is about to be injected",
    "injected": "a fault has been injected",
    "cleared": "a fault is out, and was seen to be out",
    "could_not_clear": "a clearing failed, and is tried again: said once a fault",
    "overdue": "a fault is past its deadline, and not out: said once a fault",
    "left": "the engine ends, and a fault is still in",
    "found": "an engine starts, and finds a fault that an earlier one left",
    "halted": "an operator halted the engine, or it starts halted",
    "paused": "an operator paused the schedule, or the engine starts paused",
    "resumed": "an operator lifted a halt or a pause",
    "refused": "a rule forbade a start",
    "approval": "an experiment waits for somebody to approve it",
    "verdict": "an experiment ended, however it went",
    "not_recovered": "an experiment ended, and the system did not recover in time",
    **{verdict.value: f"an experiment ended with the verdict {verdict.value}" for verdict in Verdict},
}  # as users write them under `on`
EVENTS = (
    "inject", "cleared", "could_not_clear", "overdue", "left", "found", "halted", "paused", "resumed",
    "verdict", "approval",
)  # fmt: skip
ALARMS = (
    "inject", "not_supported", "not_recovered", "overdue", "could_not_clear", "left", "halted",
    "approval",
)  # fmt: skip
_OF_KIND = {
    "inject": "inject", "injected": "injected", "cleared": "cleared", "clear_failed": "could_not_clear",
    "overdue": "overdue", "left": "left", "reconcile": "found", "skip": "refused",
}  # fmt: skip
_OF_FAULTS = ("inject", "injected", "cleared", "could_not_clear", "overdue", "left", "found")
_KNOWN = (
    "experiment", "fault", "scenario", "target", "label", "targets", "parameters", "deadline", "hold",
    "seconds", "late", "error", "verdict", "recovery", "time_to_recover", "ended_by", "witness", "cleanup",
    "reason", "rule", "id", "who", "why",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Notice:
    """One line of the log, and why it is told. `at` is wall time."""

    occasion: str
    at: float
    level: str  # info, warning, error
    kind: str
    text: str
    fields: Mapping[str, Any]


def occasions(kind: str, fields: Mapping[str, Any]) -> tuple[str, ...]:
    """What a line of the log is an occasion of, the most particular first; none: of no notice."""
    if kind == "verdict":
        unwell = fields.get("recovery") == Recovered.NOT_RECOVERED
        return (*("not_recovered",) * unwell, str(fields["verdict"]), "verdict")
    if kind == "switches":
        return ("halted" if fields["halted"] else "paused" if fields["paused"] else "resumed",)
    if kind == "approval":
        return ("approval",) * (fields.get("state") == "asked")
    found = _OF_KIND.get(kind)
    if found is None or (found in _OF_FAULTS and "fault" not in fields):
        return ()
    return (found,)


def told(notice: Notice, host: str) -> dict[str, Any]:
    """All that a payload may name, whatever the occasion: what there is not is None.

    Times are Unix time in seconds; those that end in `_ms` in milliseconds.
    """
    fields = notice.fields
    start, end = _span(notice)
    return {
        **{name: fields.get(name) for name in _KNOWN},
        "occasion": notice.occasion,
        "kind": notice.kind,
        "level": notice.level,
        "text": notice.text,
        "host": host,
        "at": notice.at,
        "time": datetime.fromtimestamp(notice.at, UTC).isoformat(timespec="milliseconds"),
        "at_ms": _ms(notice.at),
        "start_ms": _ms(start),
        "end_ms": _ms(end),
        "deadline_ms": None if fields.get("deadline") is None else _ms(fields["deadline"]),
        "target": fields.get("target") or ", ".join(fields.get("targets") or ()) or None,
    }


def _span(notice: Notice) -> tuple[float, float]:
    """From when to when: a fault's time where it is over, else this moment twice."""
    fields, at = notice.fields, notice.at
    if fields.get("seconds") is not None:
        return at - float(fields["seconds"]), at
    if fields.get("injected_at") is not None:
        return float(fields["injected_at"]), float(fields.get("cleared_at") or at)
    return at, at


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


# --- samples --------------------------------------------------------------------------------

_AT = 1_700_000_000.0
# No template may rely on what a text looks like: hence the quotes, the line and the backslash.
_TEXT = 'A "sample" with a \\ in it,\nand two lines'
_FAULT = {
    "experiment": "e1", "fault": "e1-0", "scenario": "slowdown", "target": "shop", "deadline": _AT + 50.0,
}  # fmt: skip
_ENDED = {
    "experiment": "e1", "scenario": "slowdown", "label": "slowdown", "targets": ["shop"], "reason": _TEXT,
    "time_to_recover": 1.5, "witness": "felt", "ended_by": "time", "recovery": "recovered",
    "cleanup": "clean", "injected_at": _AT - 30.0, "cleared_at": _AT,
}  # fmt: skip
_MORE: Mapping[str, Mapping[str, Any]] = MappingProxyType({
    "inject": {"label": "slowdown", "targets": ["shop"], "hold": 30.0, "parameters": {"delay": 2.0}},
    "cleared": {"seconds": 30.0, "late": 0.0},
    "could_not_clear": {"error": _TEXT},
    "not_recovered": {"verdict": "not_supported", "recovery": "not_recovered", "time_to_recover": None},
    "verdict": {"verdict": "supported"},
    "refused": {"rule": "max_per_hour", "reason": _TEXT},
    "approval": {"id": "a1", "scenario": "slowdown", "target": "shop", "state": "asked", "why": _TEXT},
})  # fmt: skip


def sample(occasion: str) -> Notice:
    """A notice of this occasion, as it could come."""
    fields: dict[str, Any] = {}
    if occasion in _OF_FAULTS:
        fields |= _FAULT
    elif occasion in ("verdict", "not_recovered", *Verdict):
        fields |= {**_ENDED, "verdict": occasion}
    elif occasion in ("halted", "paused", "resumed"):
        fields |= {"halted": occasion == "halted", "paused": occasion == "paused", "reason": _TEXT}
    return Notice(occasion, _AT, "warning", _kind(occasion), _TEXT, {**fields, **_MORE.get(occasion, {})})


def _kind(occasion: str) -> str:
    if occasion in ("halted", "paused", "resumed"):
        return "switches"
    if occasion == "approval":
        return occasion
    return next((kind for kind, named in _OF_KIND.items() if named == occasion), "verdict")
