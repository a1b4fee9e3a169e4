"""Files with one experiment: what loads, and what is refused by place, value and what is allowed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chaos_engine.config import Settings, load_settings
from chaos_engine.experiment_file import load_experiment
from chaos_engine.model import HttpProbe, PrometheusProbe
from chaos_engine.written import ConfigError

SAMPLE = """
title: the shop stays usable while it is slow
scenario: slowdown
with: {delay: 1s}
target: {name: shop, state_file: /chaos/failure_state.json}
recovery: 30s
steady_state:
  lookback: 30s
  probes: [{http: "http://target-app:8000/products", expect: {latency: "< 2s"}}]
hypothesis: steady_state
"""
STEPS = """
title: two at once
steps:
  - {scenario: slowdown, with: {delay: 1s}, target: {name: a, state_file: /tmp/a}}
  - {scenario: crash, target: {name: b, state_file: /tmp/b}, after: 10s}
"""


def load(folder: Path, text: str, base: Settings | None = None, **environment: str) -> Settings:
    file = folder / "one.chaos.yml"
    file.write_text(text)
    return load_experiment(file, environment, base)


def test_the_sample_loads(tmp_path: Path) -> None:
    settings = load(tmp_path, SAMPLE)
    (experiment,) = settings.experiments.values()
    assert experiment.title == "the shop stays usable while it is slow"
    assert (experiment.hold, experiment.lookback) == (30, 30)
    (step,) = experiment.steps
    assert (step.scenario, step.target.name, dict(step.parameters)) == ("slowdown", "shop", {"delay": "1s"})
    (probe,) = experiment.hypothesis.probes
    assert isinstance(probe, HttpProbe)
    assert experiment.steady == (probe,)
    assert settings.rules.enabled is False


def test_json_means_the_same(tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    data = {
        "title": "t", "scenario": "slowdown", "with": {"delay": "1s"}, "recovery": "5s",
        "target": {"name": "shop", "state_file": "/tmp/s"},
        "steady_state": {"lookback": "2s", "probes": [{"http": "http://a/", "expect": {"latency": "< 2s"}}]},
    }  # fmt: skip
    file.write_text(json.dumps(data, indent="\t"))
    as_json = load_experiment(file, {})
    assert as_json.experiments == load(tmp_path, json.dumps(data)).experiments


def test_steps_have_targets_and_offsets_of_their_own(tmp_path: Path) -> None:
    (experiment,) = load(tmp_path, STEPS).experiments.values()
    assert [(s.scenario, s.target.name, s.after) for s in experiment.steps] == [
        ("slowdown", "a", 0),
        ("crash", "b", 10),
    ]


def test_a_target_by_name(tmp_path: Path) -> None:
    text = "title: t\nscenario: crash\ntarget: target-app\n"
    assert load(tmp_path, text, FAILURE_STATE_FILE="/tmp/mine").targets["target-app"].state_file == Path(
        "/tmp/mine"
    )
    config = tmp_path / "chaos.yml"
    config.write_text("targets: {shop: {state_file: /tmp/shop}}")
    base = load_settings(config, {})
    assert load(tmp_path, "title: t\nscenario: crash\n", base).targets["shop"].state_file == Path("/tmp/shop")
    own = "title: t\nscenario: crash\ntarget: mine\ntargets: {mine: {state_file: /tmp/mine}}\n"
    assert load(tmp_path, own, base).targets["mine"].state_file == Path("/tmp/mine")


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    text = (
        "title: t\nscenario: crash\nprometheus_url: http://a:1\n"
        'hypothesis: {probes: [{prometheus: up, expect: "> 0"}]}\n'
    )
    (experiment,) = load(tmp_path, text, PROMETHEUS_URL="http://b:2").experiments.values()
    assert [p.url for p in experiment.hypothesis.probes if isinstance(p, PrometheusProbe)] == ["http://b:2"]
    with pytest.raises(ConfigError, match="environment PROMETHEUS_URL: 'b:2'"):
        load(tmp_path, text, PROMETHEUS_URL="b:2")


BAD = {
    "scenario: crash": ["title", "is missing"],
    "title: t": ["neither scenario nor steps"],
    "title: t\nscenario: crash\nsteps: [{scenario: crash}]": ["both scenario and steps"],
    "title: t\nscenario: crsh": ["one.chaos.yml:2: scenario", "'crsh'", "did you mean 'crash'", "allowed"],
    "title: t\nscenario: crash\ntarget: shop": [":3: target", "unknown target 'shop'", "allowed: target-app"],
    "title: t\nscenario: crash\ntarget: {name: x}": ["target", "'x' has no state_file"],
    "title: t\nscenario: crash\ntarget: {nam: x}": ["target.nam", "did you mean 'name'"],
    "title: t\nscenario: crash\ntarget: [x]": ["target", "['x']", "allowed"],
    "title: t\nscenario: slowdown\nwith: {dely: 1s}": ["with.dely", "did you mean 'delay'"],
    "title: t\nscenario: slowdown\nwith: {delay: soon}": ["with.delay", "'soon'", "allowed"],
    "title: t\nscenario: slowdown\nwith: 5": ["with", "5", "allowed: a mapping"],
    "title: t\nscenario: crash\nweight: 1": ["weight", "unknown key 'weight'", "allowed"],
    "title: t\nscenario: crash\nrecovery: 0": ["recovery", "0 is too short"],
    "title: t\nsteps: [{scenaro: crash}]": ["steps.0.scenaro", "did you mean 'scenario'"],
    "title: t\nsteps: [{scenario: crash, after: later}]": ["steps.0.after", "'later'", "allowed"],
    "title: t\nsteps: {scenario: crash}": ["steps", "allowed: a list"],
    "title: t\nsteps: [{scenario: crash}, {scenario: slowdown}]": ["steps.1.target", "step 0 too", "allowed"],
    "title: 5\nscenario: crash": ["title", "5", "allowed: a text"],
    'title: t\nscenario: crash\nhypothesis: {probes: [{prometheus: up, expect: "> 0"}]}': [
        "prometheus_url", "is missing",
    ],
    "title: t\nscenario: crash\nrecovery: 1s\nhypothesis: {probes: [{http: \"http://a:1/\"}]}": [
        ":3: recovery", "a hold of 1s is too short", "1.5s would do",
    ],
}  # fmt: skip


@pytest.mark.parametrize("text", BAD)
def test_bad_input(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    told = caught.value.problems
    assert any(all(word in problem for word in BAD[text]) for problem in told), told


def test_the_examples_load() -> None:
    root = Path(__file__).parents[2] / "examples"
    for file in sorted(
        file for part in (".", "aws", "serverless") for file in (root / part).glob("*.chaos.yml")
    ):
        assert load_experiment(file, {}).experiments
    for file in (root / "chaos.yml", root / "compose" / "chaos.yml", root / "flagd" / "chaos.yml"):
        if file.exists():
            assert load_settings(file, {}).experiments
