"""The examples for pipelines: what they name is there, and nothing is deployed without its experiments."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import yaml

from chaos_engine.cli import cli
from chaos_engine.experiment_file import load_experiment
from chaos_engine.model import HttpProbe

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "pipeline"
COMPOSE = yaml.safe_load((FOLDER / "compose.yml").read_text())
WORKFLOW = yaml.safe_load((FOLDER / "github-actions.yml").read_text())


def test_the_deployment_waits_for_a_gate_that_succeeded() -> None:
    services = COMPOSE["services"]
    assert services["promote"]["depends_on"] == {"gate": {"condition": "service_completed_successfully"}}
    assert services["gate"]["depends_on"] == {"candidate": {"condition": "service_healthy"}}
    assert services["promote"]["image"] == services["candidate"]["image"]
    assert "restart" not in services["gate"]  # it would be asked until it passes


def test_the_gate_runs_experiments_that_are_there_with_options_that_exist() -> None:
    command, *rest = COMPOSE["services"]["gate"]["command"]
    files = [FOLDER / part.lstrip("/") for part in rest if not part.startswith("-")]
    options = {part.partition("=")[0] for part in rest if part.startswith("-")}
    known = {name for option in cli.commands[command].params for name in option.opts}
    assert options <= known
    assert files == sorted((FOLDER / "experiments").glob("*.chaos.yml"), reverse=True)


def test_the_experiments_are_sound_and_ask_the_candidate() -> None:
    mounts = dict(volume.split(":")[:2] for volume in COMPOSE["services"]["gate"]["volumes"])
    for file in (FOLDER / "experiments").glob("*.chaos.yml"):
        settings = load_experiment(file, {})
        assert settings.warnings == ()
        (experiment,) = settings.experiments.values()
        assert not experiment.hypothesis.empty
        for probe in (*experiment.steady, *experiment.hypothesis.probes):
            assert isinstance(probe, HttpProbe)
            assert probe.url.startswith("http://candidate:8000/")
        for target in settings.targets.values():
            assert str(target.state_file).startswith(f"{mounts['chaos']}/")


def steps(job: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = WORKFLOW["jobs"][job]["steps"]
    return found


def test_the_workflow_deploys_only_after_its_gate() -> None:
    assert WORKFLOW["jobs"]["deploy"]["needs"] == "gate"
    assert True in WORKFLOW  # `on`, as YAML reads it
    for job in WORKFLOW["jobs"].values():
        assert "continue-on-error" not in job
        for step in job["steps"]:
            assert ("run" in step) is not ("uses" in step)
            assert "continue-on-error" not in step
            assert re.fullmatch(r"actions/[a-z-]+@v\d+", step.get("uses", "actions/x@v1"))


def test_the_report_and_the_end_come_whatever_became_of_the_gate() -> None:
    always = [step.get("run") or step["uses"] for step in steps("gate") if step.get("if") == "always()"]
    assert [text.split(":")[0].split("@")[0] for text in always] == [
        "docker compose cp gate", "actions/upload-artifact", "docker compose down --volumes",
    ]  # fmt: skip


def test_its_commands_name_services_files_and_options_that_are_there() -> None:
    assert (ROOT / WORKFLOW["env"]["COMPOSE_FILE"]) == FOLDER / "compose.yml"
    report = next(p for p in COMPOSE["services"]["gate"]["command"] if p.startswith("--junit="))
    text = "\n".join(step.get("run", "") for step in steps("gate"))
    assert f"gate:{report.removeprefix('--junit=')} " in text
    for line in text.splitlines():
        words = shlex.split(line)
        if words[:2] != ["docker", "compose"]:
            continue
        named = {word for word in words[3:] if not word.startswith("-") and re.fullmatch("[a-z]+", word)}
        assert named <= set(COMPOSE["services"]), line
    for pattern in re.findall(r"\S+/\*\.chaos\.yml", text):
        assert list(ROOT.glob(pattern))
    assert "--exit-code-from gate gate" in text
