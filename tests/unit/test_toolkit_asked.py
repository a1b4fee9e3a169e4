"""Whether experiments of the Chaos Toolkit can be run is asked once: who asks is the thread that clears."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos_engine.config import Settings, load_settings
from chaos_engine.console.toolkit_checks import Checks, Findings
from chaos_engine.written import ConfigError


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "az.json").write_text("{}")
    (tmp_path / "chaos.yml").write_text("scenarios: {az: {toolkit: az.json, weight: 1}}")
    return load_settings(tmp_path / "chaos.yml", {})


def answering(*answers: Findings) -> tuple[Checks, list[Settings]]:
    asked = list[Settings]()

    def examine(settings: Settings) -> Findings:
        asked.append(settings)
        return answers[len(asked) - 1]

    return Checks(examine), asked


def test_what_was_found_well_is_asked_again_only_where_its_file_is_another(
    settings: Settings, tmp_path: Path
) -> None:
    checks, asked = answering(Findings(warnings=("odd",)), Findings())
    assert [checks.checked(settings).warnings[-1] for _ in range(3)] == ["odd"] * 3
    assert len(asked) == 1
    (tmp_path / "az.json").write_text('{"title": "new"}')
    checks.checked(settings)
    assert len(asked) == 2


def test_what_was_found_wrong_is_asked_again(settings: Settings) -> None:
    checks, asked = answering(Findings(("not installed",)), Findings())
    with pytest.raises(ConfigError, match="not installed"):
        checks.checked(settings)
    checks.checked(settings)
    assert len(asked) == 2
