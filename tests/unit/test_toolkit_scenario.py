"""Experiments of the Chaos Toolkit as a scenario: what is begun, ended, and rolled back."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from pydantic import ValidationError

from chaos_engine.adapters.state_file import StateFiles
from chaos_engine.model import Fault, Now, Target
from chaos_engine.ports import World
from scenarios.aws import StillRunningError
from scenarios.toolkit_scenarios import Toolkit, ToolkitParameters
from tests.unit.toolkit_story import NOW, Story, well
from tests.unit.toolkit_twin import EXPERIMENT, ToolkitTwin


class Ticking:
    """A clock of which each look takes a second."""

    def __init__(self, wall: float = NOW) -> None:
        self.wall = wall

    def now(self) -> Now:
        self.wall += 1.0
        return Now(self.wall, self.wall)


def world_with(twin: ToolkitTwin, wall: float = NOW) -> World:
    return World(StateFiles(), Ticking(wall), toolkit=twin)


def fault(**parameters: Any) -> Fault:
    given = ToolkitParameters.model_validate({"toolkit": "/x/az.json", **parameters})
    twin = ToolkitTwin(Story())
    prepared = Toolkit().prepare(Target("az"), given, Random(1), world_with(twin))
    return Fault(
        "e1-0", "e1", "toolkit", Target("az"), prepared.parameters, prepared.undo, prepared.resources,
        "owner", 0, Now(NOW, NOW), Now(NOW + 60, NOW + 60),
    )  # fmt: skip


def test_the_experiment_as_it_was_is_in_the_undo() -> None:
    spec = fault(var={"region": "eu", "size": 3, "on": True, "tags": {"a": 1}}).undo["spec"]
    assert (spec["source"], spec["experiment"]) == ("/x/az.json", EXPERIMENT)
    assert spec["var"] == ["region=eu", "size:int=3", "on:bool=True", 'tags:json={"a": 1}']


def test_variables_are_not_shown() -> None:
    assert fault(var={"password": "x"}, fail_fast=True).parameters == {
        "toolkit": "az.json",
        "fail_fast": True,
    }


def test_one_file_is_never_run_twice_at_once() -> None:
    assert fault().resources == ("toolkit:/x/az.json",)


def test_the_run_is_begun_with_its_mark() -> None:
    twin = ToolkitTwin(Story())
    Toolkit().inject(fault(), world_with(twin))
    assert twin.spec["mark"] == "owner/e1-0"


@pytest.mark.parametrize(
    "wrong",
    [
        {"dry": "all"},
        {"rollback_strategy": "sometimes"},
        {"hypothesis_frequency": 0},
        {"timeout": "0s"},
        {"vars": {}},
    ],
)
def test_what_chaos_run_would_not_take_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ToolkitParameters.model_validate({"toolkit": "az.json", **wrong})


def cleared(twin: ToolkitTwin, wall: float = NOW, **parameters: Any) -> list[str]:
    Toolkit().clear(fault(**parameters), world_with(twin, wall))
    return twin.done


def test_a_run_that_rolled_back_needs_nothing() -> None:
    assert cleared(ToolkitTwin(well().rolled_back().ended())) == []


def test_what_has_not_begun_is_not_to_begin_any_more() -> None:
    twin = ToolkitTwin(Story())
    twin.story.lines.clear()
    assert cleared(twin) == ["end"]


def test_what_died_is_rolled_back() -> None:
    assert cleared(ToolkitTwin(well())) == ["roll back"]


def test_what_lives_is_ended_first() -> None:
    assert cleared(ToolkitTwin(well(), alive=True)) == ["end", "roll back"]


def test_what_died_with_the_strategy_never_is_left_as_it_is() -> None:
    assert cleared(ToolkitTwin(Story().method("never").activity("stop-az"))) == []


def test_what_was_told_to_end_is_not_told_again_and_killed_when_it_hangs() -> None:
    twin = ToolkitTwin(well(), alive=True)
    twin.ends_when_told = False
    with pytest.raises(StillRunningError):
        cleared(twin)
    assert twin.done == ["end"]
    twin.told = 9.0
    with pytest.raises(StillRunningError):
        cleared(twin)
    twin.told = 11.0
    assert cleared(twin) == ["end", "kill", "roll back"]


def test_rollbacks_under_way_are_not_disturbed_unless_they_hang() -> None:
    twin = ToolkitTwin(well().add("rollbacks-started"), alive=True)
    with pytest.raises(StillRunningError):
        cleared(twin)
    assert twin.done == []
    assert cleared(twin, NOW + 400) == ["kill", "roll back"]


def test_a_process_that_is_about_to_roll_back_is_not_disturbed_either() -> None:
    twin = ToolkitTwin(well().add("started", rollback=True), alive=True)
    with pytest.raises(StillRunningError):
        cleared(twin)
    assert twin.done == []
    assert cleared(twin, NOW + 400) == ["kill", "roll back"]


def test_a_process_that_outlives_its_run_is_ended_and_killed() -> None:
    twin = ToolkitTwin(well().rolled_back().ended(), alive=True)
    twin.ends_when_told = False
    with pytest.raises(StillRunningError):
        cleared(twin)
    twin.told = 11.0
    assert cleared(twin) == ["end", "kill"]


def test_a_rollback_that_fails_is_an_error_and_is_tried_again() -> None:
    twin = ToolkitTwin(well(), rollbacks=("start-az", ""))
    with pytest.raises(RuntimeError, match="rollback failed: start-az"):
        cleared(twin)
    assert cleared(twin) == ["roll back", "roll back"]


def test_clearing_again_does_nothing() -> None:
    twin = ToolkitTwin(well())
    assert cleared(twin) == cleared(twin) == ["roll back"]


def test_it_is_left_while_it_lives_or_owes() -> None:
    left = Toolkit().is_left
    assert left(fault(), world_with(ToolkitTwin(well(), alive=True)))
    assert left(fault(), world_with(ToolkitTwin(well())))
    assert not left(fault(), world_with(ToolkitTwin(well().rolled_back())))


def test_the_experiment_s_own_strategy_counts_where_no_option_says_otherwise() -> None:
    twin = ToolkitTwin(Story().add("method-started").activity("stop-az"))
    own = fault()
    spec = {**own.undo["spec"], "experiment": {**EXPERIMENT, "runtime": {"rollbacks": {"strategy": "never"}}}}
    changed = Fault(**{**{f: getattr(own, f) for f in Fault.__slots__}, "undo": {"spec": spec}})
    Toolkit().clear(changed, world_with(twin))
    assert twin.done == []
