"""Branches, and the change of instances' states."""

from __future__ import annotations

from typing import Any

import pytest

from chaos_engine.rehearsal.automation_model import Request
from tests.unit.automation_story import Story, api, nap


def branch(*choices: dict[str, Any], **inputs: Any) -> dict[str, Any]:
    keys: dict[str, Any] = {key: inputs.pop(key) for key in ("isEnd", "nextStep") if key in inputs}
    return {**keys, "name": "fork", "action": "aws:branch", "inputs": {"Choices": list(choices), **inputs}}


def route(*steps: dict[str, Any], given: dict[str, list[str]] | None = None) -> str:
    """The sleeper that a branch leads to, "" for none."""
    parameters = {
        "Os": {"type": "String", "default": "Linux"},
        "Count": {"type": "Integer", "default": 3},
        "On": {"type": "Boolean", "default": True},
    }
    story = Story(*steps, nap("a", 9), nap("b", 9), nap("c", 9), given=given, parameters=parameters).at(0)
    return next((name for name in "abc" if story.statuses[name] == "InProgress"), "")


def to(step: str, **condition: object) -> dict[str, Any]:
    return {"NextStep": step, **condition}


@pytest.mark.parametrize(
    ("operator", "variable", "wanted", "true"),
    [
        ("StringEquals", "{{ Os }}", "Linux", True),
        ("StringEquals", "{{ Os }}", "linux", False),
        ("EqualsIgnoreCase", "{{ Os }}", "lINUX", True),
        ("StartsWith", "{{ Os }}", "Lin", True),
        ("StartsWith", "{{ Os }}", "nux", False),
        ("EndsWith", "{{ Os }}", "nux", True),
        ("Contains", "{{ Os }}", "inu", True),
        ("Contains", "{{ Os }}", "win", False),
        ("NumericEquals", "{{ Count }}", 3, True),
        ("NumericEquals", "{{ Count }}", "3", True),
        ("NumericGreater", "{{ Count }}", 3, False),
        ("NumericGreater", "{{ Count }}", 2, True),
        ("NumericLesser", "{{ Count }}", 3, False),
        ("NumericLesser", "{{ Count }}", 4, True),
        ("NumericGreaterOrEquals", "{{ Count }}", 3, True),
        ("NumericGreaterOrEquals", "{{ Count }}", 4, False),
        ("NumericLesserOrEquals", "{{ Count }}", 3, True),
        ("NumericLesserOrEquals", "{{ Count }}", 2, False),
        ("NumericGreater", "{{ Os }}", 2, False),
        ("BooleanEquals", "{{ On }}", True, True),
        ("BooleanEquals", "{{ On }}", "false", False),
        ("BooleanEquals", "{{ Os }}", False, False),
    ],
)
def test_operators(operator: str, variable: str, wanted: object, true: bool) -> None:
    step = branch(to("b", Variable=variable, **{operator: wanted}), Default="c")
    assert route(step) == ("b" if true else "c")


def test_the_first_true_choice_wins() -> None:
    windows, linux = ({"Variable": "{{ Os }}", "StringEquals": os} for os in ("Windows", "Linux"))
    choices = (to("a", **windows), to("b", **linux), to("c", **linux))
    assert route(branch(*choices)) == "b"
    assert route(branch(*choices), given={"Os": ["Windows"]}) == "a"


@pytest.mark.parametrize(("joint", "os", "count", "true"), [
    ("And", "Linux", 3, True), ("And", "Linux", 4, False), ("Or", "Linux", 4, True), ("Or", "Mac", 4, False),
])  # fmt: skip
def test_and_and_or(joint: str, os: str, count: int, true: bool) -> None:
    parts = [
        {"Variable": "{{ Os }}", "StringEquals": "Linux"},
        {"Variable": "{{ Count }}", "NumericEquals": 3},
    ]
    step = branch(to("b", **{joint: parts}), Default="c")
    assert route(step, given={"Os": [os], "Count": [str(count)]}) == ("b" if true else "c")


def test_not() -> None:
    step = branch(to("b", Not={"Variable": "{{ Os }}", "StringEquals": "Linux"}), Default="c")
    assert route(step) == "c"
    assert route(step, given={"Os": ["Mac"]}) == "b"


def test_no_choice_goes_on_or_ends() -> None:
    never = to("c", Variable="{{ Os }}", StringEquals="Mac")
    assert route(branch(never)) == "a"
    assert route(branch(never, nextStep="b")) == "b"
    assert route(branch(never, isEnd=True)) == ""


def test_a_choice_is_followed_though_the_step_is_the_end() -> None:
    assert route(branch(to("c", Variable="{{ Os }}", StringEquals="Linux"), isEnd=True)) == "c"


def test_a_missing_output_goes_to_the_default() -> None:
    look = api("look", outputs=[{"Name": "platform", "Selector": "$.Platform", "Type": "String"}])
    fork = branch(to("b", Variable="{{ look.platform }}", StringEquals="windows"), Default="c")
    story = Story(look, fork, nap("a", 9), nap("b", 9), nap("c", 9), reply=lambda _: {}).at(0)
    assert story.statuses["c"] == "InProgress"


def change(state: str, **more: Any) -> dict[str, Any]:
    inputs = {"InstanceIds": ["i-1", "i-2"], "DesiredState": state, **more}
    return {"name": "change", "action": "aws:changeInstanceState", "inputs": inputs}


def instances(*states: str) -> dict[str, Any]:
    return {"Reservations": [{"Instances": [{"State": {"Name": state}}]} for state in states]}


def checks(*oks: str) -> dict[str, Any]:
    return {
        "InstanceStatuses": [
            {"InstanceStatus": {"Status": ok}, "SystemStatus": {"Status": "ok"}} for ok in oks
        ]
    }


def test_stopping_asks_until_all_are_stopped() -> None:
    story = Story(change("stopped")).at(0)
    assert story.calls[0].request == Request("ec2", "StopInstances", {"InstanceIds": ["i-1", "i-2"]})
    story.answer({}).answer(instances("stopped", "stopping"))
    assert story.apis == ["StopInstances", "DescribeInstances"]
    story.at(1).answer(instances("stopped", "stopped"))
    assert story.apis == ["StopInstances", "DescribeInstances", "DescribeInstances"]
    assert story.state.status == "Success"
    assert story.state.run("change").outputs == {"InstanceStates": ["stopped", "stopped"]}


def test_force_is_passed_on() -> None:
    assert Story(change("stopped", Force=True)).at(0).calls[0].request.parameters["Force"] is True


def test_only_looking_changes_nothing() -> None:
    story = Story(change("stopped", CheckStateOnly=True)).at(0).answer(instances("running", "stopped"))
    story.at(1).answer(instances("stopped", "stopped"))
    assert story.apis == ["DescribeInstances", "DescribeInstances"]
    assert story.state.status == "Success"


def test_running_means_that_the_checks_are_ok() -> None:
    story = Story(change("running")).at(0).answer({}).answer(instances("running", "running"))
    story.answer(checks("initializing", "ok")).at(1).answer(instances("running", "running"))
    assert story.state.status == "InProgress"
    story.answer(checks("ok", "ok"))
    assert story.apis[0] == "StartInstances"
    assert story.apis[-1] == "DescribeInstanceStatus"
    assert story.state.status == "Success"


def test_an_instance_that_died_is_a_failure() -> None:
    story = Story(change("stopped")).at(0).answer({}).answer(instances("stopped", "terminated"))
    assert story.state.status == "Failed"
    assert "unexpected state: terminated" in (story.state.failure or "")


def test_terminating_waits_for_the_end() -> None:
    story = Story(change("terminated")).at(0).answer({}).answer(instances("shutting-down", "terminated"))
    assert story.at(1).answer(instances("terminated", "terminated")).state.status == "Success"
    assert story.apis[0] == "TerminateInstances"


def test_no_instances_at_all_is_not_the_desired_state() -> None:
    assert Story(change("stopped")).at(0).answer({}).answer(instances()).state.status == "InProgress"


@pytest.mark.parametrize("ids", ["i-1", []])
def test_instance_ids_are_a_list(ids: object) -> None:
    story = Story(change("stopped", InstanceIds=ids)).at(0)
    assert story.state.status == "Failed"
    assert story.calls == []


@pytest.mark.parametrize(
    ("inputs", "seconds"),
    [
        ({"Duration": "PT1M30S"}, 90),
        ({"Duration": "P1DT1H"}, 90000),
        ({"Timestamp": "2023-11-14T22:14:20Z"}, 60),
        ({"Timestamp": "2023-11-14 22:13:30"}, 10),
    ],
)
def test_sleeps(inputs: dict[str, str], seconds: int) -> None:
    story = Story({"name": "doze", "action": "aws:sleep", "inputs": inputs}).at(0)
    assert story.at(seconds - 0.1).state.status == "InProgress"
    assert story.at(seconds).state.status == "Success"


def test_a_moment_that_has_passed_is_not_waited_for() -> None:
    past = {"name": "doze", "action": "aws:sleep", "inputs": {"Timestamp": "2020-01-01T00:00:00Z"}}
    assert Story(past).at(0).state.status == "Success"


@pytest.mark.parametrize("inputs", [
    {"Duration": "P8D"}, {"Duration": "10"}, {"Duration": "-PT1S"}, {"Duration": "P-1D"},
    {"Duration": "soon"}, {"Timestamp": "tomorrow"},
])  # fmt: skip
def test_a_sleep_that_makes_no_sense_fails(inputs: dict[str, str]) -> None:
    assert Story({"name": "doze", "action": "aws:sleep", "inputs": inputs}).at(0).state.status == "Failed"
