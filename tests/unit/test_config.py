"""What the daemon's settings refuse: each time place, value and what is allowed, and nothing else happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos_engine.config import Settings, load_settings
from chaos_engine.model import PrometheusProbe
from chaos_engine.written import ConfigError

HTTP = '{http: "http://127.0.0.1:1/", every: 100ms, timeout: 1s}'


def load(folder: Path, text: str, **environment: str) -> Settings:
    file = folder / "chaos.yml"
    file.write_text(text)
    return load_settings(file, environment)


def problems(folder: Path, text: str, **environment: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, text, **environment)
    return [problem.replace(f"{folder}/", "") for problem in caught.value.problems]


# what is written -> what one of the problems must hold, in this order
BAD = {
    # unknown keys at every level, with the nearest word
    "shedule: {}": ["chaos.yml:1: shedule", "unknown key 'shedule'", "did you mean 'schedule'"],
    "schedule:\n  evry: 5s": [
        "chaos.yml:2: schedule.evry",
        "did you mean 'every'",
        "allowed: enabled, every",
    ],
    "targets: {a: {state_fil: /tmp/x}}": ["targets.a.state_fil", "did you mean 'state_file'"],
    "steady_state: {lookbak: 5s}": ["steady_state.lookbak", "did you mean 'lookback'"],
    "hypothesis: {probs: []}": ["hypothesis.probs", "did you mean 'probes'"],
    "hypothesis: {alert_fires: {nam: x}}": ["hypothesis.alert_fires", "did you mean 'name'"],
    "scenarios: {crash: {wieght: 1}}": ["scenarios.crash.wieght", "did you mean 'weight'"],
    "scenarios: {slowdown: {dealy: 1s}}": ["scenarios.slowdown.dealy", "did you mean 'delay'"],
    "scenarios: {crash: {own: {weight: 2}}}": ["scenarios.crash.own", "unknown key 'own'"],
    # weights
    "scenarios: {crash: {weight: -1}}": ["scenarios.crash.weight", "-1", "allowed: a number from 0"],
    "scenarios: {crash: {weight: .nan}}": ["scenarios.crash.weight", "nan", "allowed: a number from 0"],
    "scenarios: {crash: {weight: .inf}}": ["scenarios.crash.weight", "inf", "allowed: a number from 0"],
    "scenarios: {crash: {weight: 1e308}, slowdown: {weight: 1e308}}": ["scenarios.crash.weight", "allowed"],
    "scenarios: {crash: {weight: heavy}}": ["scenarios.crash.weight", "'heavy'", "allowed"],
    "scenarios: {crash: {weight: true}}": ["scenarios.crash.weight", "True", "allowed"],
    "scenarios: {crash: {weight: 0}, slowdown: {weight: 0}}": ["scenarios", "every weight is 0", "allowed"],
    f"scenarios: {{crash: {{weight: 1{'0' * 400}}}}}": ["scenarios.crash.weight", "allowed"],
    # times
    "schedule: {every: 0}": ["schedule.every", "0 is too short", "allowed: above 0s"],
    "schedule: {every: 10 minuts}": ["'10 minuts'", "allowed", "did you mean '10 minutes'"],
    "schedule: {every: -5s}": ["schedule.every", "'-5s'", "allowed"],
    "schedule: {every: .nan}": ["schedule.every", "nan", "allowed"],
    "schedule: {every: true}": ["schedule.every", "True", "allowed"],
    "schedule: {every: [5s]}": ["schedule.every", "['5s']", "allowed"],
    "schedule: {every: }": ["schedule.every", "None", "allowed"],
    f"schedule: {{every: 1{'0' * 400}}}": ["schedule.every", "allowed"],
    "schedule: {startup_wait: 1000000 d}": ["schedule.startup_wait", "from 0 to 3650d"],
    "schedule: {when_not_recovered: 2y}": ["'2y' is no factor", "allowed: 1x to 100x"],
    "schedule: {max_concurrent: 0}": ["schedule.max_concurrent", "0", "allowed: at least 1"],
    "schedule: {max_concurrent: many}": ["schedule.max_concurrent", "'many'", "allowed: a whole number"],
    "schedule: {max_per_hour: 0}": ["schedule.max_per_hour", "at least 1"],
    "schedule: {seed: 1.5}": ["schedule.seed", "1.5", "allowed: a whole number"],
    "schedule: {enabled: flase}": ["schedule.enabled", "'flase'", "allowed: true or false"],
    # windows
    'schedule: {windows: ["0 0 31 2 *"]}': ["'0 0 31 2 *'", "Bad day-of-month", "allowed"],  # never
    'schedule: {windows: ["every morning at nine"]}': ["is no cron line", "allowed: five fields"],
    'schedule: {windows: ["mornings"]}': ["'mornings' is no cron line", "allowed: five fields"],
    'schedule: {windows: ["* * * * * *"]}': ["is no cron line", "allowed: five fields"],
    'schedule: {windows: "* 9-16 * * 1-5"}': ["schedule.windows", "allowed: a list"],
    "schedule: {timezone: Europe/Berln}": ["schedule.timezone", "'Europe/Berln'", "'Europe/Berlin'"],
    "schedule: {timezone: Europe}": ["'Europe' is no time zone", "allowed"],
    "schedule: {timezone: ../../etc/passwd}": ["is no time zone", "allowed"],
    # scenarios and targets
    "scenarios: {slowdwn: {}}": ["scenarios.slowdwn", "did you mean 'slowdown'", "allowed: bad_config"],
    "scenarios: {slow: {scenario: slowdwon}}": ["scenarios.slow", "'slowdwon'", "did you mean 'slowdown'"],
    "scenarios: {crash: {targets: [target-ap]}}": ["scenarios.crash.targets.0", "did you mean 'target-app'"],
    "scenarios: {crash: {targets: []}}": ["scenarios.crash.targets", "no target", "allowed: target-app"],
    "scenarios: {crash: 0.3}": ["scenarios.crash", "0.3", "allowed: a mapping"],
    "scenarios: [crash]": ["scenarios", "['crash']", "allowed: a mapping"],
    "scenarios: {1: {}}": ["scenarios.1", "the key 1", "allowed: a text"],
    "targets: {no: {state_file: /tmp/x}}": ["targets", "the key False", "in quotes"],
    "targets: {a: /tmp/x}": ["targets.a", "'/tmp/x'", "allowed: a mapping"],
    "targets: {a: {compose_service: x}}": ["scenarios.crash", "target 'a' has no state_file"],
    "targets: {a: {state_file: /tmp/x, name: b}}": ["targets.a.name", "'b'", "allowed: 'a'"],
    "targets: {a: {state_file: /tmp/x}, b: {state_file: /tmp/../tmp/x}}": ["targets.b.state_file", "of 'a'"],
    "scenarios: {slowdown: {delay: 30-10s}}": ["scenarios.slowdown.delay", "runs backwards", "10-30s"],
    'scenarios: {slowdown: {delay: "10-"}}': ["scenarios.slowdown.delay", "'10-'", "such as 10-30s"],
    "scenarios: {slowdown: {delay: 2h}}": ["scenarios.slowdown.delay", "'2h'", "at most 3600s"],
    "scenarios: {slowdown: {delay: 0}}": ["scenarios.slowdown.delay", "0", "above 0"],
    "scenarios: {crash: {heals_on: never ever}}": ["scenarios.crash.heals_on", "restart, never, env:NAME"],
    "scenarios: {crash: {expect: x}}": ["scenarios.crash", "expect goes with heals_on"],
    "scenarios: {crash: {gate: sometimes}}": ["scenarios.crash.gate", "'alone' or 'overlapping'"],
    # judging
    "hypothesis: steady": ["hypothesis", "'steady'", "allowed: steady_state, or a mapping"],
    "hypothesis: {delay: 3s}": ["hypothesis", "delay and duration go together"],
    "prometheus_url: localhost:9090": ["prometheus_url", "'localhost:9090'", "allowed: http://"],
    "schedule: 5": ["schedule", "5", "allowed: a mapping"],
    "plugins: ./nowhere": ["plugins", "nowhere' is not a folder"],
}


@pytest.mark.parametrize("text", BAD)
def test_bad_input_names_place_value_and_what_is_allowed(tmp_path: Path, text: str) -> None:
    told = problems(tmp_path, text)
    wanted = BAD[text]
    assert any(_in_order(wanted, problem) for problem in told), told
    assert all("instance of" not in problem and "tuple" not in problem for problem in told)


def _in_order(words: list[str], sentence: str) -> bool:
    at = 0
    return all((at := sentence.find(word, at)) >= 0 for word in words)


def test_several_problems_are_told_at_once(tmp_path: Path) -> None:
    told = problems(
        tmp_path,
        "schedule:\n  every: 0\n  evry: 1\n  timezone: Mars\nscenarios:\n  crash: {weight: -1}\nfoo: 1\n",
    )
    assert [problem.split(": ")[0] for problem in told] == [
        f"chaos.yml:{line}" for line in sorted((7, 2, 3, 4, 6), key=[7, 3, 2, 4, 6].index)
    ]


def test_what_only_the_whole_shows_is_told_at_once_too(tmp_path: Path) -> None:
    told = problems(
        tmp_path,
        "targets: {a: {state_file: /tmp/a}, b: {state_file: /tmp/a}}\n"
        "scenarios: {crsh: {targets: [c]}, slowdown: {dely: 1}}",
    )
    assert len(told) == 4


def test_two_targets_on_one_state_file_through_a_symlink(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    text = "targets: {a: {state_file: %s/real/s.json}, b: {state_file: %s/link/s.json}}"
    (problem,) = problems(tmp_path, text % (tmp_path, tmp_path))
    assert "targets.b.state_file" in problem
    assert "state file of 'a' too" in problem


def test_an_empty_section_is_its_default(tmp_path: Path) -> None:
    settings = load(tmp_path, "schedule:\nsteady_state:\nscenarios:\ntargets:\n")
    assert settings.rules.every == 180
    assert {label for label, _ in settings.experiments} == {"crash", "slowdown", "config_error"}


def test_nothing_to_weigh_is_fine_where_the_schedule_is_off(tmp_path: Path) -> None:
    text = "schedule: {enabled: false}\nscenarios: {crash: {weight: 0}}"
    assert load(tmp_path, text).rules.enabled is False


def test_two_entries_may_share_a_scenario(tmp_path: Path) -> None:
    settings = load(
        tmp_path, "scenarios: {a: {scenario: slowdown, delay: 1s}, b: {scenario: slowdown, delay: 2s}}"
    )
    assert {label for label, _ in settings.experiments} == {"a", "b"}
    assert {e.steps[0].scenario for e in settings.experiments.values()} == {"slowdown"}


def test_a_target_that_is_named_twice_is_not_likelier(tmp_path: Path) -> None:
    settings = load(tmp_path, "scenarios: {crash: {targets: [target-app, target-app]}}")
    assert settings.rules.choices[0].targets == ("target-app",)


def test_defaults_without_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(None, {})
    rules = settings.rules
    assert (rules.every, rules.startup_wait, settings.hold) == (180, 60, 30)
    assert {c.label: c.weight for c in rules.choices} == {"crash": 0.3, "slowdown": 0.4, "config_error": 0.3}
    assert {n: t.state_file for n, t in settings.targets.items()} == {
        "target-app": Path("/tmp/failure_state.json")
    }
    assert (rules.min_interval, rules.max_concurrent, rules.enabled) == (60, 1, True)
    assert (rules.windows, rules.max_per_hour, rules.max_per_day, settings.seed) == ((), None, None, None)
    assert settings.probes == ()
    drawn = settings.scenarios["slowdown"].parameters()
    assert drawn.delay == (10, 30)  # type: ignore[attr-defined]


def test_min_interval_is_never_longer_than_every_unless_it_is_written(tmp_path: Path) -> None:
    assert load(tmp_path, "schedule: {every: 20s}").rules.min_interval == 20
    assert load(tmp_path, "schedule: {every: 20s, min_interval: 50s}").rules.min_interval == 50
    assert load(tmp_path, "schedule: {every: 10m}").rules.min_interval == 60


SAMPLE = """
schedule:
  every: 180s
  startup_wait: 60s
  recovery: 30s
  windows: ["* 9-16 * * 1-5"]
  timezone: Europe/Berlin
  max_concurrent: 1
  min_interval: 60s
  max_per_hour: 10
  seed: 42
  when_not_recovered: 2x
prometheus_url: http://prometheus:9090
targets:
  target-app:
    state_file: /chaos/failure_state.json
    compose_service: target-app
steady_state:
  lookback: 60s
  probes:
    - http: http://target-app:8000/products
      expect: {status: 200, latency: "< 500ms", success: ">= 99%"}
    - prometheus: (sum(rate(http_requests_total{status=~"5.."}[15s])) or vector(0)) / sum(rate(http_requests_total[15s]))
      expect: "< 0.01"
hypothesis: steady_state
abort_when:
  - prometheus: avg_over_time(up{job="target-app"}[2m])
    expect: "> 0.2"
scenarios:
  crash: {weight: 0.3}
  slowdown: {weight: 0.4, delay: 10-30s, targets: [target-app], hypothesis: {recovers_within: 20s}}
  config_error: {weight: 0.3, heals_on: "env:DATABASE_URL"}
"""  # noqa: E501


def test_the_full_sample_loads(tmp_path: Path) -> None:
    settings = load(tmp_path, SAMPLE)
    assert (settings.seed, settings.rules.strain_factor, settings.rules.max_per_hour) == (42, 2, 10)
    slow = settings.experiments["slowdown", "target-app"]
    assert slow.hypothesis.recovers_within == 20
    assert not slow.hypothesis.probes
    assert len(settings.experiments["crash", "target-app"].hypothesis.probes) == 2
    assert all(isinstance(p, PrometheusProbe) and p.url == "http://prometheus:9090" for p in slow.abort_when)
    assert [w for w in settings.warnings if "config_error" in w and "expect" in w]
