"""`guardrails` and `environment` as they are written: what they mean, and what is told of what is wrong."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from chaos_engine.config import Settings, guardrails_of, load_settings
from chaos_engine.guardrails import LARGE, NINE_TO_FIVE, Guardrails, Radius, Span
from chaos_engine.written import ConfigError

ROOT = Path(__file__).parents[2]
AWS = "targets: {fleet: {aws: true}}\nscenarios:\n  fis: {template: EXT1}\n"
UNDONE = AWS.replace("{template: EXT1}", "{template: EXT1, rollback: back}") + (
    "  back: {scenario: ssm_automation, document: Back, weight: 0, targets: [fleet]}\n"
)


def load(folder: Path, text: str, **environment: str) -> Settings:
    file = folder / "chaos.yml"
    file.write_text(text)
    return load_settings(file, environment)


def rails(folder: Path, text: str, **environment: str) -> Guardrails:
    return load(folder, text, **environment).guardrails


def test_the_example_can_be_copied(tmp_path: Path) -> None:
    settings = load(tmp_path, (ROOT / "examples/guardrails.yml").read_text())
    assert not settings.warnings
    found = settings.guardrails
    assert found.in_production
    assert found.allow_production
    assert found.timezone == "Europe/Berlin"
    assert found.holidays[0] == Span(date(2026, 12, 24), date(2027, 1, 1))
    assert found.radius == Radius(2, 4, 0.5)
    assert found.large == LARGE
    assert found.alerts == ("any",)
    assert found.prometheus_url == "http://prometheus:9090"
    assert "examples/guardrails.yml" in (ROOT / "docs/guardrails.md").read_text()


def test_production_is_strict_by_itself_and_elsewhere_nothing_is(tmp_path: Path) -> None:
    strict = rails(tmp_path, "environment: production")
    assert (strict.allow_production, strict.in_business_hours, strict.only_after_recovery) == (
        False, False, True,
    )  # fmt: skip
    assert (strict.business_hours, strict.large, strict.irreversible) == (NINE_TO_FIVE, LARGE, ())
    free = rails(tmp_path, "environment: staging")
    assert (free.large, free.only_after_recovery) == (None, False)
    assert "fis" in free.irreversible
    always = rails(tmp_path, "guardrails: {approval: {when: always, targets: 5, within: 1h}}")
    assert (always.large, always.approve_within) == (Radius(5, LARGE.containers, LARGE.share), 3600.0)
    assert rails(tmp_path, "environment: production\nguardrails: {approval: {when: never}}").large is None


def test_the_environment_may_say_it(tmp_path: Path) -> None:
    found = rails(tmp_path, "", CHAOS_ENVIRONMENT="production", CHAOS_GUARDRAILS__BLAST_RADIUS__TARGETS="2")
    assert found.in_production
    assert found.radius.targets == 2
    assert guardrails_of({"CHAOS_ENVIRONMENT": "production", "CHAOS_INTERVAL": "nonsense"}).in_production


def test_holidays_of_a_file_count_too(tmp_path: Path) -> None:
    (tmp_path / "days.txt").write_text("# ours\n2026-01-01\n\n2026-12-24/2026-12-26  # quiet\n")
    found = rails(tmp_path, "guardrails: {holidays_file: days.txt, holidays: [2026-05-01]}")
    assert [span.first.isoformat() for span in found.holidays] == ["2026-05-01", "2026-01-01", "2026-12-24"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("environment: prod", "'prod' is no environment; did you mean 'production'?; allowed: development"),
        ("guardrails: {holydays: []}", "unknown key 'holydays'; did you mean 'holidays'?"),
        ("guardrails: {holidays: [tomorrow]}", "'tomorrow' is no day; allowed: a day such as 2026-12-24"),
        ("guardrails: {holidays: [2026-12-24..2026-12-01]}", "runs backwards"),
        ("guardrails: {holidays: ['2026-02-30']}", "guardrails.holidays.0"),
        ("guardrails: {holidays_file: days.txt}", "guardrails.holidays_file: "),
        ("guardrails: {windows: [nine to five]}", "is no cron line"),
        ("guardrails: {business_hours: ['* 25 * * *']}", "is no cron line"),
        ("guardrails: {blast_radius: {percent: 0}}", "guardrails.blast_radius.percent: 0 is no percentage"),
        ("guardrails: {blast_radius: {targets: 0}}", "guardrails.blast_radius.targets: 0 does not do"),
        ("guardrails: {approval: {within: 0s}}", "is too short; allowed: above 0s"),
        ("guardrails: {approval: {when: sometimes}}", "guardrails.approval.when"),
        ("guardrails: {not_while: {alerts: any}}", "prometheus_url: is missing, and guardrails ask"),
        (
            UNDONE.replace("rollback: back", "rollback: bak"),
            "'bak' cannot roll it back; did you mean 'back'?",
        ),
        (UNDONE.replace("rollback: back", "rollback: fis"), "'fis' cannot roll it back"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(tmp_path, text)
    assert words in str(error.value)


def test_a_bad_line_of_the_holidays_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "days.txt").write_text("2026-01-01\nnever\n")
    with pytest.raises(ConfigError, match=r"days.txt': line 2: 'never' is no day"):
        load(tmp_path, "guardrails: {holidays_file: days.txt}")


def test_what_nothing_undoes_is_told_where_it_would_always_be_refused(tmp_path: Path) -> None:
    refused = "scenarios.fis: nothing undoes fis, so each start is refused"
    assert not any(refused in text for text in load(tmp_path, AWS).warnings)
    production = f"environment: production\n{AWS}"
    assert any(refused in text for text in load(tmp_path, production).warnings)
    allowed = f"{production}guardrails: {{irreversible: [fis]}}\n"
    assert not any(refused in text for text in load(tmp_path, allowed).warnings)


def test_a_rollback_is_another_entry_on_the_same_targets(tmp_path: Path) -> None:
    settings = load(tmp_path, UNDONE)
    assert settings.experiments["fis", "fleet"].rollback == "back"
    elsewhere = UNDONE.replace("{fleet: {aws: true}}", "{fleet: {aws: true}, other: {aws: true}}")
    with pytest.raises(ConfigError, match="'back' does not hurt other"):
        load(tmp_path, elsewhere)
