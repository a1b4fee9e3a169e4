"""What alarms' states, and the changes of them, say about a window."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import evaluators
from chaos_engine.cloud import AlarmChange, Alarms, AlarmsQuery, AlarmState
from chaos_engine.model import Outcome, Purpose
from chaos_engine.ports import SourceFailure
from tests.unit.cloudwatch_twin import AlarmClock, T, about, alarm, changed, story

END = T + 300
LACKS = "INSUFFICIENT_DATA"
NOW_PURPOSES = [Purpose.GATE, Purpose.ABORT, Purpose.RECOVERY]

# --- by the present state -------------------------------------------------------------------


@pytest.mark.parametrize("purpose", NOW_PURPOSES)
@pytest.mark.parametrize(
    ("state", "outcome"), [("OK", Outcome.PASS), ("ALARM", Outcome.BROKEN), (LACKS, Outcome.BROKEN)]
)
def test_anything_but_ok_is_broken(purpose: Purpose, state: str, outcome: Outcome) -> None:
    clock = AlarmClock((alarm("A"), alarm("B", state, T - 7)))
    judged = clock.judge(about("A", "B", purpose=purpose))
    assert judged.outcome is outcome
    if outcome is Outcome.BROKEN:
        assert (judged.evidence.broke_series, judged.evidence.broke_at) == ("B", T - 7)
        assert f"B is {state}" in judged.reason


@pytest.mark.parametrize("purpose", [*NOW_PURPOSES, Purpose.HYPOTHESIS])
def test_a_name_that_does_not_exist_is_an_error(purpose: Purpose) -> None:
    judged = AlarmClock((alarm("A", "ALARM"),)).judge(about("A", "Shop0k", purpose=purpose))
    assert judged.outcome is Outcome.ERROR
    assert judged.reason == "there is no alarm of the name Shop0k"


@pytest.mark.parametrize("purpose", [*NOW_PURPOSES, Purpose.HYPOTHESIS])
def test_ok_on_part_of_its_data_is_no_pass(purpose: Purpose) -> None:
    flawed = AlarmState("A", "OK", T - 500, delay=120.0, flaw="PARTIAL_DATA")
    judged = AlarmClock((flawed,)).judge(about(purpose=purpose))
    assert judged.outcome is Outcome.ERROR
    assert "PARTIAL_DATA" in judged.reason


def test_alarms_are_no_witness() -> None:
    assert AlarmClock((alarm(),)).judge(about(purpose=Purpose.WITNESS)).outcome is Outcome.NO_DATA


# --- recovery -------------------------------------------------------------------------------


def test_a_recovery_is_told_when_the_alarm_can_know_of_it() -> None:
    clock = AlarmClock((alarm(),))
    asked = about(purpose=Purpose.RECOVERY)
    assert clock.judge(asked, T + 119).outcome is Outcome.LATE
    judged = clock.judge(asked, T + 120)
    assert (judged.outcome, judged.recovered_at, judged.resolution) == (Outcome.PASS, T, 120.0)


def test_well_since_the_last_of_them_became_ok() -> None:
    clock = AlarmClock((alarm("A", since=T + 40), alarm("B", since=T + 90), alarm("C")))
    assert clock.judge(about("A", "B", "C", purpose=Purpose.RECOVERY)).recovered_at == T + 90


def test_a_moment_that_keeps_an_alarm_from_changing_back_makes_it_less_exact() -> None:
    slow = AlarmState("A", "OK", T + 400, delay=120.0, reach=300.0)
    assert AlarmClock((slow,)).judge(about(purpose=Purpose.RECOVERY)).resolution == 420.0


# --- over a window --------------------------------------------------------------------------

STORIES: list[tuple[AlarmClock, Outcome]] = [
    (story(), Outcome.PASS),
    (story(now="ALARM"), Outcome.BROKEN),  # it has been in ALARM since before
    (story(now=LACKS), Outcome.NO_DATA),
    (story(changed(T + 50, "OK", "ALARM")), Outcome.BROKEN),
    (story(changed(T + 50, LACKS, "ALARM")), Outcome.BROKEN),
    (story(changed(T + 50, "OK", "ALARM"), changed(T + 90, "ALARM", "OK")), Outcome.BROKEN),
    (story(changed(T + 50, "ALARM", "OK")), Outcome.BROKEN),  # in ALARM at the start
    (story(changed(END + 50, "ALARM", "OK")), Outcome.BROKEN),
    (story(changed(END + 9999, "ALARM", LACKS)), Outcome.BROKEN),
    (story(changed(T, "OK", "ALARM")), Outcome.BROKEN),
    (story(changed(END + 119, "OK", "ALARM")), Outcome.BROKEN),  # within its delay
    (story(changed(END + 121, "OK", "ALARM")), Outcome.PASS),
    (story(changed(T + 50, "OK", LACKS), changed(T + 90, LACKS, "OK")), Outcome.NO_DATA),
    (story(changed(T + 50, LACKS, "OK")), Outcome.NO_DATA),
    (story(changed(END + 50, "OK", LACKS)), Outcome.PASS),
    (story(changed(END + 50, "OK", LACKS), changed(END + 90, LACKS, "ALARM")), Outcome.BROKEN),
    (story(changed(T + 50, "OK", LACKS), changed(T + 90, LACKS, "ALARM")), Outcome.BROKEN),
    (story(changed(T + 50, "OK", LACKS), changed(END + 500, "ALARM", "OK")), Outcome.NO_DATA),  # a gap
    (AlarmClock((alarm(since=T + 40),)), Outcome.NO_DATA),  # it has changed, and nothing tells from what
    (AlarmClock((alarm(state="ALARM", since=T + 40),)), Outcome.BROKEN),
    (AlarmClock((alarm(state="ALARM", since=END + 500),)), Outcome.NO_DATA),
]


@pytest.mark.parametrize(("clock", "outcome"), STORIES)
def test_outcomes_over_a_window(clock: AlarmClock, outcome: Outcome) -> None:
    assert clock.judge(about()).outcome is outcome


@pytest.mark.parametrize("state", ["OK", LACKS])
def test_the_alarms_own_delay_is_allowed_for(state: str) -> None:
    clock = story(now=state)
    assert clock.judge(about(), END + 119).outcome is Outcome.LATE
    assert clock.judge(about(), END + 120).outcome is not Outcome.LATE


def test_what_is_broken_is_told_at_once() -> None:
    judged = story(changed(T + 50, "OK", "ALARM")).judge(about(), END)
    assert judged.outcome is Outcome.BROKEN
    assert judged.reason == "A was in ALARM from 22:14:50 on: Threshold Crossed"
    assert (judged.evidence.broke_at, judged.evidence.broke_series) == (T + 50, "A")


def test_nobody_waits_longer_than_wait() -> None:
    composite = AlarmClock((alarm(delay=math.inf),), (changed(END + 40, "OK", "ALARM"),))
    assert AlarmClock((alarm(delay=math.inf),)).judge(about(wait=30.0), END + 29).outcome is Outcome.LATE
    assert AlarmClock((alarm(delay=math.inf),)).judge(about(wait=30.0), END + 30).outcome is Outcome.PASS
    assert composite.judge(about(wait=30.0), END + 60).outcome is Outcome.PASS
    assert composite.judge(about(wait=60.0), END + 60).outcome is Outcome.BROKEN


def test_the_slowest_of_several_alarms_is_waited_for() -> None:
    clock = AlarmClock((alarm("A", delay=20.0), alarm("B", delay=150.0)))
    assert clock.judge(about("A", "B"), END + 149).outcome is Outcome.LATE
    assert clock.judge(about("A", "B"), END + 150).outcome is Outcome.PASS


def test_one_of_many_alarms_breaks() -> None:
    states = tuple(alarm(f"A{n}") for n in range(250))
    clock = AlarmClock(states, (changed(T + 9, "OK", "ALARM", "A249"),))
    judged = clock.judge(about(*(one.name for one in states)))
    assert (judged.outcome, judged.evidence.broke_series) == (Outcome.BROKEN, "A249")
    assert judged.evidence.samples == 250


@pytest.mark.parametrize(("purpose", "most"), [(Purpose.HYPOTHESIS, 20), (Purpose.GATE, 100)])
def test_many_alarms_are_asked_for_in_groups_that_go_side_by_side(purpose: Purpose, most: int) -> None:
    names = tuple(f"A{n}" for n in range(230))
    asks = evaluators.plan(about(*names, purpose=purpose), T).asks
    groups = [ask.names for ask in asks if isinstance(ask, AlarmsQuery)]
    assert sum(groups, ()) == names
    assert max(map(len, groups)) == most


@pytest.mark.parametrize("purpose", [*NOW_PURPOSES, Purpose.HYPOTHESIS])
def test_one_failed_answer_is_missing_data(purpose: Purpose) -> None:
    plan = evaluators.plan(about(*(f"A{n}" for n in range(101)), purpose=purpose), END + 999)
    good = [
        Alarms(tuple(alarm(name) for name in ask.names)) for ask in plan.asks if isinstance(ask, AlarmsQuery)
    ]
    judged = plan.judge([*good[:-1], SourceFailure("unreachable", "its own words")])
    assert (judged.outcome, judged.reason) == (Outcome.UNREACHABLE, "its own words")


# --- properties -----------------------------------------------------------------------------

STATES = st.sampled_from(["OK", "OK", "ALARM", LACKS])


@given(STATES, st.lists(st.tuples(st.floats(T - 300, END + 400), STATES), max_size=6), st.floats(0, 400))
def test_only_an_alarm_that_was_ok_all_the_time_supports(
    first: str, later: list[tuple[float, str]], wait: float
) -> None:
    """Beside the truth, told moment by moment."""
    moments = sorted(dict(later).items())
    changes: list[AlarmChange] = []
    state, since = first, T - 1000
    for at, new in moments:
        if new != state:
            changes.append(changed(at, state, new))
            state, since = new, at
    clock = AlarmClock((AlarmState("A", state, since, delay=120.0),), tuple(changes))
    judged = clock.judge(about(wait=wait))

    def state_at(moment: float) -> str:
        return next((c.new for c in reversed(changes) if c.at <= moment), first)

    until = END + min(120.0, wait)
    inside = [state_at(T), *(c.new for c in changes if T <= c.at <= END)]
    seen = [*inside, *(c.new for c in changes if END < c.at <= until)]
    if "ALARM" in seen:
        assert judged.outcome is Outcome.BROKEN
    else:
        assert (judged.outcome is Outcome.PASS) == all(one == "OK" for one in inside)
