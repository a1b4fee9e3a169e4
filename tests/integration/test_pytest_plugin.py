"""The pytest plugin, in pytest processes of their own: files as tests, and the fixture `chaos`."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from target_app.failure_state import FailureStateReader
from tests.integration.engine_process import Service, serving, until
from tests.integration.test_run_files import FILE, USABLE
from tests.junit_rules import REQUIRED

PLUGIN = ("-p", "chaos_engine.pytest_plugin", "-p", "no:cacheprovider")
FIXTURE = """
import json, pathlib, time
STATE = pathlib.Path("app/state.json")

def mode():
    return json.loads(STATE.read_text())["mode"] if STATE.exists() else "healthy"
"""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the plugins that a test names, whatever is installed here."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    for name in [
        name for name in os.environ if name.startswith(("CHAOS_", "PYTEST_XDIST", "PYTEST_ADDOPTS"))
    ]:
        monkeypatch.delenv(name)


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """An empty project with a folder for the target's state."""
    pytester.mkdir("app")
    return pytester


@pytest.fixture
def service(project: pytest.Pytester) -> Iterator[Service]:
    with serving(state_file(project)) as found:
        yield found


def state_file(project: pytest.Pytester) -> Path:
    return project.path / "app" / "state.json"


def mode(project: pytest.Pytester) -> str:
    file = state_file(project)
    return str(json.loads(file.read_text())["mode"]) if file.exists() else "healthy"


def experiment(project: pytest.Pytester, service: Service, name: str, scenario: str, **more: str) -> Path:
    text = FILE.replace("TITLE", more.get("title", name)).replace("SCENARIO", scenario)
    text = text.replace("WITH", more.get("with_", "{}")).replace("STATE", str(state_file(project)))
    text = text.replace("HYPOTHESIS", more.get("hypothesis", "steady_state")).replace("URL", service.url)
    file = project.path / f"{name}.chaos.yml"
    file.write_text(text)
    return file


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return project.runpytest_subprocess(*PLUGIN, *arguments, timeout=120)


def write(project: pytest.Pytester, text: str, name: str = "test_it.py") -> None:
    (project.path / name).write_text(FIXTURE + text)


def history(project: pytest.Pytester) -> list[tuple[str, str]]:
    """Scenario and verdict of each experiment, oldest first."""
    told = subprocess.run(
        [sys.executable, "-m", "chaos_engine", "history", "--json"], cwd=project.path, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    return [(row["scenario"], row["verdict"]) for row in reversed(json.loads(told.stdout))]


# --- files as tests -----------------------------------------------------------------------------


def test_files_are_tests_and_the_evidence_is_why_one_failed(
    project: pytest.Pytester, service: Service
) -> None:
    slow = {"with_": "{delay: 300ms}", "hypothesis": USABLE}
    experiment(project, service, "slow", "slowdown", **slow)
    experiment(project, service, "broken", "config_error", title="nothing breaks")
    result = run(project, "-v", "--junitxml=out.xml")
    result.assert_outcomes(passed=1, failed=1)
    text = result.stdout.str()
    assert "slow.chaos.yml::slow PASSED" in text
    assert re.search(r"not_supported: http http://\S+: ", text)
    assert "verdict    not_supported" in text
    assert re.search(r"broken +http http://", text)
    assert "chaos-engine log" in text
    assert "pytest_plugin.py" not in text  # no traceback through it
    assert mode(project) == "healthy"
    assert sorted(history(project)) == [("config_error", "not_supported"), ("slowdown", "supported")]
    written = (project.path / "out.xml").read_text()
    assert '<property name="chaos_verdict" value="supported" />' in written
    assert set(re.findall(r"<([a-z-]+)", written)) <= set(REQUIRED)


@pytest.mark.parametrize("sick", ["unsteady", "deaf"])
def test_what_proves_nothing_is_no_pass(project: pytest.Pytester, service: Service, sick: str) -> None:
    service.broken = service.sticky = sick == "unsteady"
    service.deaf = sick == "deaf"
    experiment(project, service, "one", "slowdown", with_="{delay: 1s}")
    result = run(project)
    result.assert_outcomes(failed=1)
    word = {"unsteady": "steady_state_not_met: ", "deaf": "no_effect: "}[sick]
    assert word in result.stdout.str()


def test_a_file_that_cannot_be_used_fails_its_own_test(project: pytest.Pytester) -> None:
    (project.path / "bad.chaos.yml").write_text("title: t\nscenario: crsh\n")
    (project.path / "worse.chaos.json").write_text("{")
    (project.path / "other.yml").write_text("not: ours\n")
    write(project, "def test_other():\n    pass\n")
    result = run(project)
    result.assert_outcomes(passed=1, failed=2)
    text = result.stdout.str()
    assert "bad.chaos.yml:2: scenario: unknown scenario 'crsh'; did you mean 'crash'?" in text
    assert "worse.chaos.json:1: not JSON" in text
    assert not (project.path / ".chaos" / "journal.db").exists() or history(project) == []


def test_marks_select_them(project: pytest.Pytester, service: Service) -> None:
    experiment(project, service, "one", "crash")
    write(project, "def test_with(chaos):\n    pass\n\ndef test_without():\n    pass\n")
    result = run(project, "--strict-markers", "-m", "not chaos")
    result.assert_outcomes(passed=1, deselected=2)
    assert not (project.path / ".chaos").exists()  # the engine was not needed
    names = run(project, "--collect-only", "-q", "-m", "chaos").stdout.str()
    assert "one.chaos.yml::one" in names
    assert "test_it.py::test_with\n" in names


def test_a_dry_run_says_what_would_be_done_and_does_nothing(
    project: pytest.Pytester, service: Service
) -> None:
    experiment(project, service, "one", "slowdown", with_="{delay: 300ms}", title="still usable")
    (project.path / "bad.chaos.yml").write_text("title: t\nscenario: crsh\n")
    write(
        project,
        """
def test_with(chaos):
    with chaos.inject("crash", state_file=STATE):
        assert mode() == "crash"

def test_wrong(chaos):
    with chaos.inject("crash", state_file=STATE, delay=1):
        pass
""",
    )
    result = run(project, "--chaos-dry-run", "-rs")
    result.assert_outcomes(passed=1, failed=2, skipped=1)
    text = result.stdout.str()
    for line in (
        "still usable",
        "would inject slowdown on shop (delay 300ms)",
        "hold         1.5s",
        "hypothesis   http",
    ):
        assert line in text
    assert "unknown key 'delay'" in text
    assert not (project.path / ".chaos").exists()
    assert not state_file(project).exists()


# --- the fixture ----------------------------------------------------------------------------------


def test_a_fault_is_in_while_the_block_runs(project: pytest.Pytester) -> None:
    (project.path / "chaos.yml").write_text(
        f"targets: {{shop: {{state_file: {state_file(project)}}}}}\nschedule: {{enabled: false}}\n"
        "scenarios: {sluggish: {scenario: slowdown, delay: 7s}}\n"
    )
    write(
        project,
        """
def test_it(chaos):
    assert mode() == "healthy"
    with chaos.inject("slowdown", target="shop", delay=2) as injection:
        state = json.loads(STATE.read_text())
        assert (state["mode"], state["delay"]) == ("slow", 2)
        assert 0 < state["expires_at"] - time.time() < 90
        assert state["expires_at"] == injection.deadline
    assert mode() == "healthy"
    with chaos.inject("sluggish", target="shop"):
        assert json.loads(STATE.read_text())["delay"] == 7
    with chaos.inject("crash", state_file="app/other.json"), chaos.inject("config_error", target="shop"):
        assert mode() == "config_error"
        assert '"crash"' in pathlib.Path("app/other.json").read_text()
    assert mode() == "healthy"
""",
    )
    run(project).assert_outcomes(passed=1)
    assert [verdict for _, verdict in history(project)] == ["unjudged"] * 4


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("raise RuntimeError('mine')", "RuntimeError: mine"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("import pytest; pytest.exit('enough')", "enough"),
        ("raise SystemExit(3)", "SystemExit: 3"),
    ],
)
def test_whatever_ends_the_block_the_fault_is_out(project: pytest.Pytester, body: str, outcome: str) -> None:
    write(
        project,
        f"""
def test_it(chaos):
    with chaos.inject("slowdown", state_file=STATE, delay=2):
        assert mode() == "slow"
        {body}
""",
    )
    result = run(project)
    assert outcome in result.stdout.str()
    assert result.ret != 0
    assert mode(project) == "healthy"
    assert history(project) == [("slowdown", "aborted")]


def test_a_block_that_was_never_left_ends_with_its_test(project: pytest.Pytester) -> None:
    write(
        project,
        """
def test_it(chaos):
    chaos.inject("slowdown", state_file=STATE, delay=2).__enter__()
    assert mode() == "slow"

def test_next():
    assert mode() == "healthy"

def test_never(chaos):
    chaos.inject("crash", state_file=STATE)
""",
    )
    result = run(project)
    result.assert_outcomes(passed=3, errors=1)
    assert "injects nothing by itself" in result.stdout.str()


def test_a_hold_that_is_over_before_the_block_is_told(project: pytest.Pytester) -> None:
    write(
        project,
        """
def test_it(chaos):
    with chaos.inject("slowdown", state_file=STATE, delay=2, hold="300ms"):
        time.sleep(3)
        assert mode() == "healthy"
""",
    )
    result = run(project)
    result.assert_outcomes(failed=1)
    assert "slowdown ended before the block did, after 300ms" in result.stdout.str()


def test_what_is_refused_is_told(project: pytest.Pytester) -> None:
    write(
        project,
        """
import pytest

@pytest.mark.parametrize(("scenario", "given"), [
    ("slodown", {"state_file": STATE}), ("slowdown", {"state_file": STATE, "dely": 1}),
    ("slowdown", {}), ("slowdown", {"state_file": "nowhere/state.json"}),
])
def test_it(chaos, scenario, given):
    with pytest.raises(Exception) as refused, chaos.inject(scenario, **given):
        pass
    print("REFUSED", refused.value)
""",
    )
    result = run(project, "-s")
    result.assert_outcomes(passed=4)
    text = result.stdout.str()
    assert "REFUSED chaos.inject: scenario: unknown scenario 'slodown'; did you mean 'slowdown'?" in text
    assert "REFUSED chaos.inject: with.dely: unknown key 'dely'; did you mean 'delay'?" in text
    assert "REFUSED chaos.inject: target: there is no configuration to name one" in text
    assert re.search(r"REFUSED chaos.inject: targets\.\S+: the folder '\S+/nowhere' does not exist", text)


def test_an_experiment_from_within_a_test(project: pytest.Pytester, service: Service) -> None:
    experiment(project, service, "broken", "config_error")
    write(
        project,
        """
def test_it(chaos):
    found = chaos.run("broken.chaos.yml")
    assert (found.verdict, found.passed, found.title) == ("not_supported", False, "broken")
    assert "broken" in found.text
    with chaos.inject("slowdown", state_file="app/other.json", delay=1):
        try:
            chaos.run("broken.chaos.yml")
        except Exception as refused:
            assert "another fault is in" in str(refused)
        else:
            raise AssertionError
""",
    )
    run(project, "test_it.py").assert_outcomes(passed=1)


def test_a_data_folder_that_another_holds_is_named(project: pytest.Pytester) -> None:
    write(project, 'def test_it(chaos):\n    with chaos.inject("crash", state_file=STATE):\n        pass\n')
    (project.path / "chaos.yml").write_text("schedule: {startup_wait: 1h}\n")
    daemon = subprocess.Popen(
        [sys.executable, "-m", "chaos_engine", "run"], cwd=project.path, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: "pid" in _read(project.path / ".chaos" / "engine.lock"))
        result = run(project)
    finally:
        daemon.terminate()
        daemon.wait()
    result.assert_outcomes(failed=1)
    assert f"held by another engine (pid {daemon.pid}" in result.stdout.str()
    assert not state_file(project).exists()


# --- when pytest is killed ------------------------------------------------------------------------

HANGS = """
def test_it(chaos):
    with chaos.inject("slowdown", state_file=STATE, delay=2, hold="1s"):
        time.sleep(120)
"""


def _read(file: Path) -> str:
    return file.read_text() if file.exists() else ""


@pytest.fixture
def hanging(project: pytest.Pytester) -> Iterator[subprocess.Popen[bytes]]:
    """A pytest in a block whose fault is in."""
    write(project, HANGS)
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *PLUGIN], cwd=project.path, stdout=subprocess.DEVNULL
    )
    try:
        until(lambda: mode(project) == "slow", 60)
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_engine_clears_when_pytest_is_killed(
    project: pytest.Pytester, hanging: subprocess.Popen[bytes], number: signal.Signals
) -> None:
    hanging.send_signal(number)
    hanging.wait()
    until(lambda: mode(project) == "healthy", 10)
    until(lambda: history(project) == [("slowdown", "aborted")], 10)


def test_the_fault_expires_when_the_engine_is_killed_too(
    project: pytest.Pytester, hanging: subprocess.Popen[bytes]
) -> None:
    engine = int(_read(project.path / ".chaos" / "engine.lock").split()[1])
    os.kill(engine, signal.SIGSTOP)  # so that it does not see pytest's end before its own
    hanging.kill()
    os.kill(engine, signal.SIGKILL)
    assert mode(project) == "slow"
    expires = json.loads(state_file(project).read_text())["expires_at"]
    assert expires - time.time() < 25  # the hold, and the time to judge
    assert FailureStateReader(state_file(project)).state().mode == "slow"
    late = FailureStateReader(state_file(project), wall=lambda: expires + 0.01)
    assert late.state().mode == "healthy"
    write(
        project,
        """
def test_it(chaos):
    with chaos.inject("crash", state_file="app/other.json"):
        assert mode() == "healthy"
""",
    )
    run(project).assert_outcomes(passed=1)  # whoever comes next clears first


def test_an_engine_that_died_is_told_and_another_clears(project: pytest.Pytester) -> None:
    write(
        project,
        """
import os, signal

def test_dies(chaos):
    with chaos.inject("slowdown", state_file=STATE, delay=2):
        os.kill(int(pathlib.Path(".chaos/engine.lock").read_text().split()[1]), signal.SIGKILL)
        time.sleep(0.5)

def test_next(chaos):
    assert mode() == "slow"
    with chaos.inject("crash", state_file="app/other.json"):
        assert mode() == "healthy"
""",
    )
    result = run(project)
    result.assert_outcomes(passed=1, failed=1)
    assert "the engine has ended" in result.stdout.str()


# --- a project with names like ours ---------------------------------------------------------------


@pytest.mark.parametrize("import_mode", ["prepend", "append", "importlib"])
@pytest.mark.parametrize("package", [True, False])
def test_a_project_may_have_folders_and_modules_like_ours(
    project: pytest.Pytester, import_mode: str, package: bool
) -> None:
    project.mkdir("scenarios")
    if package:
        (project.path / "scenarios" / "__init__.py").write_text("OURS = False\n")
    (project.path / "scenarios" / "checkout.py").write_text("NAME = 'theirs'\n")
    (project.path / "engine.py").write_text("raise SystemExit('the wrong engine')\n")
    (project.path / "conftest.py").write_text("")
    write(
        project,
        """
def test_theirs():
    from scenarios.checkout import NAME
    assert NAME == "theirs"

def test_ours(chaos):
    with chaos.inject("slowdown", state_file=STATE, delay=2):
        assert mode() == "slow"
    from scenarios.checkout import NAME
    assert NAME == "theirs"
""",
    )
    (project.path / "scenarios" / "test_inside.py").write_text(
        'def test_it(chaos):\n    with chaos.inject("crash", state_file="app/state.json"):\n        pass\n'
    )
    run(project, f"--import-mode={import_mode}").assert_outcomes(passed=3)


# --- several workers ------------------------------------------------------------------------------


def test_workers_have_data_folders_of_their_own_and_take_turns(project: pytest.Pytester) -> None:
    lines = "".join(
        f"""
def test_{number}(chaos):
    with chaos.inject("slowdown", state_file="app/{number}.json", delay=2):
        busy = pathlib.Path("busy")
        busy.mkdir()  # it is there while another is in
        time.sleep(0.3)
        busy.rmdir()
"""
        for number in range(4)
    )
    write(project, lines)
    run(project, "-p", "xdist", "-n", "2").assert_outcomes(passed=4)
    assert {path.name for path in (project.path / ".chaos").iterdir() if path.is_dir()} == {"gw0", "gw1"}
