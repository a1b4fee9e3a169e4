"""What is being hurt already is not hurt twice; what is injected again is cleared like the first time."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from chaos_engine.course import Course
from chaos_engine.life import Clear, Observe, Observed, Phase, Prepare, Prepared, Stage, Taken
from chaos_engine.model import Observation, Ran, Seen, Step
from chaos_engine.moves import with_step
from chaos_engine.performing import Report
from tests.unit.life_story import Life, plan, target

TWO = plan(steps=(Step("pause", target("a")), Step("pause", target("b"))))
AGAIN = Seen(Observation.BLIND, again=True)


def taken(life: Life) -> Life:
    return life.tell(Taken(life.open(Prepare).id, "container:1 is being hurt by e7-0"))


def test_nothing_is_injected_into_what_is_taken() -> None:
    result = taken(Life(plan())).result
    assert (result.run, result.reason) == (Ran.SKIPPED, "container:1 is being hurt by e7-0")


def test_a_later_step_that_is_taken_takes_the_first_one_out() -> None:
    life = taken(Life(TWO).step_in())
    assert life.phase is Phase.CLEAR
    assert life.open(Clear).fault.id == "e1-0"
    assert (life.state.run, life.state.ended_by) == (Ran.FAILED, "error")
    assert life.state.reason == "container:1 is being hurt by e7-0"


# --- who has it -------------------------------------------------------------------------------


def course_with(*lives: Life) -> Course:
    nobody: Any = None
    return Course(nobody, nobody, nobody, 0, runs={f"e{n}": life.state for n, life in enumerate(lives)})


def wanted(*resources: str) -> Report:
    return Report("new", Prepared(1, {}, {}, resources))


def test_it_is_taken_from_the_intent_until_it_is_out() -> None:
    armed = Life(plan()).prepared()
    assert armed.state.steps[0].stage is Stage.ARMING
    held = armed.armed()
    for life in (armed, held, held.injected()):
        assert course_with(life)._taken(wanted("file-9", "file-0")) is not None
        assert course_with(life)._taken(wanted("file-9")) is None
    held.state = with_step(held.state, 0, stage=Stage.OUT)
    assert course_with(held)._taken(wanted("file-0")) is None


# --- injected again -----------------------------------------------------------------------------


def restarting() -> tuple[Life, int]:
    """Held, its target restarted, while a look at it is under way that injects it again."""
    life = Life(plan()).step_in()
    fault = life.state.steps[0].fault
    assert fault is not None
    life.state = with_step(life.state, 0, fault=replace(fault, parameters={"on_restart": "again"}))
    life.go(2.0)
    return life, life.open(Observe).id


def test_it_goes_on_after_it_was_injected_again() -> None:
    life, look = restarting()
    assert life.tell(Observed(look, AGAIN)).phase is Phase.HOLD


def test_what_is_injected_again_while_it_is_cleared_is_cleared_again() -> None:
    life, look = restarting()
    life.go(30.0)
    first = life.open(Clear).id
    life.tell(Observed(look, AGAIN))
    assert life.open(Clear).id != first
    assert life.cleared().phase is Phase.DONE


def test_what_is_injected_again_after_the_end_is_somebodys_duty() -> None:
    life, look = restarting()
    fault = life.state.steps[0].fault
    course = course_with()
    course.journal = cast("Any", SimpleNamespace(applied=lambda fault, at: True))
    assert course.report(Report("e1", Observed(look, AGAIN), fault), life.now) == fault


def test_what_might_have_been_injected_again_is_cleared_for_the_ledger_after_the_end() -> None:
    """It keeps the duty while such a look is under way."""
    life, look = restarting()
    fault, gone = life.state.steps[0].fault, Seen(Observation.GONE)
    assert fault is not None
    assert course_with().report(Report("e1", Observed(look, gone), fault), life.now) == fault
    alone = replace(fault, parameters={"on_restart": "cleared"})
    assert course_with().report(Report("e1", Observed(look, gone), alone), life.now) is None


def test_a_look_that_only_looked_changes_nothing_afterwards() -> None:
    life, look = restarting()
    life.go(30.0).cleared().tell(Observed(look, Seen(Observation.GONE)))
    assert not life.wants(Clear)
    assert life.result.run is Ran.COMPLETED


def test_whose_duty_has_passed_to_another_clears() -> None:
    life, look = restarting()
    assert life.tell(Taken(look, "another remover took it over")).phase is Phase.CLEAR
