"""What a schedule can do at worst: never less than what it does."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import scheduler
from chaos_engine.config import Settings, load_settings
from chaos_engine.console import plan
from chaos_engine.guardrails import Guardrails
from chaos_engine.model import Now
from chaos_engine.worst_case import allowed_minutes, told, worst_case
from chaos_engine.written import ConfigError

NOW = 1_763_000_000.0


def load(**schedule: Any) -> Settings:
    return replace_rules(load_settings(None, {}), **schedule)


def replace_rules(found: Settings, **schedule: Any) -> Settings:
    return replace(found, rules=replace(found.rules, **schedule))


def test_the_defaults() -> None:
    found = worst_case(load(), NOW)
    assert (found["faults_a_day"], found["minutes_under_fault_a_day"]) == (480, 400.0)
    assert found["error_budget_minutes_a_day"] == 1.44
    assert found["error_budget_share"] == pytest.approx(400 / 1.44, abs=1e-3)
    assert "every 3m" in found["faults_formula"]


@pytest.mark.parametrize(
    ("schedule", "faults", "words"),
    [
        ({"max_per_day": 7}, 7, "max_per_day 7"),
        ({"max_per_hour": 2}, 50, "max_per_hour 2"),  # any 24 hours may touch 25 of them
        ({"min_interval": 3600.0}, 24, "min_interval"),
        ({"every": 1.0, "min_interval": 0.0}, 2880, "max_concurrent 1"),
        ({"enabled": False}, 0, "switched off"),
        ({"windows": ("* 9-16 * * 1-5",)}, 160, "every 3m"),
    ],
)
def test_the_least_bound_counts_and_is_named(schedule: dict[str, Any], faults: int, words: str) -> None:
    found = worst_case(load(**schedule), NOW)
    assert found["faults_a_day"] == faults
    assert words in found["faults_formula"]


def test_guardrails_take_their_hours_away() -> None:
    production = Guardrails("production", in_business_hours=False)
    assert allowed_minutes(replace(load(), guardrails=production), NOW) == 1440  # at a weekend
    always = replace(production, business_hours=("* * * * *",))
    found = worst_case(replace(load(), guardrails=always), NOW)
    assert (found["faults_a_day"], found["error_budget_share"]) == (0, 0.0)


def test_a_perfect_objective_leaves_no_budget() -> None:
    found = worst_case(load(), NOW, 1.0)
    assert found["error_budget_share"] is None
    assert "any of the error budget" in told(found)
    assert "at 99.9% (" in told(worst_case(load(), NOW))


@hypothesis_settings(deadline=None, max_examples=25)
@given(
    st.sampled_from((60.0, 180.0, 1000.0, 7200.0)), st.sampled_from((0.0, 100.0, 5000.0)),
    st.none() | st.integers(1, 5), st.none() | st.integers(1, 30), st.integers(1, 3),
    st.sampled_from(((), ("* 9-16 * * *",), ("*/7 3 * * 1",))),
)  # fmt: skip
def test_no_forecast_has_more_than_the_worst_case(
    every: float, min_interval: float, hourly: int | None, daily: int | None, abreast: int, windows: Any
) -> None:
    found = load(
        every=every, min_interval=min_interval, max_per_hour=hourly, max_per_day=daily,
        max_concurrent=abreast, windows=windows,
    )  # fmt: skip
    most = worst_case(found, NOW)["faults_a_day"]
    state = scheduler.State(origin=Now(NOW, 0.0))
    starts = [s.at for s in scheduler.forecast(found.rules, state, 1, found.hold, NOW + 3 * scheduler.DAY)]
    for at in starts:
        assert sum(at <= other < at + scheduler.DAY for other in starts) <= most + 1


@pytest.mark.parametrize("text", ["101%", "0", "nine"])
def test_what_is_no_objective_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no objective"):
        plan.show(None, None, 1, 1, objective=text, as_json=False)


def test_the_command_tells_it(capsys: pytest.CaptureFixture[str]) -> None:
    plan.show(None, None, 1, 1, objective="99%", as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["worst_case"]["objective"] == 0.99
    plan.show(None, None, 1, 1, objective=None, as_json=False)
    assert "% of the error budget of 1.44 minutes a day at 99.9%" in capsys.readouterr().out
