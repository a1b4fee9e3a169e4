"""Many targets: how many at once, and when it stops."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos_engine.rehearsal import automation_fleet as fleets
from chaos_engine.rehearsal.automation_document import RefusedError
from chaos_engine.rehearsal.automation_fleet import Fleet
from tests.unit.automation_story import Story, nap

LAUNCH = Story(nap("doze", 1)).state.launch


def fleet(total: int, concurrency: str = "10", errors: str = "0") -> Fleet:
    names = tuple(f"i-{place}" for place in range(total))
    return Fleet(LAUNCH, "InstanceId", (), names, concurrency, errors)


def test_the_first_goes_alone_then_more_up_to_the_concurrency() -> None:
    ten = fleet(10, "3")
    assert fleets.due(ten, []) == ("i-0",)
    assert fleets.due(ten, ["InProgress"]) == ()
    assert fleets.due(ten, ["Success"]) == ("i-1", "i-2")
    assert fleets.due(ten, ["Success"] * 2 + ["InProgress"]) == ("i-3", "i-4")
    assert fleets.due(ten, ["Success"] * 9) == ("i-9",)
    assert fleets.due(ten, ["Success"] * 10) == ()


@pytest.mark.parametrize(("written", "total", "at_once"), [("3", 10, 3), ("50%", 10, 5), ("10%", 4, 1)])
def test_concurrency_may_be_a_percentage(written: str, total: int, at_once: int) -> None:
    assert fleets.concurrency(fleet(total, written)) == at_once


@pytest.mark.parametrize(
    ("errors", "total", "stops_at"),
    [("0", 10, 1), ("3", 10, 4), ("10%", 50, 5), ("0%", 10, 1), ("100%", 5, 5)],
)
def test_the_error_that_stops_it(errors: str, total: int, stops_at: int) -> None:
    some = fleet(total, "100%", errors)
    before, after = ["Failed"] * (stops_at - 1), ["Failed"] * stops_at
    assert fleets.due(some, before)
    assert not fleets.due(some, after)
    assert fleets.after(some, after, 1.0).status == "Failed"
    assert fleets.after(some, [*after, "InProgress"], 1.0).status == "InProgress"


def test_errors_below_the_threshold_are_forgiven() -> None:
    assert fleets.after(fleet(3, errors="1"), ["Success", "TimedOut", "Success"], 1.0).status == "Success"


def test_cancelled_waits_for_its_children() -> None:
    some = fleets.stopped(fleet(3), "Cancel", 5.0)
    assert fleets.due(some, []) == ()
    assert fleets.after(some, ["Cancelling"], 6.0).status == "Cancelling"
    ended = fleets.after(some, ["Cancelled"], 7.0)
    assert (ended.status, ended.ended) == ("Cancelled", 7.0)


def test_completed_begins_no_further_target() -> None:
    some = fleets.stopped(fleet(3), "Complete", 5.0)
    assert fleets.due(some, ["Success"]) == ()
    assert fleets.after(some, ["Success"], 6.0).status == "Success"


def test_what_is_over_stays_as_it_is() -> None:
    over = replace(fleet(1), status="Failed")
    assert fleets.after(over, ["Success"], 1.0) is over


@pytest.mark.parametrize(
    ("concurrency", "errors"), [("0", "0"), ("ten", "0"), ("101%", "0"), ("1", "-1"), ("1", "x%")]
)
def test_controls_are_numbers_or_percentages(concurrency: str, errors: str) -> None:
    with pytest.raises(RefusedError, match="Max"):
        fleets.check_controls(concurrency, errors)
