"""What an operator reads when a start is skipped or an injection by hand is refused, and what comes after."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from chaos_engine.model import Now
from scheduler import (
    DAY,
    Choice,
    Ended,
    Regrid,
    Resumed,
    Rules,
    Skip,
    Start,
    Started,
    State,
    decide,
    evolve,
    forecast,
    hand_forbidden,
    never_fires,
    next_start,
    stream,
)
from tests.unit.test_scheduler import ONE, ORIGIN, RULES, STATE, at, decided, injected, rule

OPEN = replace(STATE, open=(("e1", "a"),))
SENTENCES: tuple[tuple[Rules, State, str, str], ...] = (
    (RULES, replace(STATE, halted=True), "halt", "the engine is halted"),
    (RULES, replace(STATE, paused=True), "pause", "the schedule is paused"),
    (replace(RULES, windows=("0 0 29 2 *",)), STATE, "windows", "outside the schedule's windows"),
    (
        replace(RULES, strain_factor=2.0), replace(STATE, strained=True, last_used=-1), "when_not_recovered",
        "the system has not recovered: the interval is stretched",
    ),
    (RULES, OPEN, "max_concurrent", "1 experiment still open"),
    (
        replace(RULES, max_concurrent=2), replace(OPEN, open=(("e1", "a"), ("e2", "b"))), "max_concurrent",
        "2 experiments still open",
    ),
    (replace(RULES, max_concurrent=2), OPEN, "one_fault_per_target", "every target is being hurt already"),
    (
        replace(RULES, min_interval=50.0), injected(30.0), "min_interval",
        "20 s too close to the last injection",
    ),
    (replace(RULES, max_per_hour=1), injected(0.0), "max_per_hour", "1 injections in the last hour"),
    (replace(RULES, max_per_day=1), injected(0.0), "max_per_day", "1 injections in the last day"),
)  # fmt: skip


@pytest.mark.parametrize(("rules", "state", "name", "reason"), SENTENCES)
def test_a_start_that_a_rule_forbids_says_why_and_the_grid_goes_on(
    rules: Rules, state: State, name: str, reason: str
) -> None:
    after, decision = decide(rules, state, at(60.0), Random(1))
    assert decision == Skip(0, name, reason)
    assert after == replace(state, slot=1)


def test_a_start_that_was_missed_says_by_how_much_and_the_grid_goes_on() -> None:
    after, decision = decide(RULES, STATE, at(60.0 + 3 * 180.0 + 8.0), Random(1))
    assert decision == Skip(3, "missed", "the engine was not ready 8 s ago")
    assert after == replace(STATE, slot=4)


def test_by_hand_it_says_what_would_lift_it() -> None:
    halted = hand_forbidden(RULES, replace(STATE, halted=True), ("a",), at(60.0))
    assert halted == ("halt", "the engine is halted; lift it with resume")
    busy = hand_forbidden(RULES, OPEN, ("b", "a"), at(60.0))
    assert busy == ("one_fault_per_target", "target a is being hurt already")


def test_the_next_start_is_the_next_slot_of_the_grid() -> None:
    assert next_start(RULES, replace(STATE, slot=2)) == at(60.0 + 2 * 180.0)


# --- at the edges of the rules --------------------------------------------------------------


def test_the_newest_injection_keeps_the_distance() -> None:
    rules = replace(RULES, min_interval=50.0)
    assert rule(rules, injected(-200.0, 30.0)) == "min_interval"


def test_a_tenth_of_a_second_is_waited_out_by_the_experiment_itself() -> None:
    state = State(Now(0.0, 0.0), injections=(0.0,))
    rules = replace(RULES, startup_wait=0.0, min_interval=0.1)
    assert decide(rules, state, Now(0.0, 0.0), Random(1))[1] == Start(0, "crash", "a")


def test_what_was_not_injected_is_forgotten_and_nothing_else() -> None:
    state = replace(STATE, injections=(1.0, 2.0, 3.0, 4.0))
    assert evolve(state, Ended("e2", 2.0, injected=False)).injections == (1.0, 3.0, 4.0)
    assert evolve(state, Ended("e2", 2.0, injected=True)).injections == (1.0, 2.0, 3.0, 4.0)
    assert evolve(state, Ended("e9", 9.0, injected=False)).injections == (1.0, 2.0, 3.0, 4.0)


def test_an_injection_of_the_same_moment_outlasts_a_clock_that_was_set_back() -> None:
    state = evolve(replace(STATE, injections=(1.0, 2.0, 3.0)), Started("e1", ("a",), 2.0))
    assert state.injections == (1.0, 2.0, 2.0)


def test_an_injection_of_a_day_ago_is_forgotten() -> None:
    state = evolve(replace(STATE, injections=(1000.0, 1001.0)), Started("e1", ("a",), 1000.0 + DAY))
    assert state.injections == (1001.0, 1000.0 + DAY)


def test_an_experiment_that_goes_on_hurts_its_targets_and_is_no_new_injection() -> None:
    state = evolve(replace(OPEN, injections=(1.0,)), Resumed("e2", ("b", "c")))
    assert state.open == (("e1", "a"), ("e2", "b"), ("e2", "c"))
    assert state.injections == (1.0,)


def test_the_strain_counts_from_the_last_start() -> None:
    started, _ = decide(RULES, replace(STATE, slot=5), at(60.0 + 5 * 180.0), Random(1))
    assert started.last_used == 5
    rules = replace(RULES, strain_factor=3.0)
    assert rule(rules, replace(started, strained=True), 60.0 + 7 * 180.0) == "when_not_recovered"
    assert rule(rules, replace(started, strained=True), 60.0 + 8 * 180.0) == ""


def test_other_settings_forget_when_the_last_start_was() -> None:
    strained = replace(STATE, strained=True, slot=8, last_used=7)
    state = evolve(strained, Regrid(at(1000.0), 60.0, 0.0))
    assert rule(replace(RULES, strain_factor=3.0), state, 1000.0) == ""


def test_a_result_that_says_nothing_of_the_recovery_strains_nothing() -> None:
    assert evolve(STATE, Ended("e1", 0.0, injected=True)).strained is False


def test_a_scenario_without_a_target_is_never_chosen() -> None:
    nowhere = replace(RULES, choices=(Choice("nowhere", 1000.0, ()), *ONE))
    assert decided(nowhere, STATE, 60.0) == Start(0, "crash", "a")
    assert rule(replace(RULES, choices=(Choice("nowhere", 1.0, ()), Choice("never", 0.0, ("a",)))), STATE)


def test_a_scenario_of_weight_zero_is_no_way_out_when_the_others_are_busy() -> None:
    rules = replace(RULES, max_concurrent=9, choices=(*ONE, Choice("never", 0.0, ("b",))))
    assert rule(rules, OPEN) == "one_fault_per_target"


def test_a_seed_means_the_same_history_in_every_release() -> None:
    assert stream(42, 7).random() == 0.2443731151547779


def test_a_window_that_never_opens_is_known() -> None:
    assert never_fires("0 0 */31 * 1#2") is True  # the first of a month, if it is the second Monday
    assert never_fires("0 0 29 2 *") is False


# --- what would happen ----------------------------------------------------------------------


def forecasts(rules: Rules, state: State, length: float = 30.0) -> list[float]:
    found = forecast(rules, state, 1, length, ORIGIN.wall + 60.0 + 5 * rules.every)
    return [planned.at - ORIGIN.wall - 60.0 for planned in found]


def test_an_experiment_that_ends_as_the_next_begins_is_in_nobodys_way() -> None:
    assert forecasts(replace(RULES, every=30.0), STATE) == [0.0, 30.0, 60.0, 90.0, 120.0]


def test_every_experiment_of_a_forecast_is_expected_to_recover() -> None:
    rules = replace(RULES, every=60.0, strain_factor=3.0)
    assert forecasts(rules, STATE) == [0.0, 60.0, 120.0, 180.0, 240.0]
    strained = replace(STATE, strained=True, last_used=-1)
    assert forecasts(rules, strained) == [120.0, 180.0, 240.0]
