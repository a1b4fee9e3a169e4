"""`init` of a flagd file: a scenario for each flag that can be switched, and switched back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chaos_engine.config import load_settings
from chaos_engine.console.init import run
from chaos_engine.written import ConfigError

FLAGS: dict[str, Any] = {
    "cartFailure": {
        "description": "Fail the cart\nservice", "state": "ENABLED",
        "variants": {"on": True, "off": False}, "defaultVariant": "off",
    },
    "load": {"state": "ENABLED", "variants": {"10%": 0.1, "off": 0, "90%": 0.9}, "defaultVariant": "off"},
    "no": {"state": "DISABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off"},
    "busy": {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "on"},
    "banner": {"state": "ENABLED", "variants": {"red": 1, "blue": 2}, "defaultVariant": "red"},
}  # fmt: skip


def written(folder: Path, flags: dict[str, Any]) -> Path:
    file = folder / "demo.flagd.json"
    file.write_text(json.dumps({"$schema": "x", "flags": flags}))
    return file


def test_what_is_proposed_is_a_chaos_yml_that_switches_each_flag(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(written(tmp_path, FLAGS), None, force=False) == 0
    settings = load_settings(tmp_path / "chaos.yml", {})
    weights = {choice.label: choice.weight for choice in settings.rules.choices}
    assert weights == {"cartFailure": 1.0, "load": 1.0, "no": 0.0, "busy": 0.0}
    (step,) = settings.experiments["load", "flags"].steps
    assert (step.scenario, step.parameters) == ("feature_flag", {"flag": "load", "variant": "10%"})
    assert str(step.target.flagd_file) == "demo.flagd.json"
    text = (tmp_path / "chaos.yml").read_text()
    assert "# Fail the cart service" in text
    assert "# variants: 10%, 90%" in text
    assert "banner" in capsys.readouterr().out.splitlines()[-1]


def test_where_no_flag_is_ready_the_schedule_is_off(tmp_path: Path) -> None:
    run(written(tmp_path, {"no": FLAGS["no"]}), None, force=False)
    assert not load_settings(tmp_path / "chaos.yml", {}).rules.enabled


def test_a_file_without_such_flags_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no flag with a variant 'off'"):
        run(written(tmp_path, {"banner": FLAGS["banner"]}), None, force=False)
    assert not (tmp_path / "chaos.yml").exists()


def test_what_is_there_stays_without_force(tmp_path: Path) -> None:
    (tmp_path / "chaos.yml").write_text("mine")
    with pytest.raises(ConfigError, match="is there already"):
        run(written(tmp_path, FLAGS), None, force=False)
    assert (tmp_path / "chaos.yml").read_text() == "mine"
    run(written(tmp_path, FLAGS), tmp_path / "other", force=False)
    settings = load_settings(tmp_path / "other" / "chaos.yml", {})
    assert str(settings.targets["flags"].flagd_file) == "../demo.flagd.json"
