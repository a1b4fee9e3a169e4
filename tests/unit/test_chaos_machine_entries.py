"""Inputs of the Chaos Machine as weighted scenarios of the daemon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chaos_engine.config import Settings, load_settings
from chaos_engine.model import AlarmProbe, AwsAccess, Experiment, PrometheusProbe
from chaos_engine.written import ConfigError

INPUT: dict[str, Any] = {
    "testId": "zone", "experimentTemplateId": "EXT1", "steadyState": {"alarms": ["ShopOk"]},
    "hypothesis": "steadyState",
}  # fmt: skip
SETTINGS = """
aws: {region: eu-central-1, profile: staging}
prometheus_url: http://prometheus:9090
targets: {shop: {aws: {region: eu-west-1}}}
"""


def load(folder: Path, entry: str, more: str = "", **changes: Any) -> Settings:
    (folder / "inputs").mkdir(exist_ok=True)
    (folder / "inputs" / "zone.json").write_text(json.dumps({**INPUT, **changes}))
    file = folder / "chaos.yml"
    file.write_text(f"{SETTINGS}{more}\nscenarios: {{outage: {{{entry}}}}}\n")
    return load_settings(file, {})


def only(settings: Settings) -> Experiment:
    (found,) = settings.experiments.values()
    return found


def test_it_has_a_weight_and_runs_on_its_target(tmp_path: Path) -> None:
    settings = load(tmp_path, "chaos_machine: inputs/zone.json, weight: 0.2")
    (choice,) = settings.rules.choices
    assert (choice.label, choice.weight, choice.targets) == ("outage", 0.2, ("shop",))
    (step,) = only(settings).steps
    assert (step.scenario, step.parameters["template"]) == ("fis", "EXT1")


def test_run_and_probes_are_where_the_target_is(tmp_path: Path) -> None:
    found = only(load(tmp_path, "chaos_machine: inputs/zone.json"))
    (alarm,) = found.steady
    assert isinstance(alarm, AlarmProbe)
    assert alarm.access == found.steps[0].target.aws == AwsAccess("eu-west-1", "staging")


def test_run_and_probes_are_where_the_input_says(tmp_path: Path) -> None:
    aws = {"region": "us-east-1", "endpoint": "http://127.0.0.1:4599"}
    settings = load(tmp_path, "chaos_machine: inputs/zone.json", aws=aws)
    found = only(settings)
    (alarm,) = found.steady
    assert isinstance(alarm, AlarmProbe)
    where = AwsAccess("us-east-1", "staging", endpoint="http://127.0.0.1:4599")
    assert alarm.access == found.steps[0].target.aws == where
    assert settings.targets["shop"].aws == AwsAccess("eu-west-1", "staging")


def labels(experiment: Experiment) -> list[str]:
    return [probe.label for probe in experiment.abort_when]


def test_abort_conditions_of_the_file_hold_where_the_input_has_none(tmp_path: Path) -> None:
    common, own = "abort_when: [{prometheus: up, expect: '> 0'}]", [{"alarm": "Overload"}]
    entry = "chaos_machine: inputs/zone.json"
    found = only(load(tmp_path, entry, common))
    (probe,) = found.abort_when
    assert isinstance(probe, PrometheusProbe)
    assert (probe.query, probe.url) == ("up", "http://prometheus:9090")
    assert labels(only(load(tmp_path, f"{entry}, abort_when: [{{alarm: Fire}}]", common))) == ["alarm Fire"]
    assert labels(only(load(tmp_path, entry, common, abort_when=own))) == ["alarm Overload"]


@pytest.mark.parametrize("key", ["scenario: fis", "timeout: 5m", "hypothesis: steady_state", "recovery: 5s"])
def test_what_the_input_says_itself_is_not_said_beside_it(tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"chaos_machine: inputs/zone.json, {key}")
    (problem,) = caught.value.problems
    assert f"scenarios.outage.{key.split(':', maxsplit=1)[0]}: the input says it itself" in problem


def test_everything_that_is_wrong_with_inputs_and_file_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(
            tmp_path, "chaos_machine: inputs/zone.json, targets: [shp]", lookback="300", recoveryDelay=1,
        )  # fmt: skip
    said = "\n".join(caught.value.problems)
    assert "inputs/zone.json:1: lookback" in said
    assert "inputs/zone.json:1: recoveryDelay: stands alone" in said


def test_keys_that_nobody_knows_and_windows_that_are_tight_warn(tmp_path: Path) -> None:
    metric = {"Metric": {"Namespace": "Shop", "MetricName": "Errors"}, "Period": 60, "Stat": "Sum"}
    metrics = [{"Id": "m1", "MetricStat": metric}, {"Id": "e1", "Expression": "m1 < 5"}]
    settings = load(
        tmp_path, "chaos_machine: inputs/zone.json", steadyState={"metrics": metrics}, lookback=60, lookBack=1
    )
    assert any("lookBack: nobody knows this key; did you mean 'lookback'?" in w for w in settings.warnings)
    assert any("outage: a lookback of 60s is too short" in w for w in settings.warnings), settings.warnings
