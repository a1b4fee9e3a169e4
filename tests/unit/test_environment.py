"""The environment over the file: it wins, its mistakes are named by the variable, secrets come from files."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos_engine.config import Settings, load_settings
from chaos_engine.model import PrometheusProbe
from chaos_engine.written import ConfigError

TWO = "targets: {a: {state_file: /tmp/a}, b: {state_file: /tmp/b}}"


def load(folder: Path, text: str, **environment: str) -> Settings:
    file = folder / "chaos.yml"
    file.write_text(text)
    return load_settings(file, environment)


def test_it_wins_over_the_file(tmp_path: Path) -> None:
    text = "schedule: {every: 1h, startup_wait: 1h, recovery: 1h, enabled: true}\nprometheus_url: http://a:1"
    settings = load(
        tmp_path, text, CHAOS_INTERVAL="5m", CHAOS_STARTUP_WAIT="1s", CHAOS_RECOVERY="2s",
        CHAOS_ENABLED="false", CHAOS_SCHEDULE__SEED="7", FAILURE_STATE_FILE="/tmp/elsewhere",
        CHAOS_SCENARIOS__CRASH__WEIGHT="0.9", CHAOS_SCHEDULE__WINDOWS='["* 9-16 * * 1-5"]',
    )  # fmt: skip
    rules = settings.rules
    assert (rules.every, rules.startup_wait, settings.hold, rules.enabled) == (300, 1, 2, False)
    assert settings.seed == 7
    assert settings.targets["target-app"].state_file == Path("/tmp/elsewhere")
    assert {c.label: c.weight for c in rules.choices}["crash"] == 0.9
    assert len(rules.choices) == 3
    assert rules.windows == ("* 9-16 * * 1-5",)


def test_a_variable_may_name_what_has_hyphens_and_capitals(tmp_path: Path) -> None:
    settings = load(
        tmp_path, "targets: {My-Shop: {state_file: /tmp/a}}", CHAOS_TARGETS__MY_SHOP__STATE_FILE="/tmp/b"
    )
    assert {n: t.state_file for n, t in settings.targets.items()} == {"My-Shop": Path("/tmp/b")}


def test_settings_at_the_top_have_variables_too(tmp_path: Path) -> None:
    settings = load(tmp_path, "", CHAOS_SCRAPE_INTERVAL="7s", CHAOS_HYPOTHESIS="steady_state")
    assert settings.scrape_interval == 7
    with pytest.raises(ConfigError, match="nowhere"):
        load(tmp_path, "", CHAOS_PLUGINS="nowhere")


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    settings = load(tmp_path, "schedule: {every: 1h}", CHAOS_INTERVAL="", PROMETHEUS_URL=" ")
    assert settings.rules.every == 3600


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("CHAOS_INTERVAL", "0", ["0 is too short", "allowed: above 0s"]),
        ("CHAOS_INTERVAL", "10 minuts", ["did you mean '10 minutes'"]),
        ("CHAOS_SCHEDULE__EVRY", "5s", ["unknown key 'evry'", "did you mean 'every'"]),
        ("CHAOS_ENABLED", "perhaps", ["'perhaps'", "allowed: true or false"]),
        ("CHAOS_SCENARIOS__CRASH__WEIGHT", "heavy", ["'heavy' is no weight"]),
        ("CHAOS_SCHEDULE__WINDOWS", "* 9-16 * * 1-5", ["allowed: a list"]),
        ("PROMETHEUS_URL", "prometheus:9090", ["'prometheus:9090'", "allowed: http://"]),
        ("CHAOS_INTERVAL_FILE", "/nowhere/at/all", ["/nowhere/at/all", "cannot be read"]),
    ],
)
def test_a_mistake_is_named_by_its_variable(
    tmp_path: Path, variable: str, value: str, words: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, "", **{variable: value})
    (problem,) = caught.value.problems
    assert problem.startswith(f"environment {variable}: ")
    assert all(word in problem for word in words), problem


def test_a_variable_that_sets_nothing_is_a_warning(tmp_path: Path) -> None:
    warnings = load(tmp_path, "", CHAOS_INTERVALL="5", CHAOS_DATA_DIR="x", CHAOS_LOG="json").warnings
    assert "CHAOS_INTERVALL sets nothing; did you mean 'CHAOS_INTERVAL'?" in warnings
    assert not [w for w in warnings if "DATA_DIR" in w or "CHAOS_LOG" in w]


def test_failure_state_file_is_for_one_target_alone(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="FAILURE_STATE_FILE: allowed with one target only; there are 2"):
        load(tmp_path, TWO, FAILURE_STATE_FILE="/tmp/x")


def test_failure_state_file_beside_a_target_that_is_no_mapping(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"targets\.a: '/x'.*allowed: a mapping"):
        load(tmp_path, "targets: {a: /x}", FAILURE_STATE_FILE="/tmp/x")


def test_a_secret_comes_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("http://user:password@prometheus:9090\n")
    file = tmp_path / "chaos.yml"
    file.write_text('abort_when: [{prometheus: up, expect: "> 0"}]')
    settings = load_settings(
        file, {"PROMETHEUS_URL_FILE": str(secret), "CHAOS_INTERVAL_FILE": str(secret)[:0]}
    )
    (probe,) = settings.experiments["crash", "target-app"].abort_when
    assert isinstance(probe, PrometheusProbe)
    assert probe.url == "http://user:password@prometheus:9090"


def test_the_file_may_be_named_by_a_variable(tmp_path: Path) -> None:
    file = tmp_path / "other.yml"
    file.write_text("schedule: {every: 1h}")
    assert load_settings(None, {"CHAOS_CONFIG": str(file)}).rules.every == 3600
    with pytest.raises(ConfigError, match="there is no such file"):
        load_settings(None, {"CHAOS_CONFIG": str(tmp_path / "missing.yml")})
