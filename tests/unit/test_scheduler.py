"""The schedule's rules: the grid, the weights, and every reason to skip a start."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos_engine.model import Now
from scheduler import (
    DAY,
    HOUR,
    Choice,
    Ended,
    Regrid,
    Rules,
    Skip,
    Start,
    Started,
    State,
    Switched,
    Wait,
    decide,
    due_slot,
    evolve,
    forecast,
    hand_forbidden,
    inject_after,
    next_start,
    stream,
)

ORIGIN = Now(1_700_000_000.0, 500.0)
ONE = (Choice("crash", 1.0, ("a",)),)
RULES = Rules(every=180.0, startup_wait=60.0, choices=ONE)
STATE = State(ORIGIN)


def at(seconds: float) -> Now:
    return ORIGIN.plus(seconds)


def decided(rules: Rules, state: State, seconds: float) -> object:
    return decide(rules, state, at(seconds), Random(1))[1]


def rule(rules: Rules, state: State, seconds: float = 60.0) -> str:
    """The rule that forbids a start then; empty: it is made."""
    decision = decided(rules, state, seconds)
    return decision.rule if isinstance(decision, Skip) else ""


# --- the grid -------------------------------------------------------------------------------


def test_nothing_starts_before_the_startup_wait_is_over() -> None:
    assert decided(RULES, STATE, 59.9) == Wait(at(60.0))
    assert decided(RULES, STATE, 60.0) == Start(0, "crash", "a")


@given(st.lists(st.floats(0, 4), min_size=1, max_size=50), st.floats(1.0, 1000.0))
def test_the_grid_does_not_drift_however_late_it_is_looked_at(delays: list[float], every: float) -> None:
    rules, state = replace(RULES, every=every), STATE
    for slot, delay in enumerate(delays):
        moment = at(60.0 + slot * every + min(delay, every / 3))
        state, decision = decide(rules, state, moment, Random(1))
        assert decision == Start(slot, "crash", "a")
        _, ahead = decide(rules, state, moment, Random(1))
        assert isinstance(ahead, Wait)
        assert ahead.until is not None
        assert ahead.until.mono == pytest.approx(ORIGIN.mono + 60.0 + (slot + 1) * every)


def test_slots_that_were_slept_through_are_not_made_up_for() -> None:
    state, decision = decide(RULES, STATE, at(60 + 3 * 180 + 1), Random(1))
    assert decision == Start(3, "crash", "a")
    assert decided(RULES, state, 60 + 3 * 180 + 2) == Wait(at(60 + 4 * 180))


def test_a_start_that_comes_too_late_is_skipped() -> None:
    assert rule(RULES, STATE, 60 + 5.1) == "missed"
    assert rule(RULES, STATE, 60 + 5.0) == ""
    assert rule(replace(RULES, every=4.0), STATE, 60 + 2.5) == "missed"  # half the interval, if that is less


def test_a_switched_off_schedule_waits_for_other_settings() -> None:
    off = replace(RULES, enabled=False)
    assert decided(off, STATE, 1000.0) == Wait(None)
    assert next_start(off, STATE) is None


def test_settings_with_another_period_begin_the_grid_anew() -> None:
    state = evolve(replace(STATE, slot=7), Regrid(at(1000.0), 60.0, 30.0))
    assert decided(replace(RULES, every=30.0), state, 1029.0) == Wait(at(1030.0))
    assert decided(replace(RULES, every=30.0), state, 1030.0) == Start(0, "crash", "a")


# --- the choice -----------------------------------------------------------------------------


def drawn(choices: tuple[Choice, ...], count: int = 4000) -> Counter[tuple[str, str]]:
    rules = replace(RULES, choices=choices)
    starts = (decide(rules, STATE, at(60.0), stream(42, slot))[1] for slot in range(count))
    return Counter((s.label, s.target) for s in starts if isinstance(s, Start))


@pytest.mark.parametrize("factor", [1.0, 10.0, 0.001])
def test_weights_need_not_sum_to_one(factor: float) -> None:
    choices = tuple(
        Choice(label, weight * factor, ("a",))
        for label, weight in (("crash", 0.3), ("slow", 0.6), ("config", 0.1))
    )
    found = drawn(choices)
    assert found["crash", "a"] / 4000 == pytest.approx(0.3, abs=0.03)
    assert found["slow", "a"] / 4000 == pytest.approx(0.6, abs=0.03)
    assert found["config", "a"] / 4000 == pytest.approx(0.1, abs=0.03)


def test_weight_zero_is_never_chosen() -> None:
    assert set(drawn((Choice("never", 0.0, ("a",)), Choice("crash", 0.1, ("a",))))) == {("crash", "a")}
    assert decided(replace(RULES, choices=(Choice("never", 0.0, ("a",)),)), STATE, 60.0) == Wait(None)


def test_every_target_of_a_scenario_gets_its_share_and_no_other() -> None:
    found = drawn((Choice("crash", 1.0, ("a", "b")), Choice("slow", 1.0, ("c",))))
    assert set(found) == {("crash", "a"), ("crash", "b"), ("slow", "c")}
    assert found["crash", "a"] / 4000 == pytest.approx(0.25, abs=0.03)
    assert found["slow", "c"] / 4000 == pytest.approx(0.5, abs=0.03)


def test_a_target_that_is_being_hurt_is_not_chosen() -> None:
    rules = replace(RULES, max_concurrent=3, choices=(Choice("crash", 1.0, ("a", "b")), *ONE))
    state = replace(STATE, open=(("e1", "a"),))
    assert all(
        decide(rules, state, at(60.0), stream(1, slot))[1] == Start(0, "crash", "b") for slot in range(50)
    )
    assert rule(rules, replace(STATE, open=(("e1", "a"), ("e2", "b")))) == "one_fault_per_target"


def test_a_slots_randomness_depends_on_nothing_before_it() -> None:
    assert [stream(42, 3).random() for _ in range(2)] == [stream(42, 3).random()] * 2
    assert len({stream(seed, slot).random() for seed in range(9) for slot in range(99)}) == 9 * 99
    assert due_slot(RULES, STATE, at(60 + 3 * 180)) == 3
    assert due_slot(RULES, STATE, at(0.0)) == 0


# --- reasons to skip ------------------------------------------------------------------------


def test_operators_may_pause_and_halt() -> None:
    for paused, halted, name in ((True, False, "pause"), (False, True, "halt"), (True, True, "halt")):
        state = evolve(STATE, Switched(paused, halted))
        assert rule(RULES, state) == name
        assert next_start(RULES, state) is None
        assert rule(RULES, evolve(state, Switched(paused=False, halted=False))) == ""


def test_a_start_whose_predecessor_is_open_is_skipped() -> None:
    open_ = evolve(STATE, Started("e1", ("a",), ORIGIN.wall))
    assert rule(RULES, open_) == "max_concurrent"
    assert rule(RULES, evolve(open_, Ended("e1", ORIGIN.wall, injected=True))) == ""


def test_an_experiment_with_two_targets_counts_once() -> None:
    two = replace(RULES, max_concurrent=2, choices=(Choice("crash", 1.0, ("c",)),))
    state = evolve(STATE, Started("e1", ("a", "b"), ORIGIN.wall))
    assert rule(two, state) == ""
    assert rule(two, evolve(state, Started("e2", ("c",), ORIGIN.wall))) == "max_concurrent"


def injected(*moments: float, state: State = STATE) -> State:
    for number, moment in enumerate(moments):
        wall = ORIGIN.wall + moment
        state = evolve(state, Started(f"x{number}", ("z",), wall))
        state = evolve(state, Ended(f"x{number}", wall, injected=True))
    return state


def test_injections_keep_their_distance() -> None:
    rules = replace(RULES, min_interval=50.0)
    assert rule(rules, injected(11.0)) == "min_interval"
    assert rule(rules, injected(10.0)) == ""
    assert inject_after(rules, at(11.0)) == at(61.0)
    assert inject_after(rules, None) is None


def test_what_was_not_injected_is_forgotten() -> None:
    started = evolve(STATE, Started("e1", ("a",), ORIGIN.wall + 50))
    skipped = evolve(started, Ended("e1", ORIGIN.wall + 50, injected=False))
    assert rule(replace(RULES, min_interval=50.0, max_per_hour=1), skipped) == ""


@pytest.mark.parametrize(("name", "span"), [("max_per_hour", HOUR), ("max_per_day", DAY)])
def test_caps_count_a_sliding_window(name: str, span: float) -> None:
    rules = replace(RULES, max_per_hour=None, max_per_day=None)
    rules = replace(rules, **{name: 2})  # type: ignore[arg-type]
    assert rule(rules, injected(0.0, 30.0)) == name
    assert rule(rules, injected(30.0)) == ""
    assert rule(rules, injected(60.0 - span, 30.0)) == ""  # the older one has just left the window
    assert rule(rules, injected(60.0 - span + 1, 30.0)) == name


def test_a_clock_that_was_set_back_does_not_block_for_hours() -> None:
    state = evolve(injected(50_000.0), Started("e1", ("b",), ORIGIN.wall))
    assert state.injections == (ORIGIN.wall,)


def test_the_interval_stretches_while_the_system_is_strained() -> None:
    rules = replace(RULES, strain_factor=2.5, max_concurrent=9)
    strained = evolve(replace(STATE, slot=1, last_used=0), Ended("e1", 0.0, injected=True, recovered=False))
    slots = [decide(rules, replace(strained, slot=n), at(60 + n * 180), Random(1))[1] for n in (1, 2, 3)]
    assert [type(s) for s in slots] == [Skip, Skip, Start]
    assert isinstance(slots[0], Skip)
    assert slots[0].rule == "when_not_recovered"
    unknown = evolve(strained, Ended("e2", 0.0, injected=True, recovered=None))
    assert rule(rules, unknown, 60 + 180) == "when_not_recovered"
    well = evolve(strained, Ended("e2", 0.0, injected=True, recovered=True))
    assert rule(rules, well, 60 + 180) == ""


def test_by_hand_the_halt_and_the_caps_hold_and_the_calendar_does_not() -> None:
    rules = replace(RULES, windows=("0 0 30 2 *",), min_interval=50.0, max_per_hour=1)
    paused = replace(STATE, paused=True, strained=True)
    assert hand_forbidden(rules, paused, ("a",), at(60.0)) is None

    def named(state: State) -> str:
        forbidden = hand_forbidden(rules, state, ("a",), at(60.0))
        return forbidden[0] if forbidden else ""

    assert named(replace(STATE, halted=True)) == "halt"
    assert named(replace(STATE, open=(("e1", "a"),))) == "one_fault_per_target"
    assert named(replace(STATE, open=(("e1", "b"),))) == "max_concurrent"
    assert named(injected(20.0)) == "min_interval"
    assert named(injected(-100.0)) == "max_per_hour"


# --- what would happen ----------------------------------------------------------------------


def planned(rules: Rules, seed: int, span: float) -> list[tuple[float, str, str]]:
    found = forecast(rules, STATE, seed, 30.0, ORIGIN.wall + span)
    return [(plan.at - ORIGIN.wall, plan.label, plan.target) for plan in found]


def test_the_forecast_is_what_then_happens() -> None:
    choices = (Choice("crash", 0.5, ("a", "b")), Choice("slow", 0.5, ("a",)))
    rules = replace(RULES, choices=choices, max_per_hour=3, min_interval=100.0)
    forecasts = planned(rules, 42, 60 + 400 * 180)
    assert forecasts == planned(rules, 42, 60 + 400 * 180)
    assert forecasts != planned(rules, 43, 60 + 400 * 180)
    state, found = STATE, []
    for slot in range(400):
        state, decision = decide(rules, state, at(60 + slot * 180), stream(42, slot))
        if isinstance(decision, Start):
            wall = ORIGIN.wall + 60 + slot * 180
            found.append((60.0 + slot * 180, decision.label, decision.target))
            state = evolve(state, Started(str(slot), (decision.target,), wall))
            state = evolve(state, Ended(str(slot), wall, injected=True, recovered=True))
    assert forecasts == found
    assert len(found) > 50


def test_the_forecast_of_an_open_experiment_skips_the_next_start() -> None:
    assert [moment for moment, _, _ in planned(replace(RULES, every=20.0), 1, 150.0)] == [60.0, 100.0, 140.0]


def test_nothing_is_forecast_where_nothing_is_scheduled_or_no_window_opens() -> None:
    assert planned(replace(RULES, enabled=False), 1, DAY) == []
    assert planned(replace(RULES, windows=("0 0 29 2 *",)), 1, DAY) == []
