"""The built-in scenarios: what they write keeps the contract, and what their clearing leaves alone."""

from __future__ import annotations

import errno
import json
import time
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from chaos_engine.adapters.state_file import StateFiles
from chaos_engine.model import Fault, Now, Observation, Target
from chaos_engine.ports import World
from scenarios.aws import CloudScenario
from scenarios.base import Scenario
from scenarios.config_scenarios import inject_config_error
from scenarios.container import ContainerScenario
from scenarios.crash_scenarios import inject_crash
from scenarios.flag_scenarios import FeatureFlag
from scenarios.registry import load
from scenarios.slowdown_scenarios import inject_slowdown
from scenarios.state_file import StateFileScenario, clear_failure
from scenarios.toolkit_scenarios import Toolkit

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "failure-state.schema.json").read_text())
ALL = load()
NOW = 1_700_000_000.0


class Clock:
    """Stands still until told."""

    wall = NOW

    def now(self) -> Now:
        return Now(self.wall, self.wall)


@pytest.fixture
def world() -> World:
    return World(StateFiles(), Clock())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.json"


def prepared(
    scenario: Scenario, path: Path, world: World, *, owner: str = "me", id_: str = "f1", **parameters: Any
) -> Fault:
    target = Target("shop", path)
    drawn = scenario.prepare(target, scenario.parameters.model_validate(parameters), Random(7), world)
    now = world.clock.now()
    return Fault(
        id_, "e1", scenario.name, target, drawn.parameters, drawn.undo, drawn.resources, owner, 0, now,
        now.plus(60),
    )  # fmt: skip


def written(path: Path) -> Mapping[str, Any]:
    state = json.loads(path.read_text())
    jsonschema.validate(state, SCHEMA)
    assert isinstance(state, dict)
    return state


@pytest.mark.parametrize(
    "heals", [{}, {"heals_on": "never"}, {"heals_on": "env:DB"}, {"heals_on": "env:DB", "expect": "x"}]
)
@pytest.mark.parametrize(
    ("name", "mode"), [("crash", "crash"), ("slowdown", "slow"), ("config_error", "config_error")]
)
def test_what_is_written_keeps_the_contract(
    path: Path, world: World, name: str, mode: str, heals: dict[str, str]
) -> None:
    fault = prepared(ALL[name], path, world, **heals)
    assert not path.exists()  # preparing does nothing
    assert fault.resources == (f"state-file:{path}",)
    ALL[name].inject(fault, world)
    state = written(path)
    assert list(state)[:4] == ["mode", "delay", "timestamp", "injected_by"]
    assert (state["mode"], state["timestamp"], state["injected_by"]) == (mode, NOW, "chaos-engine")
    assert (state["id"], state["owner"], state["target"]) == ("f1", "me", "shop")
    assert (state["schema"], state["expires_at"]) == (1, NOW + 60)
    assert state["heals_on"] == heals.get("heals_on", "restart")
    assert ("expect" in state) is state["heals_on"].startswith("env:")
    assert (state["delay"] > 0) is (mode == "slow")
    ALL[name].clear(fault, world)
    healthy = written(path)
    assert (healthy["mode"], healthy["delay"], healthy["cleared_by"]) == ("healthy", 0, "chaos-engine")


def test_each_injection_draws_its_delay(path: Path, world: World) -> None:
    slow, rng = ALL["slowdown"], Random(1)
    drawn = [
        slow.prepare(Target("a", path), slow.parameters(), rng, world).parameters["delay"] for _ in range(50)
    ]
    assert all(10 <= delay <= 30 for delay in drawn)
    assert len(set(drawn)) > 20
    exact = slow.parameters.model_validate({"delay": "250ms"})
    assert slow.prepare(Target("a", path), exact, rng, world).parameters["delay"] == 0.25


def test_an_expected_value_that_is_drawn_is_new_each_time(path: Path, world: World) -> None:
    crash, rng = ALL["crash"], Random(1)
    parameters = crash.parameters.model_validate({"heals_on": "env:DB"})
    drawn = {crash.prepare(Target("a", path), parameters, rng, world).parameters["expect"] for _ in range(20)}
    assert len(drawn) == 20


@pytest.mark.parametrize("bad", ["1parsec", "0", "2h", "30-10s", "", None, [1, 2], -1, float("nan")])
def test_bad_delays(bad: Any) -> None:
    with pytest.raises(ValidationError):
        ALL["slowdown"].parameters.model_validate({"delay": bad})


# --- clearing -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["crash", "slowdown", "config_error"])
def test_clearing_before_injecting_and_again(path: Path, world: World, name: str) -> None:
    fault = prepared(ALL[name], path, world)
    for _ in range(2):
        ALL[name].clear(fault, world)
        assert not path.exists()
    ALL[name].inject(fault, world)
    for _ in range(3):
        ALL[name].clear(fault, world)
        assert written(path)["mode"] == "healthy"


def test_a_clearing_of_what_is_healthy_writes_nothing(path: Path, world: World) -> None:
    path.write_text('{"mode": "healthy", "by": "somebody"}')
    ALL["crash"].clear(prepared(ALL["crash"], path, world), world)
    assert json.loads(path.read_text())["by"] == "somebody"


def test_a_folder_that_vanished_counts_as_cleared(tmp_path: Path, world: World) -> None:
    for gone in (tmp_path / "gone" / "state.json", tmp_path / "file" / "state.json"):
        (tmp_path / "file").touch()
        ALL["crash"].clear(prepared(ALL["crash"], gone, world), world)
        assert not gone.parent.is_dir()


def test_a_clearing_whose_new_file_was_swept_away_has_cleared_nothing(path: Path, world: World) -> None:
    """As after a long freeze in the middle of the write."""
    fault = prepared(ALL["crash"], path, world)
    ALL["crash"].inject(fault, world)

    def swept(temporary: Path, path: Path) -> None:
        temporary.unlink()
        temporary.replace(path)

    with pytest.raises(RuntimeError, match="still holds the fault"):
        ALL["crash"].clear(fault, World(StateFiles(rename=swept), world.clock))


@pytest.mark.parametrize("torn", ["", "{", "[]"])
def test_a_torn_file_is_made_healthy(path: Path, world: World, torn: str) -> None:
    path.write_text(torn)
    ALL["crash"].clear(prepared(ALL["crash"], path, world), world)
    assert written(path)["mode"] == "healthy"


def test_another_owners_live_fault_is_left_alone_and_an_overdue_one_is_cleared(
    path: Path, world: World
) -> None:
    mine = prepared(ALL["crash"], path, world)
    other = prepared(ALL["slowdown"], path, world, owner="somebody", id_="f9")
    ALL["slowdown"].inject(other, world)
    before = path.read_bytes()
    ALL["crash"].clear(mine, world)
    assert path.read_bytes() == before
    world.clock.wall = NOW + 61  # type: ignore[attr-defined]
    ALL["crash"].clear(mine, world)
    assert written(path)["mode"] == "healthy"


def test_a_later_fault_of_our_own_is_left_alone(path: Path, world: World) -> None:
    first, second = (prepared(ALL["crash"], path, world, id_=id_) for id_ in ("f1", "f2"))
    ALL["crash"].inject(second, world)
    ALL["crash"].clear(first, world)
    assert written(path)["id"] == "f2"


def test_a_clearing_that_does_not_take_is_an_error(path: Path, world: World) -> None:
    fault = prepared(ALL["crash"], path, world)
    ALL["crash"].inject(fault, world)

    class Deaf(StateFiles):
        def write(self, path: Path, state: Mapping[str, Any]) -> None:
            """Nothing is written."""

    with pytest.raises(RuntimeError, match="still holds the fault"):
        ALL["crash"].clear(fault, World(Deaf(), world.clock))


def test_a_full_disk_does_not_stop_a_clearing(path: Path, world: World) -> None:
    fault = prepared(ALL["crash"], path, world)
    ALL["crash"].inject(fault, world)

    class Full(StateFiles):
        def write(self, path: Path, state: Mapping[str, Any]) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    full = World(Full(), world.clock)
    ALL["crash"].clear(fault, full)
    assert not path.exists()
    with pytest.raises(OSError, match="No space"):
        ALL["crash"].inject(fault, full)


def test_what_is_seen_of_a_fault(path: Path, world: World) -> None:
    fault = prepared(ALL["crash"], path, world)
    ALL["crash"].inject(fault, world)
    assert ALL["crash"].observe(fault, world) is Observation.BLIND
    clear_failure(path)
    assert ALL["crash"].observe(fault, world) is Observation.GONE
    path.unlink()
    assert ALL["crash"].observe(fault, world) is Observation.GONE


def test_a_target_that_a_scenario_cannot_hurt_is_refused_by_name() -> None:
    kinds: dict[Any, str] = {StateFileScenario: "has no state_file", CloudScenario: "is not in AWS"}
    kinds |= {ContainerScenario: "names no container", FeatureFlag: "has no flagd_file"}
    for scenario in ALL.values():
        if isinstance(scenario, Toolkit):  # its experiment says itself what it hurts
            continue
        lacks = next(text for kind, text in kinds.items() if isinstance(scenario, kind))
        assert str(scenario.refusal(Target("shop"))).startswith(f"target 'shop' {lacks}")


# --- by hand --------------------------------------------------------------------------------


def test_the_calls_by_hand(path: Path) -> None:
    for inject, mode in ((inject_crash, "crash"), (inject_config_error, "config_error")):
        assert inject(path) == written(path)
        assert written(path)["mode"] == mode
    assert inject_slowdown(path, delay=5) == written(path)
    assert (written(path)["mode"], written(path)["delay"]) == ("slow", 5)
    assert abs(written(path)["timestamp"] - time.time()) < 60
    assert "expires_at" not in written(path)
    clear_failure(path)
    assert written(path)["mode"] == "healthy"


def test_a_slowdown_by_hand_draws_10_to_30_seconds(path: Path) -> None:
    delays = {inject_slowdown(path)["delay"] for _ in range(40)}
    assert all(10 <= delay <= 30 for delay in delays)
    assert len(delays) > 3


@pytest.mark.parametrize("delay", [-1, float("nan"), float("inf"), 7200])
def test_a_delay_that_no_reader_takes_is_refused(path: Path, delay: float) -> None:
    with pytest.raises(ValueError, match="allowed: 0 to 3600 seconds"):
        inject_slowdown(path, delay=delay)
    assert not path.exists()


def test_a_text_for_a_path_is_taken_too(path: Path) -> None:
    inject_crash(str(path))  # type: ignore[arg-type]
    assert written(path)["mode"] == "crash"


def test_an_engine_clears_what_was_done_by_hand(path: Path, world: World) -> None:
    inject_slowdown(path, delay=5)
    ALL["crash"].clear(prepared(ALL["crash"], path, world), world)
    assert written(path)["mode"] == "healthy"
