"""Inputs of the Chaos Machine: what they mean, and everything that can be wrong with them, at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chaos_engine import chaos_machine
from chaos_engine.console.validate import load
from chaos_engine.experiment_file import load_experiment
from chaos_engine.model import AlarmProbe, AwsAccess, CloudWatchProbe, Experiment, PrometheusProbe, Target
from chaos_engine.refusals import Draft
from chaos_engine.written import ConfigError, Written

STAT = {
    "Metric": {"Namespace": "Shop", "MetricName": "Errors", "Dimensions": [{"Name": "Zone", "Value": "a"}]},
    "Period": 120,
    "Stat": "Sum",
}
METRICS: list[dict[str, Any]] = [
    {"Id": "m1", "MetricStat": STAT},
    {"Id": "e1", "Expression": "IF(m1 > 5, 0, 1)"},
]
PROMETHEUS: dict[str, Any] = {
    "Id": "e2",
    "metricFormat": "Prometheus",
    "query": "sum(rate(x[2m])) > bool 1",
    "step": "1m",
}
WHOLE: dict[str, Any] = {
    "testId": "0007",
    "testDescription": "the shop without a zone",
    "experimentTemplateId": "EXTabc",
    "steadyState": {"metrics": METRICS, "alarms": ["ShopOk", "ShopFast"]},
    "hypothesis": "steadyState",
}


def parsed(data: dict[str, Any]) -> chaos_machine.Input:
    draft = Draft(Written("input.json", data))
    found = chaos_machine.read(draft)
    assert draft.problems == []
    assert found is not None
    return found


def experiment(**changes: Any) -> Experiment:
    found = parsed({**WHOLE, **changes})
    return chaos_machine.experiment(found, "zone", Target("aws", aws=AwsAccess()), AwsAccess("eu-west-1"))


def problems(**changes: Any) -> list[str]:
    data = {key: value for key, value in {**WHOLE, **changes}.items() if value is not None}
    draft = Draft(Written("input.json", data))
    assert chaos_machine.read(draft) is None
    return draft.problems


# --- what it means --------------------------------------------------------------------------


def test_a_template_is_a_run_of_fis_and_a_document_one_of_ssm() -> None:
    (step,) = experiment().steps
    assert (step.scenario, step.parameters["template"], step.runs) == ("fis", "EXTabc", True)
    (step,) = experiment(experimentTemplateId=None, automationDocumentName="Sleep").steps
    assert (step.scenario, step.parameters["document"]) == ("ssm_automation", "Sleep")


def test_all_queries_of_cloudwatch_are_one_probe_and_its_expressions_must_not_be_0() -> None:
    cloudwatch, alarms = experiment().steady
    assert isinstance(cloudwatch, CloudWatchProbe)
    assert json.loads(cloudwatch.queries) == [{**query, "ReturnData": True} for query in METRICS]
    assert (cloudwatch.judged, cloudwatch.expect.text, cloudwatch.period) == (("e1",), "!= 0", 120.0)
    assert cloudwatch.access == AwsAccess("eu-west-1")
    assert isinstance(alarms, AlarmProbe)
    assert alarms.alarms == ("ShopOk", "ShopFast")


def test_expressions_of_prometheus_are_judged_and_its_other_queries_are_not() -> None:
    raw = {**PROMETHEUS, "Id": "m2", "query": "sum(rate(x[2m]))"}
    found = experiment(
        steadyState={"metrics": [raw, PROMETHEUS]}, prometheusUrl="http://prometheus:9090"
    ).steady
    (probe,) = found
    assert isinstance(probe, PrometheusProbe)
    assert (probe.label, probe.query, probe.url) == ("e2", PROMETHEUS["query"], "http://prometheus:9090")


def test_what_is_not_said_is_as_there() -> None:
    found = experiment()
    assert (found.lookback, found.hypothesis.probes, found.hypothesis.delay) == (300.0, found.steady, None)
    assert found.hypothesis.whole_minutes
    assert not found.recovers
    assert found.title == "the shop without a zone"


def test_a_hypothesis_of_its_own_over_a_time_after_the_fault() -> None:
    found = experiment(hypothesis={"alarms": ["ShopOk"]}, lookback=60, recoveryDelay=30, recoveryDuration=90)
    assert [probe.label for probe in found.hypothesis.probes] == ["alarm ShopOk"]
    assert (found.hypothesis.delay, found.hypothesis.duration, found.lookback) == (30.0, 90.0, 60.0)


def test_keys_of_ours_beside_theirs() -> None:
    abort = [{"prometheus": "up", "expect": "> 0", "url": "http://p"}]
    found = experiment(abort_when=abort, timeout="10m", strict_compatibility=True)
    assert ([probe.label for probe in found.abort_when], found.hold) == (["prometheus up"], 600.0)
    assert found.as_original


def test_abort_conditions_ask_where_the_other_probes_ask() -> None:
    abort = [{"alarm": "ShopOk"}, {"prometheus": "up", "expect": "> 0"}]
    alarm, up = experiment(abort_when=abort, prometheusUrl="http://p:9090").abort_when
    assert isinstance(alarm, AlarmProbe)
    assert alarm.access == AwsAccess("eu-west-1")
    assert isinstance(up, PrometheusProbe)
    assert up.url == "http://p:9090"


def test_how_long_cloudwatch_is_waited_for() -> None:
    assert [getattr(probe, "wait", 0.0) for probe in experiment().steady] == [60.0, 180.0]
    assert [getattr(probe, "wait", 0.0) for probe in experiment(wait="5s").steady] == [5.0, 5.0]


# --- what is wrong with it ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"automationDocumentName": "Sleep"}, "has both experimentTemplateId and automationDocumentName"),
        ({"experimentTemplateId": None}, "has neither experimentTemplateId nor"),
        ({"recoveryDelay": 5}, "recoveryDelay: stands alone"),
        ({"recoveryDuration": 5}, "recoveryDuration: stands alone"),
        ({"steadyState": {}}, "steadyState: is empty; allowed: metrics, alarms, or both"),
        ({"steadyState": None}, "steadyState: is missing"),
        ({"hypothesis": {"metrics": []}}, "hypothesis: is empty"),
        ({"hypothesis": None}, "hypothesis: is missing"),
        ({"hypothesis": "steadystate"}, "hypothesis: 'steadystate' does not do; allowed: \"steadyState\""),
        ({"lookback": "300"}, "lookback: '300' does not do; allowed: a whole number"),
        ({"lookback": -1}, "lookback: -1 does not do; allowed: at least 0"),
        ({"testId": 7}, "testId: 7 does not do; allowed: a text"),
        ({"steadyState": {"metrics": METRICS[:1]}}, "steadyState.metrics: has no CloudWatch expression"),
        ({"steadyState": {"metrics": [PROMETHEUS]}}, "metrics.0.query: has no server"),
        ({"steadyState": {"metrics": [{"Expression": "1"}]}}, "steadyState.metrics.0.Id: is missing"),
        ({"steadyState": {"metrics": [*METRICS, METRICS[1]]}}, "metrics.2.Id: 'e1' stands twice"),
        (
            {"steadyState": {"metrics": [{**METRICS[1], "metricFormat": "Promtheus"}]}},
            "metrics.0.metricFormat: unknown 'Promtheus'; did you mean 'Prometheus'?",
        ),
        ({"steadyState": {"metrics": [{"Id": "e1"}]}}, "metrics.0: has neither MetricStat nor Expression"),
        ({"steadyState": {"alarms": "ShopOk"}}, "steadyState.alarms: 'ShopOk' does not do; allowed: a list"),
        (
            {"prometheusUrl": "http://p", "steadyState": {"metrics": [{**PROMETHEUS, "query": "rate(x)"}]}},
            "metrics.0.query: 'rate(x)' is no PromQL",
        ),
        ({"prometheusUrl": "10.0.0.1:9090"}, "prometheusUrl: '10.0.0.1:9090' is no address; allowed: http://"),
        (
            {"prometheusUrl": "http://p", "steadyState": {"metrics": [{**PROMETHEUS, "step": "often"}]}},
            "metrics.0.step: 'often' does not do; allowed: a duration such as 1m, or seconds",
        ),
        ({"steadyState": {"metrics": METRICS, "alarms": []}}, "steadyState.alarms: is empty; allowed: names"),
        ({"experimentTemplateId": ""}, "experimentTemplateId: '' does not do; allowed: a text that is not"),
        ({"steadyState": {"alarms": ["Ok", ""]}}, "steadyState.alarms.1: '' does not do; allowed: the name"),
        (
            {"steadyState": {"metrics": [{"Id": "E1", "Expression": "1"}]}},
            "steadyState.metrics.0.Id: 'E1' does not do; allowed: letters",
        ),
        (
            {"hypothesis": {"metrics": [{"Id": "m1", "MetricStat": {**STAT, "Period": 7}}, METRICS[1]]}},
            "hypothesis.metrics.0.MetricStat.Period: 7 does not do; allowed: 1, 5",
        ),
    ],
)  # fmt: skip
def test_refused(changes: dict[str, Any], words: str) -> None:
    said = problems(**changes)
    assert any(words in line for line in said), said
    assert all(line.startswith("input.json: ") for line in said)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    said = problems(
        automationDocumentName="Sleep", lookback="300", recoveryDelay=1,
        steadyState={"metrics": [{"Expression": "1"}, {"Id": "m1", "metricFormat": "Datadog"}]},
    )  # fmt: skip
    assert len(said) >= 5, said


def test_a_metric_tells_all_that_is_wrong_with_it() -> None:
    stat = {"Metric": {"Namespace": "Shop"}, "Period": 0, "Stat": "Summ"}
    said = "\n".join(problems(steadyState={"metrics": [{"MetricStat": stat}, METRICS[1]]}))
    for place in (
        "Id: is",
        "MetricStat.Period: 0",
        "MetricStat.Stat: unk",
        "MetricStat.Metric.MetricName: is",
    ):
        assert f"steadyState.metrics.0.{place}" in said


@pytest.mark.parametrize(
    ("metric", "keys"),
    [({"Id": "m1", "metricFormat": None, "MetricStat": STAT, "step": 60, "note": "x"}, {"Id", "MetricStat"})],
)
def test_keys_that_cloudwatch_does_not_know_are_not_sent_to_it(
    metric: dict[str, Any], keys: set[str]
) -> None:
    (probe,) = experiment(steadyState={"metrics": [metric, METRICS[1]]}).steady
    assert isinstance(probe, CloudWatchProbe)
    assert set(json.loads(probe.queries)[0]) == keys | {"ReturnData"}


@pytest.mark.parametrize(
    ("step", "seconds"),
    [(60, 60.0), (15.0, 15.0), ("60", 60.0), ("1m", 60.0), ("1m30s", 90.0), ("500ms", 0.5)],
)
def test_steps_as_prometheus_takes_them(step: object, seconds: float) -> None:
    found = experiment(steadyState={"metrics": [{**PROMETHEUS, "step": step}]}, prometheusUrl="http://p")
    (probe,) = found.steady
    assert isinstance(probe, PrometheusProbe)
    assert probe.step == seconds


@pytest.mark.parametrize("without", ["testId", "steadyState", "hypothesis"])
def test_an_input_is_one_however_wrong_it_is(tmp_path: Path, without: str) -> None:
    file = tmp_path / "input.json"
    file.write_text(json.dumps({key: value for key, value in WHOLE.items() if key != without}))
    for read in (load_experiment, load):
        with pytest.raises(ConfigError, match=rf"input.json.*: {without}: is missing"):
            read(file, {})


def test_unknown_keys_warn() -> None:
    data = {**WHOLE, "recoverDelay": 5, "steadyState": {**WHOLE["steadyState"], "alarm": []}}
    draft = Draft(Written("input.json", data))
    assert chaos_machine.read(draft) is not None
    first, second = chaos_machine.warnings(draft)
    assert "recoverDelay: nobody knows this key; did you mean 'recoveryDelay'?" in first
    assert "steadyState.alarm: nobody knows this key; did you mean 'alarms'?" in second


# --- as a file ------------------------------------------------------------------------------


def test_an_input_is_run_like_any_file_and_a_field_may_be_overridden(tmp_path: Path) -> None:
    file = tmp_path / "input.json"
    file.write_text(json.dumps(WHOLE))
    settings = load_experiment(
        file, {}, None, ["experimentTemplateId=0123", "lookback=60", "aws.region=eu-west-1"]
    )
    (found,) = settings.experiments.values()
    assert found.steps[0].parameters["template"] == "0123"
    assert found.lookback == 60.0
    assert settings.targets["aws"].aws == AwsAccess("eu-west-1")


def test_an_override_that_is_wrong_is_named_as_such(tmp_path: Path) -> None:
    file = tmp_path / "input.json"
    file.write_text(json.dumps(WHOLE))
    with pytest.raises(ConfigError, match="--set lookback: 'long' does not do; allowed: a whole number"):
        load_experiment(file, {}, None, ["lookback=long"])
    with pytest.raises(ConfigError, match="--set lookback: has no key and value; allowed: KEY=VALUE"):
        load_experiment(file, {}, None, ["lookback"])
