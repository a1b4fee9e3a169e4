"""Pure: when something is injected, and which scenario on which target.

`decide(rules, state, now, rng)` and `evolve(state, event)` neither sleep nor read a clock. Starts lie on a
grid that begins `startup_wait` after the daemon's start; a start that a rule forbids is skipped, with the
rule's name, and the grid stays.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from random import Random
from zoneinfo import ZoneInfo

from cronsim import CronSim

from chaos_engine.model import Now

HOUR, DAY, YEAR = 3600.0, 86400.0, 365 * 86400.0
JITTER = 0.1  # of the start: the experiment itself waits out what is left of `min_interval`
MOST_LATE = 5.0  # seconds after its time that a start is still one
_STRIDE = 1_000_003  # keeps the random streams of neighbouring seeds and slots apart


# --- rules ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choice:
    """One weighted scenario and the targets it may hurt."""

    label: str
    weight: float
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """The schedule's settings. Durations in seconds."""

    every: float
    startup_wait: float
    choices: tuple[Choice, ...]
    enabled: bool = True
    windows: tuple[str, ...] = ()  # cron lines; none: always
    timezone: str = "UTC"
    max_concurrent: int = 1
    min_interval: float = 0.0
    max_per_hour: int | None = None
    max_per_day: int | None = None
    strain_factor: float = 1.0  # the interval is stretched by it while the system has not recovered


# --- state and events -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class State:
    """What the schedule remembers."""

    origin: Now  # slot 0 is at origin + startup_wait
    slot: int = 0  # the next slot on the grid
    last_used: int | None = None  # the last slot that started something
    open: tuple[tuple[str, str], ...] = ()  # (experiment id, target)
    injections: tuple[float, ...] = ()  # wall times of the last day, ascending; open experiments' starts too
    strained: bool = False
    paused: bool = False
    halted: bool = False


@dataclass(frozen=True, slots=True)
class Started:
    """An experiment began, on the schedule or by hand."""

    id: str
    targets: tuple[str, ...]
    at: float  # wall


@dataclass(frozen=True, slots=True)
class Resumed:
    """An experiment of an earlier engine goes on; its start is among `injections` already."""

    id: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """An experiment ended. `began`: its Started.at, forgotten where nothing was injected."""

    id: str
    began: float
    injected: bool
    recovered: bool | None = None  # None: nothing could tell


@dataclass(frozen=True, slots=True)
class Switched:
    """An operator paused, resumed or halted."""

    paused: bool
    halted: bool


@dataclass(frozen=True, slots=True)
class Regrid:
    """The settings changed: the grid begins anew, and the next start is `first` seconds after `now`."""

    now: Now
    startup_wait: float
    first: float


Event = Started | Resumed | Ended | Switched | Regrid


# --- decisions ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Start:
    """Begin an experiment with this scenario on this target."""

    slot: int
    label: str
    target: str


@dataclass(frozen=True, slots=True)
class Skip:
    """This slot passes without a start, because of the named rule."""

    slot: int
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing until then; None: nothing until the settings change."""

    until: Now | None


Decision = Start | Skip | Wait


def decide(rules: Rules, state: State, now: Now, rng: Random) -> tuple[State, Decision]:
    """What is to be done at this moment; after Start and Skip it is asked again."""
    if not rules.enabled or not any(choice.weight > 0 for choice in rules.choices):
        return state, Wait(None)
    due = slot_time(rules, state, state.slot)
    if now.mono < due.mono:
        return state, Wait(due)
    slot = due_slot(rules, state, now)
    late = now.mono - slot_time(rules, state, slot).mono
    if late > min(rules.every / 2, MOST_LATE):
        missed = Skip(slot, "missed", f"the engine was not ready {late:.0f} s ago")
        return replace(state, slot=slot + 1), missed
    forbidden = _forbidden(rules, state, slot, now)
    if forbidden is not None:
        return replace(state, slot=slot + 1), Skip(slot, *forbidden)
    label, target = _choose(_free(rules, state), rng)
    return replace(state, slot=slot + 1, last_used=slot), Start(slot, label, target)


def evolve(state: State, event: Event) -> State:
    """The state after something happened."""
    match event:
        case Started(id_, targets, at):
            # What lies ahead is from before the clock was set back.
            recent = tuple(t for t in state.injections if at - DAY < t <= at)
            return replace(state, open=(*state.open, *((id_, t) for t in targets)), injections=(*recent, at))
        case Resumed(id_, targets):
            return replace(state, open=(*state.open, *((id_, t) for t in targets)))
        case Ended():
            return _ended(state, event)
        case Switched(paused, halted):
            return replace(state, paused=paused, halted=halted)
        case Regrid(now, startup_wait, first):
            return replace(state, origin=now.plus(first - startup_wait), slot=0, last_used=None)


def stream(seed: int, slot: int) -> Random:
    """The randomness of one slot: it depends on nothing that happened before."""
    return Random(seed * _STRIDE + slot)  # noqa: S311  # a seedable history is the point


def slot_time(rules: Rules, state: State, slot: int) -> Now:
    """When a slot of the grid is due."""
    return state.origin.plus(rules.startup_wait + slot * rules.every)


def due_slot(rules: Rules, state: State, now: Now) -> int:
    """The slot that is decided on at this moment: slots slept through are not made up for."""
    return max(state.slot, _slot_at(rules, state, now))


def next_start(rules: Rules, state: State) -> Now | None:
    """When the next slot is due; None while nothing is scheduled."""
    if not rules.enabled or state.paused or state.halted:
        return None
    return slot_time(rules, state, state.slot)


def inject_after(rules: Rules, last_injection: Now | None) -> Now | None:
    """The earliest moment of the next injection."""
    return None if last_injection is None else last_injection.plus(rules.min_interval)


def hand_forbidden(rules: Rules, state: State, targets: tuple[str, ...], now: Now) -> tuple[str, str] | None:
    """The rule that forbids an injection by hand, if one does: the caps and the halt, not the calendar."""
    if state.halted:
        return "halt", "the engine is halted; lift it with resume"
    busy = sorted({target for _, target in state.open} & set(targets))
    if busy:
        return "one_fault_per_target", f"target {busy[0]} is being hurt already"
    return _capped(rules, state, now)


# --- the rules, one by one ------------------------------------------------------------------


def _forbidden(rules: Rules, state: State, slot: int, now: Now) -> tuple[str, str] | None:
    """The first rule that forbids a start now: its name, and a sentence."""
    if state.halted or state.paused:
        return ("halt", "the engine is halted") if state.halted else ("pause", "the schedule is paused")
    if not in_windows(rules.windows, rules.timezone, now.wall):
        return "windows", "outside the schedule's windows"
    if _stretched(rules, state, slot):
        return "when_not_recovered", "the system has not recovered: the interval is stretched"
    capped = _capped(rules, state, now)
    if capped is not None:
        return capped
    return None if _free(rules, state) else ("one_fault_per_target", "every target is being hurt already")


def _capped(rules: Rules, state: State, now: Now) -> tuple[str, str] | None:
    running = len({id_ for id_, _ in state.open})
    if running >= rules.max_concurrent:
        return "max_concurrent", f"{running} experiment{'s' * (running > 1)} still open"
    past = bisect_right(state.injections, now.wall)
    wait = state.injections[past - 1] + rules.min_interval - now.wall if past else 0.0
    if wait > JITTER:
        return "min_interval", f"{wait:.0f} s too close to the last injection"
    for name, limit, span in (
        ("max_per_hour", rules.max_per_hour, HOUR),
        ("max_per_day", rules.max_per_day, DAY),
    ):
        count = past - bisect_right(state.injections, now.wall - span)
        if limit is not None and count >= limit:
            return name, f"{count} injections in the last {'hour' if span == HOUR else 'day'}"
    return None


def _stretched(rules: Rules, state: State, slot: int) -> bool:
    if not state.strained or state.last_used is None:
        return False
    return slot - state.last_used < math.ceil(rules.strain_factor)


def _free(rules: Rules, state: State) -> tuple[Choice, ...]:
    """The choices that have a target which nobody is hurting, with only those targets."""
    busy = {target for _, target in state.open}
    if not busy:
        return tuple(choice for choice in rules.choices if choice.targets and choice.weight > 0)
    free = (replace(c, targets=tuple(t for t in c.targets if t not in busy)) for c in rules.choices)
    return tuple(choice for choice in free if choice.targets and choice.weight > 0)


def _choose(choices: tuple[Choice, ...], rng: Random) -> tuple[str, str]:
    choice = rng.choices(choices, weights=[c.weight for c in choices])[0]
    return choice.label, rng.choice(choice.targets)


def _ended(state: State, event: Ended) -> State:
    injections = state.injections
    if not event.injected and event.began in injections:
        index = injections.index(event.began)
        injections = injections[:index] + injections[index + 1 :]
    still_open = tuple(entry for entry in state.open if entry[0] != event.id)
    strained = state.strained if event.recovered is None else not event.recovered
    return replace(state, open=still_open, injections=injections, strained=strained)


def _slot_at(rules: Rules, state: State, now: Now) -> int:
    """The newest slot that is due. A hair's breadth is granted to the floating point."""
    return math.floor((now.mono - state.origin.mono - rules.startup_wait) / rules.every + 1e-9)


# --- windows --------------------------------------------------------------------------------


def in_windows(windows: tuple[str, ...], timezone: str, wall: float) -> bool:
    """Whether the minute matches one of the cron lines; no lines: always."""
    return not windows or _minute_matches(windows, timezone, int(wall // 60))


def never_fires(window: str) -> bool:
    """Whether a (valid) cron line has no moment in the next 50 years."""
    try:
        next(CronSim(window, datetime(2024, 1, 1)))  # noqa: DTZ001
    except StopIteration:
        return True
    return False


@lru_cache(maxsize=4096)
def _minute_matches(windows: tuple[str, ...], timezone: str, minute: int) -> bool:
    # Wall-clock time of the zone, so that a window keeps its hours over a change to summer time.
    local = datetime.fromtimestamp(minute * 60, ZoneInfo(timezone)).replace(tzinfo=None)
    before = local - timedelta(minutes=1)
    return any(next(CronSim(window, before), None) == local for window in windows)


# --- what would happen ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Planned:
    """One start that the schedule would make if every experiment took `length` seconds."""

    at: float  # wall
    label: str
    target: str


@dataclass(slots=True)
class _Course:
    """The moving parts of a forecast."""

    state: State
    ends: list[tuple[float, str, float]] = field(default_factory=list)  # (mono, id, began)


def forecast(rules: Rules, state: State, seed: int, length: float, until: float) -> Iterator[Planned]:
    """The starts that would come until then (wall time), without a look at the world."""
    course = _Course(state)
    while True:
        now = slot_time(rules, course.state, course.state.slot)
        if now.wall >= until:
            return
        _end_until(course, now)
        course.state, decision = decide(rules, course.state, now, stream(seed, course.state.slot))
        match decision:
            case Wait():
                return
            case Start(slot, label, target):
                yield Planned(now.wall, label, target)
                course.state = evolve(course.state, Started(str(slot), (target,), now.wall))
                course.ends.append((now.mono + length, str(slot), now.wall))


def _end_until(course: _Course, now: Now) -> None:
    for end in [e for e in course.ends if e[0] <= now.mono]:
        course.ends.remove(end)
        course.state = evolve(course.state, Ended(end[1], end[2], injected=True, recovered=True))
