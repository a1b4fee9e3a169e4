"""Experiments of the Chaos Toolkit by `chaos-engine run FILE`: both verdicts, and that nothing stays hurt."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.engine_process import running, until
from tests.integration.toolkit_stage import Stage, activity

A_MINUTE = f"61.{os.getpid()}"  # like no other's


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def strict(row: dict[str, Any]) -> tuple[str, bool, int]:
    found = row["result"]["details"][0]["chaos_toolkit"]
    return found["status"], found["deviated"], found["exit_code"]


def out_of_tolerance(stage: Stage) -> dict[str, Any]:
    stage.health.write_text("ill")
    return {}


def ill_by_the_method(stage: Stage) -> dict[str, Any]:
    return {"method": [stage.hurts(), activity("sicken", "write", path=str(stage.health), text="ill")]}


def probe_dies(stage: Stage) -> dict[str, Any]:
    return {"method": [stage.hurts(), activity("lose", "take", path=str(stage.health))]}


def action_fails(stage: Stage) -> dict[str, Any]:
    return {"method": [stage.hurts(), activity("burn", "fail")]}


def exits_with_3(stage: Stage) -> dict[str, Any]:
    provider = {"type": "process", "path": "sh", "arguments": ["-c", "exit 3"]}
    return {"method": [stage.hurts(), {"type": "action", "name": "burn", "provider": provider}]}


def no_action(stage: Stage) -> dict[str, Any]:
    return {"method": []}


def no_hypothesis(stage: Stage) -> dict[str, Any]:
    return {"steady-state-hypothesis": None}


def well(stage: Stage) -> dict[str, Any]:
    return {}


CASES = [
    (well, (), "supported", 0, ("completed", False, 0)),
    (out_of_tolerance, (), "steady_state_not_met", 3, ("completed", False, 0)),
    (ill_by_the_method, (), "not_supported", 1, ("completed", True, 1)),
    (probe_dies, (), "inconclusive", 5, ("failed", True, 1)),
    (action_fails, (), "failed", 4, ("completed", False, 0)),
    (exits_with_3, (), "failed", 4, ("completed", False, 0)),
    (no_action, (), "unjudged", 0, ("completed", False, 0)),
    (no_hypothesis, (), "unjudged", 0, ("completed", False, 0)),
    (well, ("--hypothesis-strategy", "before-method-only"), "unjudged", 0, ("completed", False, 0)),
    (well, ("--dry", "actions"), "unjudged", 0, ("completed", False, 0)),
]


@pytest.mark.parametrize(("case", "options", "verdict", "code", "theirs"), CASES)
def test_two_verdicts(
    stage: Stage, case: Any, options: tuple[str, ...], verdict: str, code: int, theirs: tuple[str, bool, int]
) -> None:
    file = stage.experiment(**case(stage))
    ran = stage.call("run", file, *options)
    assert (ran.returncode, stage.last["verdict"]) == (code, verdict), ran.stderr
    assert strict(stage.last) == theirs
    assert not stage.mark.exists()
    assert json.loads((stage.folder / "journal.json").read_text())["status"] == theirs[0]


def test_strict_has_the_exit_code_of_chaos_run(stage: Stage) -> None:
    file = stage.experiment(**action_fails(stage))
    assert stage.call("run", file, "--strict").returncode == 0
    assert stage.last["verdict"] == "failed"
    stage.health.write_text("ill")
    assert stage.call("run", file, "--strict", "--journal-path", "other.json").returncode == 0
    assert (stage.folder / "other.json").exists()


def test_fail_fast_cuts_a_pause_short_and_rolls_back(stage: Stage) -> None:
    sicken = activity("sicken", "write", path=str(stage.health), text="ill") | {"pauses": {"after": 60}}
    file = stage.experiment(method=[stage.hurts(), sicken])
    options = ("--hypothesis-strategy", "continuously", "--hypothesis-frequency", "0.1", "--fail-fast")
    ran = stage.call("run", file, *options, timeout=30)
    assert (ran.returncode, strict(stage.last)) == (1, ("completed", True, 1)), ran.stderr
    assert not stage.mark.exists()


def test_what_its_activities_run_is_ended_with_it(stage: Stage) -> None:
    waits = {
        "type": "process",
        "path": "sh",
        "arguments": ["-c", f"touch {stage.mark}; sleep {A_MINUTE} & wait"],
    }
    method = [
        {"type": "action", "name": "load", "background": True, "provider": waits},
        {"type": "action", "name": "wait", "provider": waits},
    ]
    with running(stage, "run", stage.experiment(method=method)) as process:
        until(stage.mark.exists, patience=30)
        until(lambda: len(sleeping()) == 2)
        assert process.stop(signal.SIGINT)[0] == 4
    until(lambda: not sleeping())
    assert not stage.mark.exists()


def sleeping() -> list[psutil.Process]:
    return [one for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"] == ["sleep", A_MINUTE]]


def test_what_happens_is_told_and_kept(stage: Stage) -> None:
    ran = stage.call("run", stage.experiment())
    for line in ("action hurt begins", "action hurt: succeeded", "rollback heal: succeeded"):
        assert f"  {line}" in ran.stderr
    assert "the Chaos Toolkit: completed, exit code 0" in ran.stderr
    told = stage.call("history", stage.last["id"]).stdout
    assert "strict     completed, exit code 0 (as `chaos run`)" in told
    assert "rollback heal: succeeded" in told


def test_several_files_variables_and_another_directory(stage: Stage) -> None:
    there = stage.folder / "there"
    there.mkdir()
    (there / "vars.yaml").write_text("configuration: {name: by-file}\n")
    method = [activity("hurt", "write", path=f"{stage.folder}/${{name}}", text="${size}")]
    file = stage.experiment(configuration={"name": "x", "size": "0"}, method=method, rollbacks=None)
    ran = stage.call("run", file, file, "--var-file", "there/vars.yaml", "--var", "size=7")
    assert ran.returncode == 0, ran.stderr
    assert (stage.folder / "by-file").read_text() == "7"


def test_what_nobody_rolls_back_is_said(stage: Stage) -> None:
    ran = stage.call("run", stage.experiment(), "--rollback-strategy", "never")
    assert "its rollbacks were not run (strategy never): what its actions did is left" in ran.stderr
    assert stage.mark.exists()
    ran = stage.call("run", stage.experiment(rollbacks=None))
    assert "it has no rollbacks: what its actions did is left as they left it" in ran.stderr
    assert "left as they left it" in stage.call("history", stage.last["id"]).stdout


def test_strictly_a_rollback_that_failed_is_said(stage: Stage) -> None:
    ran = stage.call("run", stage.experiment(rollbacks=[activity("open", "fail")]), "--strict")
    assert (ran.returncode, "rollback failed: open: what its actions did is left" in ran.stderr) == (0, True)


def test_an_unexpected_error_is_told_and_no_probe_is_blamed(stage: Stage) -> None:
    odd = stage.probe(tolerance={"type": "range", "range": [1, 2], "target": "x"})
    hypothesis: dict[str, Any] = {"steady-state-hypothesis": {"title": "t", "probes": [odd]}}
    ran = stage.call("run", stage.experiment(**hypothesis))
    assert ran.returncode == 4
    assert "its hypothesis has no answer (before the method)" in ran.stderr
    assert "it ran into an unexpected error: " in ran.stderr
    assert "out of tolerance" not in ran.stderr


# --- interrupted ----------------------------------------------------------------------------------


def hurting(stage: Stage, **more: Any) -> str:
    return stage.experiment(method=[stage.hurts(pause=60)], **more)


def test_a_signal_ends_it_and_it_is_rolled_back(stage: Stage) -> None:
    with running(stage, "run", hurting(stage)) as process:
        until(stage.mark.exists)
        code, took = process.stop(signal.SIGINT)
    assert (code, stage.mark.exists()) == (4, False), process.said
    assert took < 15
    assert (stage.last["verdict"], stage.last["result"]["cleanup"]) == ("aborted", "clean")


def test_interrupted_strictly_it_is_as_chaos_run_leaves_it(stage: Stage) -> None:
    with running(stage, "run", hurting(stage), "--strict") as process:
        until(stage.mark.exists)
        code, _ = process.stop(signal.SIGINT)
    assert (code, strict(stage.last)) == (1, ("interrupted", False, 1)), process.said
    assert "its rollbacks were not run (strategy default, strict)" in process.said


def test_a_run_that_takes_too_long_is_ended(stage: Stage) -> None:
    stage.configure(f"""
schedule: {{every: 5s, startup_wait: 0s, min_interval: 0s}}
scenarios:
  az: {{toolkit: {hurting(stage)}, timeout: 2s}}
""")
    with running(stage) as process:
        process.says("Verdict az on az: FAILED: toolkit had not ended 2 s after it began")
        assert not stage.mark.exists()
        process.stop()


def of_the_run(stage: Stage) -> psutil.Process:
    """The Chaos Toolkit's own process."""
    (record,) = until(lambda: [*stage.data.glob("toolkit/*/record.jsonl")])
    return psutil.Process(json.loads(record.read_text().splitlines()[0])["pid"])


def test_the_run_s_process_is_killed_and_the_engine_rolls_back(stage: Stage) -> None:
    with running(stage, "run", hurting(stage)) as process:
        until(stage.mark.exists)
        of_the_run(stage).kill()
        assert process.popen.wait(30) == 4
    assert not stage.mark.exists()
    row = stage.last
    assert (row["verdict"], row["result"]["cleanup"]) == ("failed", "clean")
    assert "process ended before its run did" in row["result"]["reason"]
    assert "rollback heal: succeeded" in process.rest()


def test_what_the_killed_run_had_started_ends_too(stage: Stage) -> None:
    provider = {
        "type": "process",
        "path": "sh",
        "arguments": ["-c", f"echo $$ > {stage.folder}/pid; sleep 60"],
    }
    load = {"type": "action", "name": "load", "provider": provider}
    with running(stage, "run", stage.experiment(method=[stage.hurts(), load])) as process:
        pid = int(until(lambda: (stage.folder / "pid").exists() and (stage.folder / "pid").read_text()))
        of_the_run(stage).kill()
        assert process.popen.wait(30) == 4
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    assert not stage.mark.exists()


def test_the_engine_is_killed_and_the_next_one_rolls_back(stage: Stage) -> None:
    with running(stage, "run", hurting(stage)) as process:
        until(stage.mark.exists)
        process.popen.kill()
        process.rest()
    assert stage.mark.exists()
    stage.experiment("other.json", method=[])
    ran = stage.call("run", "other.json")
    assert "Found toolkit on az left in by an earlier run: clearing it" in ran.stderr
    assert not stage.mark.exists()


def test_both_are_killed_and_clear_rolls_back(stage: Stage) -> None:
    with running(stage, "run", hurting(stage)) as process:
        until(stage.mark.exists)
        process.popen.kill()
        of_the_run(stage).kill()
        process.rest()
    (stage.folder / "az.json").unlink()  # the ledger has it
    cleared = stage.call("clear")
    assert (cleared.returncode, stage.mark.exists()) == (0, False), cleared.stderr


def test_the_engine_is_killed_and_the_run_rolls_back_by_itself(stage: Stage) -> None:
    file = stage.experiment(method=[stage.hurts(pause=3)])
    with running(stage, "run", file) as process:
        until(stage.mark.exists)
        process.popen.kill()
        process.rest()
        until(lambda: not stage.mark.exists())


def test_a_rollback_that_fails_is_tried_again(stage: Stage) -> None:
    way = stage.folder / "way"
    heals = [activity("open", "fail", until=str(way)), activity("heal", "take", path=str(stage.mark))]
    with running(stage, "run", stage.experiment(rollbacks=heals)) as process:
        process.says("rollback failed: open; trying again")
        way.touch()
        assert process.popen.wait(30) == 0, process.said
    assert stage.last["verdict"] == "supported"


def test_each_of_several_files_has_a_process_of_its_own(stage: Stage) -> None:
    """The next one's is loaded while one is run; what one has set is not there for the next."""
    stage.configure(
        "title: x\nscenario: crash\ntarget: {name: shop, state_file: STATE}\nrecovery: 0.1s\n", "o.yml"
    )
    ran = stage.call("run", stage.experiment("a.json"), "o.yml", stage.experiment("b.json"), "b.json")
    assert ran.returncode == 0, ran.stderr
    records = sorted(stage.data.glob("toolkit/*/record.jsonl"))
    begun = [json.loads(record.read_text().splitlines()[0]) for record in records]
    assert len({line["pid"] for line in begun}) == 3
    assert all("it stays well" in (record.parent / "log").read_text() for record in records)
    assert not stage.mark.exists()
