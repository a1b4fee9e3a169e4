"""`plan`: the schedule as it would come, from the configuration alone."""

from __future__ import annotations

import itertools
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from chaos_engine.cli import cli


def plan(folder: Path, text: str, *arguments: str) -> Result:
    file = folder / "chaos.yml"
    file.write_text(text)
    return CliRunner().invoke(cli, ["plan", "--config", str(file), *arguments])


def entries(folder: Path, text: str, *arguments: str) -> list[dict[str, Any]]:
    result = plan(folder, text, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return list(json.loads(result.stdout))


def what(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(entry["scenario"], entry["target"]) for entry in found]


def test_thirty_days_lie_on_the_grid(tmp_path: Path) -> None:
    found = entries(tmp_path, "schedule: {every: 1h, seed: 1}", "--days", "30")
    assert len(found) == 30 * 24
    assert set(found[0]) == {"at", "scenario", "target"}
    times = [datetime.fromisoformat(entry["at"]) for entry in found]
    gaps = {round((b - a).total_seconds()) for a, b in itertools.pairwise(times)}
    assert gaps <= {3599, 3600, 3601}
    shares = {label: what(found).count((label, "target-app")) / len(found) for label in ("crash", "slowdown")}
    assert shares["crash"] == pytest.approx(0.3, abs=0.08)
    assert shares["slowdown"] == pytest.approx(0.4, abs=0.08)


def test_the_same_seed_is_the_same_plan(tmp_path: Path) -> None:
    first, again, other = (
        what(entries(tmp_path, "", "--count", "60", "--seed", seed)) for seed in ("5", "5", "6")
    )
    assert first == again != other
    assert what(entries(tmp_path, "schedule: {seed: 5}", "--count", "60")) == first


def test_windows_caps_and_the_zone(tmp_path: Path) -> None:
    text = """schedule: {every: 30m, windows: ["* 9-16 * * 1-5"], timezone: Europe/Berlin, max_per_day: 3,
      seed: 1}"""
    found = [datetime.fromisoformat(entry["at"]) for entry in entries(tmp_path, text, "--days", "14")]
    assert found
    assert all(9 <= at.hour <= 16 and at.weekday() < 5 for at in found)
    assert max(sum(a.date() == b.date() for b in found) for a in found) == 3


def test_nothing_where_the_schedule_is_off(tmp_path: Path) -> None:
    assert entries(tmp_path, "schedule: {enabled: false}") == []
    assert "switched off" in plan(tmp_path, "schedule: {enabled: false}").output


def test_it_never_looks_at_the_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = "targets: {a: {state_file: /no/such/folder/state.json}}"
    assert plan(tmp_path, text, "--count", "3").exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["chaos.yml"]


@pytest.mark.parametrize(
    "arguments", [("--days", "0"), ("--days", "nan"), ("--days", "inf"), ("--count", "0")]
)
def test_bad_bounds(tmp_path: Path, arguments: tuple[str, str]) -> None:
    result = plan(tmp_path, "", *arguments)
    assert result.exit_code == 2
    assert arguments[0] in result.output
