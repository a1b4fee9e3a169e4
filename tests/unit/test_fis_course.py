"""The course of an experiment: order, ends, and that nothing begins or stays where it must not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from chaos_engine.rehearsal import fis_course as courses
from chaos_engine.rehearsal.fis_course import Course, Trouble, Work

NOW = 1000.0


def running(after: Mapping[str, Sequence[str]], skipped: Sequence[str] = ()) -> Course:
    """Just when its targets are known."""
    course, work = courses.advance(courses.planned(after), NOW)
    assert (course.status, work) == ("initiating", [])
    course, work = courses.advance(course, NOW)
    assert work == [Work("resolve")]
    return courses.resolved(course, NOW, skipped)


def begin_what_may(course: Course) -> tuple[Course, list[str]]:
    """Two steps: what is ready becomes initiating, then it begins."""
    course, _ = courses.advance(course, NOW)
    course, work = courses.advance(course, NOW)
    names = [one.action for one in work if one.kind == "begin"]
    for name in names:
        course = courses.begun(course, name, NOW)
    return course, names


def statuses(course: Course) -> dict[str, str]:
    return {name: run.status for name, run in course.actions.items()}


def test_an_action_waits_for_all_that_it_starts_after() -> None:
    course, names = begin_what_may(running({"a": [], "b": [], "c": ["a", "b"]}))
    assert names == ["a", "b"]
    course, names = begin_what_may(courses.completed(course, "a", NOW))
    assert names == []
    course, names = begin_what_may(courses.completed(course, "b", NOW))
    assert names == ["c"]
    course, work = courses.advance(courses.completed(course, "c", NOW + 5), NOW + 6)
    assert (course.status, course.ended, work) == ("completed", NOW + 6, [])
    assert course.actions["c"].ended == NOW + 5


def test_what_is_skipped_lets_others_start() -> None:
    _, names = begin_what_may(running({"a": [], "b": ["a"]}, skipped=["a"]))
    assert names == ["b"]


def test_everything_skipped_is_completed() -> None:
    course, _ = courses.advance(running({"a": [], "b": ["a"]}, skipped=["a", "b"]), NOW)
    assert course.status == "completed"
    assert statuses(course) == {"a": "skipped", "b": "skipped"}


def test_a_stop_halts_what_runs_and_cancels_the_rest() -> None:
    course, _ = begin_what_may(running({"a": [], "b": ["a"]}))
    course = courses.stopped(course, "enough")
    assert course.status == "stopping"
    course, work = courses.advance(course, NOW)
    assert work == [Work("halt", "a")]
    course, _ = courses.advance(courses.halted(course, "a", NOW), NOW + 1)
    assert (course.status, course.reason, course.ended) == ("stopped", "enough", NOW + 1)
    assert statuses(course) == {"a": "stopped", "b": "cancelled"}


def test_a_stop_before_the_start_is_a_stop_too() -> None:
    course, work = courses.advance(courses.stopped(courses.planned({"a": []}), "enough"), NOW)
    assert (course.status, work) == ("stopped", [])
    assert statuses(course) == {"a": "cancelled"}


def test_a_failed_action_stops_the_others_and_fails_the_experiment() -> None:
    course, _ = begin_what_may(running({"a": [], "b": [], "c": ["a"]}))
    course = courses.broken(course, "a", NOW, Trouble("no such instance", location="a"))
    assert statuses(course) == {"a": "failed", "b": "stopping", "c": "cancelled"}
    assert course.status == "stopping"
    course, _ = courses.advance(courses.halted(course, "b", NOW), NOW)
    assert (course.status, course.reason) == ("failed", "Action a failed: no such instance")
    assert course.trouble == Trouble("Action a failed: no such instance", location="a")


def test_the_first_trouble_is_the_one_that_counts() -> None:
    course, _ = begin_what_may(running({"a": [], "b": []}))
    course = courses.broken(course, "a", NOW, Trouble("first"))
    course = courses.broken(course, "b", NOW, Trouble("second"))
    course, _ = courses.advance(course, NOW)
    assert (course.status, course.reason) == ("failed", "Action a failed: first")


def test_a_failed_experiment_waits_for_what_is_in() -> None:
    course, _ = begin_what_may(running({"a": []}))
    course = courses.failed(course, NOW, Trouble("its guard is gone"))
    assert (course.status, statuses(course)) == ("stopping", {"a": "stopping"})
    course, _ = courses.advance(courses.halted(course, "a", NOW), NOW + 1)
    assert (course.status, course.reason, course.ended) == ("failed", "its guard is gone", NOW + 1)


def test_an_action_that_cannot_be_halted_makes_a_stop_a_failure() -> None:
    course, _ = begin_what_may(running({"a": []}))
    course = courses.broken(courses.stopped(course, "enough"), "a", NOW, Trouble("it is gone"))
    course, _ = courses.advance(course, NOW)
    assert (course.status, statuses(course)) == ("failed", {"a": "failed"})


def test_what_is_over_stays_as_it_is() -> None:
    cancelled = courses.cancelled(courses.planned({"a": []}), NOW, "the lever")
    failed = courses.failed(courses.planned({"a": []}), NOW, Trouble("nobody there", "InvalidTarget"))
    for course in (cancelled, failed):
        assert courses.stopped(course, "enough") is course
        assert courses.advance(course, NOW + 1) == (course, [])
        assert (course.ended, statuses(course)) == (NOW, {"a": "cancelled"})


GRAPHS = st.integers(1, 6).flatmap(
    lambda count: st.tuples(
        *(st.sets(st.integers(0, number - 1)) if number else st.just(set[int]()) for number in range(count))
    )
)


@given(GRAPHS, st.data())
def test_whatever_happens_it_ends_in_order_and_nothing_is_left_in(
    graph: tuple[set[int], ...], data: st.DataObject
) -> None:
    after = {str(number): [str(other) for other in others] for number, others in enumerate(graph)}
    course = running(after)
    stop_at = data.draw(st.integers(0, 30))
    asked = False
    for step in range(60):
        if step == stop_at:
            asked = not course.over
            course = courses.stopped(course, "enough")
        course, work = courses.advance(course, NOW + step)
        for one in work:
            if course.actions[one.action].status not in ("initiating", "running", "stopping"):
                continue
            course = _answer(
                course, one, data.draw(st.sampled_from(["well", "well", "badly", "later"])), after
            )
            assert not (asked and one.kind == "begin")
    assert course.over
    assert all(run.status in courses.OVER for run in course.actions.values())
    if any(run.status == "failed" for run in course.actions.values()):
        assert course.status == "failed"


def _answer(course: Course, work: Work, how: str, after: Mapping[str, Sequence[str]]) -> Course:
    name = work.action
    if work.kind == "begin":
        assert all(course.actions[other].status in courses.LETS_OTHERS_START for other in after[name])
    if how == "badly":
        return courses.broken(course, name, NOW, Trouble("it broke"))
    if work.kind == "begin":
        return courses.begun(course, name, NOW)
    if work.kind == "halt":
        return courses.halted(course, name, NOW)
    return course if how == "later" else courses.completed(course, name, NOW)
