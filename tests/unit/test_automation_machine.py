"""How one step follows another: order, jumps, failures, attempts, timeouts, and stops."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos_engine.rehearsal import automation_machine as machine
from chaos_engine.rehearsal.automation_document import RefusedError
from chaos_engine.rehearsal.automation_model import Answer, Request
from chaos_engine.rehearsal.automation_names import NO_OUTPUT
from tests.unit.automation_story import Story, api, nap


def broken(_: Request) -> object:
    raise RuntimeError("no such instance")


def well(_: Request) -> object:
    return {"State": "on", "Count": 3, "Ids": ["i-1", "i-2"]}


def wait(name: str = "wait", **keys: Any) -> dict[str, Any]:
    inputs = {
        "Service": "ec2",
        "Api": "DescribeInstances",
        "PropertySelector": "$.State",
        "DesiredValues": ["on"],
    }
    return {"name": name, "action": "aws:waitForAwsResourceProperty", "inputs": inputs, **keys}


def test_a_sleep_lasts_as_long_as_it_says() -> None:
    story = Story(nap("doze", 10), nap("nod", 5)).at(0)
    assert story.at(9.9).statuses == {"doze": "InProgress", "nod": "Pending"}
    assert story.at(10).statuses == {"doze": "Success", "nod": "InProgress"}
    assert story.at(14.9).state.status == "InProgress"
    assert story.at(15).state.status == "Success"


def test_a_late_tick_does_not_turn_an_end_in_time_into_a_timeout() -> None:
    story = Story(nap("doze", 10, timeoutSeconds=11)).at(0)
    assert story.at(60).state.status == "Success"


def test_a_sleep_that_is_longer_than_its_timeout_times_out() -> None:
    story = Story(nap("doze", 10, timeoutSeconds=5)).at(0)
    assert story.at(4.9).state.status == "InProgress"
    assert story.at(5).state.status == "TimedOut"
    assert "no end after 5 seconds" in (story.state.failure or "")


def test_a_failure_ends_it_and_leaves_the_rest_pending() -> None:
    story = Story(api("first"), api("second"), reply=broken).at(0)
    assert story.state.status == "Failed"
    assert story.statuses == {"first": "Failed", "second": "Pending"}
    assert "no such instance" in (story.state.failure or "")


@pytest.mark.parametrize(("critical", "status"), [(None, "Success"), (False, "Success"), (True, "Failed")])
def test_continue_goes_on_and_is_not_critical_unless_it_says_so(critical: bool | None, status: str) -> None:
    more = {} if critical is None else {"isCritical": critical}
    story = Story(api("first", onFailure="Continue", **more), nap("then", 1), reply=broken).at(0)
    story.at(1)
    assert story.statuses == {"first": "Failed", "then": "Success"}
    assert story.state.status == status


def test_on_failure_goes_to_a_step_and_the_automation_still_failed() -> None:
    story = Story(api("first", onFailure="step:mend"), nap("skipped", 1), nap("mend", 1), reply=broken).at(0)
    story.at(1)
    assert story.statuses == {"first": "Failed", "skipped": "Pending", "mend": "Success"}
    assert story.state.status == "Failed"


def test_next_step_jumps_and_is_end_ends() -> None:
    story = Story(nap("a", 1, nextStep="c"), nap("b", 1), nap("c", 1, isEnd=True), nap("d", 1)).at(0)
    story.at(1).at(2)
    assert story.statuses == {"a": "Success", "b": "Pending", "c": "Success", "d": "Pending"}
    assert story.state.status == "Success"


def test_is_end_ends_after_a_failure_too() -> None:
    story = Story(api("a", isEnd=True, onFailure="Continue"), nap("b", 1), reply=broken).at(0)
    assert story.statuses == {"a": "Failed", "b": "Pending"}


def test_outputs_keep_their_types_on_the_way_to_the_next_step() -> None:
    outputs = [
        {"Name": "count", "Selector": "$.Count", "Type": "Integer"},
        {"Name": "ids", "Selector": "$.Ids", "Type": "StringList"},
    ]
    filters = [{"Name": "n", "Values": "{{ look.ids }}"}, {"Name": "has {{ look.count }}", "Values": []}]
    use = api("use", inputs={"InstanceIds": ["{{ look.ids }}", "i-3"], "Filters": filters})
    story = Story(api("look", outputs=outputs), use, reply=well, outputs=["look.count"]).at(0)
    assert story.calls[1].request.parameters == {
        "InstanceIds": ["i-1", "i-2", "i-3"],
        "Filters": [{"Name": "n", "Values": ["i-1", "i-2"]}, {"Name": "has 3", "Values": []}],
    }
    assert story.state.outputs == {"look.count": 3}


def test_an_output_of_another_type_fails_the_step() -> None:
    outputs = [{"Name": "count", "Selector": "$.Ids", "Type": "Integer"}]
    story = Story(api("look", outputs=outputs), reply=well).at(0)
    assert story.state.status == "Failed"
    assert "not of type Integer" in (story.state.failure or "")


def test_what_was_never_put_out_is_said_to_be_missing() -> None:
    outputs = [{"Name": "count", "Selector": "$.Count", "Type": "Integer"}]
    story = Story(api("look", outputs=outputs), reply=broken, outputs=["look.count"]).at(0)
    assert story.state.outputs == {"look.count": NO_OUTPUT}


def test_a_step_that_needs_a_missing_output_fails_before_it_calls() -> None:
    outputs = [{"Name": "name", "Selector": "$.Nothing", "Type": "String"}]
    story = Story(
        api("look", outputs=outputs), api("use", inputs={"Name": "{{ look.name }}"}), reply=well
    ).at(0)
    assert story.statuses == {"look": "Success", "use": "Failed"}
    assert len(story.calls) == 1


def test_waiting_asks_until_the_property_is_right() -> None:
    story = Story(wait()).at(0).answer({"State": "off"})
    assert story.at(0.9).apis == ["DescribeInstances"]
    assert story.at(1).apis == ["DescribeInstances"] * 2
    assert story.answer({"State": "on"}).state.status == "Success"


@pytest.mark.parametrize(("keys", "status"), [({}, "TimedOut"), ({"isCritical": False}, "Success")])
def test_waiting_times_out(keys: dict[str, Any], status: str) -> None:
    story = Story(wait(timeoutSeconds=30, **keys), reply=lambda _: {"State": "off"})
    for second in range(31):
        story.at(second)
    assert story.statuses == {"wait": "TimedOut"}
    assert story.state.status == status


def test_waiting_times_out_after_an_hour_when_nothing_is_said() -> None:
    story = Story(wait(), reply=lambda _: {"State": "off"})
    for second in range(3600):
        story.at(second)
    assert story.state.status == "InProgress"
    assert story.at(3600).state.status == "TimedOut"


def test_an_assertion_looks_once() -> None:
    claim = {**wait("claim"), "action": "aws:assertAwsResourceProperty"}
    assert Story(claim, reply=well).at(0).state.status == "Success"
    wrong = Story(claim, reply=lambda _: {"State": "off"}).at(0)
    assert wrong.state.status == "Failed"
    assert "$.State is off" in (wrong.state.failure or "")
    assert Story(claim, reply=lambda _: {}).at(0).state.status == "Failed"


def test_attempts_are_counted() -> None:
    story = Story(api("try", maxAttempts=3)).at(0)
    story.answer(error="one").answer(error="two")
    assert story.state.status == "InProgress"
    assert story.answer(error="three").state.status == "Failed"
    assert len(story.calls) == 3
    again = Story(api("try", maxAttempts=3)).at(0).answer(error="one").answer({})
    assert again.state.status == "Success"


def test_each_attempt_has_its_own_timeout() -> None:
    story = Story(nap("doze", 10, timeoutSeconds=5, maxAttempts=2)).at(0)
    assert story.at(5).statuses == {"doze": "InProgress"}
    assert story.at(9.9).statuses == {"doze": "InProgress"}
    assert story.at(10).statuses == {"doze": "TimedOut"}


def test_a_call_that_is_not_answered_fails_after_25_seconds() -> None:
    story = Story(api("call")).at(0)
    assert story.at(24.9).state.status == "InProgress"
    assert story.at(25).state.status == "Failed"
    assert "no answer in 25 seconds" in (story.state.failure or "")


def test_an_answer_that_comes_too_late_changes_nothing() -> None:
    story = Story(api("call", onFailure="Continue"), nap("then", 60)).at(0).at(25)
    story.turn(Answer(story.calls[0].id, {}))
    assert story.statuses == {"call": "Failed", "then": "InProgress"}


def test_cancelled_without_a_clean_up() -> None:
    story = Story(nap("doze", 60), nap("then", 1)).at(0).at(1).cancel()
    assert story.state.status == "Cancelling"
    assert story.statuses == {"doze": "Cancelling", "then": "Pending"}
    assert story.at(1.2).state.status == "Cancelled"
    assert story.statuses == {"doze": "Cancelled", "then": "Pending"}


def test_the_clean_up_of_the_current_step_runs_when_it_is_cancelled() -> None:
    story = Story(
        api("hurt"), nap("hold", 60, onCancel="step:mend"), nap("later", 1), api("mend"), reply=well
    )
    story.at(0).at(5).cancel().at(5.2)
    assert story.statuses == {"hurt": "Success", "hold": "Cancelled", "later": "Pending", "mend": "Success"}
    assert story.state.status == "Cancelled"


def test_a_clean_up_waits_for_the_call_that_is_under_way() -> None:
    story = Story(api("hurt", onCancel="step:mend"), api("mend")).at(0).at(1).cancel()
    assert story.at(2).statuses == {"hurt": "Cancelling", "mend": "Pending"}
    assert len(story.calls) == 1
    story.answer({})
    assert story.statuses == {"hurt": "Cancelled", "mend": "InProgress"}
    assert story.answer({}).state.status == "Cancelled"


def test_a_clean_up_does_not_wait_for_ever() -> None:
    story = Story(api("hurt", onCancel="step:mend"), api("mend")).at(0).at(1).cancel()
    assert story.at(25).statuses["mend"] == "InProgress"


def test_a_clean_up_has_two_minutes() -> None:
    story = Story(nap("hold", 60, onCancel="step:mend"), wait("mend"), reply=lambda _: {"State": "off"}).at(0)
    story.cancel()
    for second in range(120):
        story.at(second)
    assert story.state.status == "Cancelling"
    assert story.at(120).state.status == "Cancelled"
    assert story.statuses == {"hold": "Cancelled", "mend": "Cancelled"}


def test_completed_after_the_current_step() -> None:
    story = Story(nap("doze", 60), nap("then", 1)).at(0)
    story.state = machine.complete(story.state, story.now)
    assert story.at(59).state.status == "InProgress"
    assert story.at(60).state.status == "Success"
    assert story.statuses == {"doze": "Success", "then": "Pending"}


def test_stopped_before_it_began() -> None:
    story = Story(nap("doze", 1)).cancel()
    assert story.at(5).state.status == "Cancelled"
    assert story.statuses == {"doze": "Pending"}


def test_what_is_over_or_being_cancelled_cannot_be_stopped() -> None:
    story = Story(nap("doze", 1)).at(0)
    for state in (story.cancel().state, story.at(1).state):
        for stop in (machine.cancel, machine.complete):
            with pytest.raises(RefusedError, match=state.status):
                stop(state, story.now)


def test_names_of_the_system() -> None:
    name = "{{ global:REGION }} {{ global:ACCOUNT_ID }} {{ global:DATE_TIME }} {{ automation:EXECUTION_ID }}"
    story = Story(api("call", inputs={"Name": name + " {{ global:DATE }} {{ global:AWS_PARTITION }}"})).at(0)
    said = story.calls[0].request.parameters["Name"]
    assert said == "eu-west-1 123456789012 2023-11-14_22.13.20 run 2023-11-14 aws"


@given(
    st.lists(st.tuples(st.floats(0, 400), st.sampled_from(["tick", "well", "error", "cancel"])), max_size=40)
)
def test_whatever_happens_one_step_at_a_time_no_call_twice_and_it_is_mended(
    events: list[tuple[float, str]],
) -> None:
    story = Story(
        api("hurt", maxAttempts=2, onFailure="step:mend", onCancel="step:mend"),
        wait(timeoutSeconds=20, onFailure="Continue", onCancel="step:mend"),
        nap("hold", 30, onCancel="step:mend"),
        api("mend", maxAttempts=2),
    ).at(0)
    for wait_for, event in events:
        story.now += wait_for
        if event == "cancel" and story.state.status == "InProgress":
            story.cancel()
        elif event in ("well", "error") and story.calls:
            story.answer({"State": "on"} if event == "well" else None, "bad" if event == "error" else None)
        else:
            story.turn()
        active = [name for name, status in story.statuses.items() if status in ("InProgress", "Cancelling")]
        assert len(active) == (0 if story.state.over else 1)
        assert len({call.id for call in story.calls}) == len(story.calls)
    for _ in range(6):
        story.now += 4000
        story.turn()
        story.turn()
    assert story.state.over
    assert story.statuses["mend"] != "Pending"
