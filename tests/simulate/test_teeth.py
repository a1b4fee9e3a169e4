"""The simulator has teeth: each rule of the real code is broken in turn, and it must find out soon."""

from __future__ import annotations

from dataclasses import replace
from random import SystemRandom
from typing import Any

import pytest

import engine
import scheduler
from chaos_engine import answers, conclusion, course, experiment, moves, questions, transitions
from chaos_engine.criteria import Criteria
from chaos_engine.life import Cleared, Phase, Stage, State
from chaos_engine.model import Judged, Now, Outcome, Question, Witness
from tests.simulate.breakages import REMOVERS, Breakage, Focus
from tests.simulate.histories import History

SOON = 3000  # experiments; most take under 300, what needs several accidents at once takes longer
Patch = pytest.MonkeyPatch


def deadline_is_not_looked_at(patch: Patch) -> None:
    patch.setattr(experiment, "_overdue", lambda state, now: False)


def deadline_is_looked_at_on_one_clock(patch: Patch) -> None:
    patch.setattr(Now, "reached", lambda self, deadline: self.mono >= deadline.mono)


def interval_is_ignored(patch: Patch) -> None:
    real = course.Course._context
    patch.setattr(
        course.Course, "_context", lambda self, state, now: replace(real(self, state, now), inject_after=None)
    )


def interval_counts_from_the_decision(patch: Patch) -> None:
    real = course.Course._note_phase

    def note(self: course.Course, state: State, now: Now) -> None:
        before = self.last_injection
        real(self, state, now)
        self.last_injection = now if state.phase == "inject" and before is None else before

    patch.setattr(course.Course, "_note_phase", note)
    interval_is_ignored(patch)


def interval_is_forgotten_by_a_restart(patch: Patch) -> None:
    real = engine.Engine.reconcile

    def reconcile(self: engine.Engine) -> None:
        real(self)
        self.course.last_injection = None
        self._timetable._state = replace(self._timetable._state, injections=())

    patch.setattr(engine.Engine, "reconcile", reconcile)


def missing_data_pass(patch: Patch) -> None:
    def judged(criteria: Criteria, others: tuple[Any, ...]) -> Judged:
        seen = (*criteria.judgements, *others)
        broken = any(judgement.outcome is Outcome.BROKEN for judgement in seen)
        return Judged.NOT_SUPPORTED if broken else Judged.SUPPORTED

    patch.setattr(conclusion, "_hypothesis", judged)


def unanswered_questions_do_not_count(patch: Patch) -> None:
    patch.setattr(conclusion, "_answers", lambda state: state.judgements)


def asks_again_until_it_is_pleased(patch: Patch) -> None:
    def unpleasant(state: State) -> list[Question]:
        heard = {probe: judgement.outcome for probe, judgement in state.judgements.items()}
        return [q for q in questions.hypothesis(state) if heard.get(q.probe) is not Outcome.PASS]

    patch.setattr(questions, "_unanswered", unpleasant)


def answers_are_told_apart_by_label(patch: Patch) -> None:
    real = answers._by_probe

    def by_label(*arguments: Any) -> Any:
        found = real(*arguments)
        last = {probe.label: judgement for probe, judgement in found.items()}
        return {probe: last[probe.label] for probe in found}

    patch.setattr(answers, "_by_probe", by_label)


def nobody_asks_a_witness(patch: Patch) -> None:
    patch.setattr(answers, "_witness", lambda seen, judgements: Witness.FELT)


def later_steps_may_be_missing(patch: Patch) -> None:
    for user in (experiment, transitions):
        patch.setattr(user, "absent", lambda state: "")


def arms_after_injecting(patch: Patch) -> None:
    real = transitions._prepared

    def prepared(state: State, pending: Any, event: Any, now: Now) -> State:
        return moves.with_step(real(state, pending, event, now), pending.step, stage=Stage.INJECTING)

    patch.setitem(transitions._ON_DONE, "prepare", prepared)


def forgets_a_clearing_that_failed(patch: Patch) -> None:
    patch.setitem(transitions._ON_FAILED, "clear", transitions._cleared)


def forgets_an_injection_that_hangs(patch: Patch) -> None:
    patch.setattr(
        transitions, "_took_hold_late",
        lambda state, id_, now: replace(state, overdue=moves.without(state.overdue, id_)),
    )  # fmt: skip


def forgets_a_look_that_injects_again(patch: Patch) -> None:
    for user in (experiment, moves):
        patch.setattr(user, "may_inject", lambda state, pending: pending.kind == "inject")


def a_look_that_hung_ends_the_hold(patch: Patch) -> None:
    real = transitions._took_hold_late

    def late(state: State, id_: Any, now: Now) -> State:
        phase = Phase.CLEAR if state.phase is Phase.HOLD else state.phase
        return real(replace(state, phase=phase), id_, now)

    patch.setattr(transitions, "_took_hold_late", late)


def forgets_what_takes_hold_after_the_end(patch: Patch) -> None:
    real = course.Course.report

    def report(*arguments: Any) -> None:
        real(*arguments)

    patch.setattr(course.Course, "report", report)


def calls_a_clearing_done_while_the_injection_hangs(patch: Patch) -> None:
    patch.setattr(course, "is_out", lambda state, event: isinstance(event, Cleared))


def a_look_that_injects_nothing_leaves_the_duty_open(patch: Patch) -> None:
    real = moves.is_out
    patch.setattr(course, "is_out", lambda state, event: isinstance(event, Cleared) and real(state, event))
    patch.setattr(course, "injected_by_looks", lambda fault: False)


def abort_conditions_are_not_asked(patch: Patch) -> None:
    patch.setattr(experiment, "_watch", lambda state, now: (state, ()))


def abort_conditions_are_asked_too_seldom(patch: Patch) -> None:
    real = moves.poll_again

    def later(state: State, kind: str, moment: Now) -> State:
        return real(state, kind, moment.plus(5.0) if kind == "abort" else moment)

    patch.setattr(experiment, "poll_again", later)


def starts_without_clearing_what_it_finds(patch: Patch) -> None:
    patch.setattr(engine.Engine, "reconcile", lambda self: None)


def targets_may_be_hurt_twice(patch: Patch) -> None:
    """By the schedule, when it begins, nor when what a step would hurt is known: each alone forbids it."""
    patch.setattr(scheduler, "_free", lambda rules, state: tuple(c for c in rules.choices if c.weight > 0))
    patch.setattr(course.Course, "_taken", lambda self, report: None)
    patch.setattr(scheduler, "hand_forbidden", lambda rules, state, targets, now: None)


def any_number_at_once(patch: Patch) -> None:
    real = scheduler._capped
    patch.setattr(
        scheduler, "_capped", lambda rules, state, now: real(replace(rules, max_concurrent=99), state, now)
    )


def takes_its_time_to_stop(patch: Patch) -> None:
    patch.setattr(experiment, "_patience_ends", lambda state: state.since.plus(30.0))


def draws_from_the_system(patch: Patch) -> None:
    class Unseeded(SystemRandom):
        def __init__(self, seed: object) -> None:
            super().__init__()

    patch.setattr("chaos_engine.course.random.Random", Unseeded)


BREAKAGES: tuple[Breakage, ...] = (
    deadline_is_not_looked_at, deadline_is_looked_at_on_one_clock, interval_is_ignored,
    interval_counts_from_the_decision, interval_is_forgotten_by_a_restart, missing_data_pass,
    unanswered_questions_do_not_count, asks_again_until_it_is_pleased, answers_are_told_apart_by_label,
    nobody_asks_a_witness, later_steps_may_be_missing, arms_after_injecting, forgets_a_clearing_that_failed,
    forgets_an_injection_that_hangs, forgets_what_takes_hold_after_the_end,
    calls_a_clearing_done_while_the_injection_hangs, forgets_a_look_that_injects_again,
    a_look_that_hung_ends_the_hold, a_look_that_injects_nothing_leaves_the_duty_open,
    abort_conditions_are_not_asked, abort_conditions_are_asked_too_seldom,
    starts_without_clearing_what_it_finds, targets_may_be_hurt_twice, any_number_at_once,
    takes_its_time_to_stop, draws_from_the_system,
)  # fmt: skip


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda breakage: str(breakage.__name__))
def test_a_broken_rule_is_found_soon(breakage: Breakage, monkeypatch: Patch) -> None:
    breakage(monkeypatch)
    mortal = "restart" in breakage.__name__ or "it_finds" in breakage.__name__
    focus = ((), 0)  # nothing but what each world is like
    assert _found_after(twice=breakage is draws_from_the_system, mortal=mortal, focus=focus) <= SOON


@pytest.mark.parametrize("breakage", REMOVERS, ids=lambda breakage: str(breakage.__name__))
def test_a_broken_rule_of_the_removers_is_found_soon(breakage: Breakage, monkeypatch: Patch) -> None:
    breakage(monkeypatch)
    assert _found_after(focus=REMOVERS[breakage]) <= SOON


@pytest.mark.parametrize("focus", sorted(set(REMOVERS.values())))
def test_the_rules_of_the_removers_as_they_are_pass(focus: Focus) -> None:
    assert _found_after(focus=focus, soon=300) == float("inf")


def _found_after(
    *, twice: bool = False, mortal: bool = False, focus: Focus | None = None, soon: int = SOON
) -> float:
    """Experiments until an invariant was broken. `mortal`: engines die, and are started again."""
    seen, seed = 0, 0
    while seen <= soon:
        history = History(seed, 20)
        history.dies = history.dies or mortal
        if focus is not None:
            history.focus(*focus)
        try:
            history.run()
            if twice:
                again = History(seed, 20).run()
                same = again.journal.history == history.world.journal.history
                assert same, "two lives of one seed differ"
        except (AssertionError, OSError):
            return seen + len(history.world.journal.stories)
        seen, seed = seen + len(history.world.journal.stories), seed + 1
    return float("inf")


def test_the_rules_as_they_are_pass() -> None:
    assert _found_after(soon=1500) == float("inf")
