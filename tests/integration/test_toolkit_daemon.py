"""Experiments of the Chaos Toolkit as scenarios of the daemon: gated, judged, aborted as the others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.engine_process import Service, running, serving, until
from tests.integration.toolkit_stage import Stage, activity

DAEMON = """
schedule: {every: 1s, startup_wait: 0s, min_interval: 0s, seed: 1}
targets: {shop: {state_file: STATE}}
steady_state: {lookback: 500ms, probes: [{http: "URL/", every: 100ms, expect: {success: ">= 99%"}}]}
scenarios:
  az: {toolkit: experiments/az.json, ENTRY}
"""


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    stage.state_file.parent.mkdir()
    (tmp_path / "experiments").mkdir()
    return stage


@pytest.fixture
def service(stage: Stage) -> Iterator[Service]:
    with serving(stage.state_file) as found:
        yield found


def configured(stage: Stage, service: Service, entry: str) -> None:
    stage.configure(DAEMON.replace("URL", service.url).replace("ENTRY", entry))


def test_our_probes_judge_beside_its_hypothesis(stage: Stage, service: Service) -> None:
    sick = {"mode": "config_error", "schema": 1}
    break_shop = activity("break", "write", path=str(stage.state_file), text=json.dumps(sick))
    method = [stage.hurts(), break_shop | {"pauses": {"after": 1}}]
    rollbacks = [activity("heal", "take", path=str(path)) for path in (stage.mark, stage.state_file)]
    stage.experiment("experiments/az.json", method=method, rollbacks=rollbacks)
    configured(stage, service, "weight: 0.1, journal_path: az-journal.json")
    with running(stage) as process:
        process.says("Verdict az on az: NOT_SUPPORTED: http")
        process.stop()
    outcomes = {j["probe"]: j["outcome"] for j in stage.last["result"]["judgements"]}
    assert outcomes == {f"http {service.url}/": "broken", "health": "pass"}
    assert stage.last["result"]["recovery"] == "recovered"
    assert json.loads((stage.folder / "az-journal.json").read_text())["status"] == "completed"


def test_our_gate_keeps_it_from_beginning(stage: Stage, service: Service) -> None:
    stage.experiment("experiments/az.json")
    service.broken = service.sticky = True
    configured(stage, service, "weight: 1")
    with running(stage) as process:
        process.says("Verdict az on az: STEADY_STATE_NOT_MET")
        process.stop()
    assert not (stage.data / "toolkit").exists()


def test_an_abort_condition_ends_it_at_once(stage: Stage, service: Service) -> None:
    stage.experiment("experiments/az.json", method=[stage.hurts(pause=60)])
    probe = f'{{http: "{service.url}/", every: 100ms, expect: {{success: ">= 99%"}}}}'
    configured(stage, service, f"abort_when: [{probe}]")
    with running(stage) as process:
        until(stage.mark.exists)
        service.broken = service.sticky = True
        process.says("Clearing TOOLKIT (az) on az: abort condition http")
        until(lambda: not stage.mark.exists())
        service.broken = service.sticky = False
        process.says("Verdict az on az: ABORTED")
        process.stop()


def test_by_hand_and_halted(stage: Stage, service: Service) -> None:
    stage.experiment("experiments/az.json", method=[stage.hurts(pause=60)])
    configured(stage, service, "weight: 1")
    stage.environment["CHAOS_ENABLED"] = "false"
    with running(stage) as process:
        process.says("Chaos Engine starts")
        with running(stage, "inject", "az", "--target", "az", "--now") as asking:
            until(stage.mark.exists)
            stage.call("halt")
            until(lambda: not stage.mark.exists())
            assert asking.popen.wait(30) == 4
        process.stop()
    assert stage.last["verdict"] == "aborted"


def test_the_janitor_rolls_back_where_the_engine_is_gone(stage: Stage, service: Service) -> None:
    stage.experiment("experiments/az.json", method=[stage.hurts(pause=60)])
    configured(stage, service, "weight: 1, timeout: 1s")
    with running(stage, "janitor") as janitor:
        with running(stage) as process:
            until(stage.mark.exists)
            process.popen.kill()
            process.rest()
        janitor.says("its engine is gone", 60.0)
        until(lambda: not stage.mark.exists())


def test_settings_that_are_refused_do_not_keep_it_from_being_cleared(stage: Stage, service: Service) -> None:
    stage.experiment("experiments/az.json", method=[stage.hurts(pause=60)])
    configured(stage, service, "weight: 1")
    with running(stage) as process:
        until(stage.mark.exists)
        process.popen.kill()
        process.rest()
    (stage.folder / "experiments" / "az.json").unlink()
    refused = stage.call("run")
    assert refused.returncode == 2
    assert "cleared e1-0, which an earlier engine left" in refused.stderr
    assert not stage.mark.exists()


def test_two_entries_may_run_the_same_file_with_other_variables(stage: Stage, service: Service) -> None:
    method = [activity("hurt", "write", path=f"{stage.folder}/${{name}}", text="x")]
    stage.experiment("experiments/az.json", configuration={"name": "-"}, method=method, rollbacks=None)
    stage.configure(
        DAEMON.replace("URL", service.url).replace("ENTRY", "var: {name: one}, weight: 1")
        + "  other: {toolkit: experiments/az.json, var: {name: two}, weight: 1, hypothesis: {probes: []}}\n"
    )
    with running(stage) as process:
        until(lambda: (stage.folder / "one").exists() and (stage.folder / "two").exists(), 60.0)
        process.says("Verdict other on other: SUPPORTED: health")
        process.stop()
