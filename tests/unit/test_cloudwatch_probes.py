"""Probes of CloudWatch as users write them: what is taken, and what is refused by name."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from chaos_engine.config import load_settings
from chaos_engine.model import AlarmProbe, AwsAccess, CloudWatchProbe
from chaos_engine.probes import parse
from chaos_engine.written import ConfigError
from tests.unit.cloudwatch_twin import stat

ERRORS = "AWS/ApplicationELB/HTTPCode_Target_5XX_Count"
EXPRESSION = {"Id": "e1", "Expression": "IF(m1 > 5, 0, 1)"}


def metric(**more: Any) -> dict[str, Any]:
    return {"cloudwatch": {"metric": ERRORS, "stat": "Sum", **more}, "expect": "< 5"}


def raw(*queries: Any, **more: Any) -> dict[str, Any]:
    return {"cloudwatch": {"queries": list(queries)}, **more}


def over(expression: str, name: str = "a", one: Any = None, **more: Any) -> dict[str, Any]:
    """An expression over one metric."""
    one = one or {"metric": ERRORS, "stat": "Sum"}
    return {"cloudwatch": {"expression": expression, "metrics": {name: one}, **more}, "expect": "< 1"}


def parsed(data: object) -> CloudWatchProbe:
    probe = parse(data)
    assert isinstance(probe, CloudWatchProbe)
    return probe


def test_our_own_form() -> None:
    probe = parsed({**metric(dimensions={"LoadBalancer": "app/shop"}, period=300), "wait": "90s"})
    assert json.loads(probe.queries) == [
        {
            "Id": "m1",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/ApplicationELB",
                    "MetricName": "HTTPCode_Target_5XX_Count",
                    "Dimensions": [{"Name": "LoadBalancer", "Value": "app/shop"}],
                },
                "Period": 300,
                "Stat": "Sum",
            },
            "ReturnData": True,
        }
    ]
    assert (probe.judged, probe.period, probe.wait, probe.expect.text) == (("m1",), 300.0, 90.0, "< 5")
    assert probe.label == f"cloudwatch {ERRORS}"


def test_what_is_usual_need_not_be_said() -> None:
    probe = parsed(metric())
    assert (probe.period, probe.wait, probe.access) == (60.0, 60.0, AwsAccess())
    assert parsed({**metric(), "name": "errors"}).label == "errors"


def test_a_name_with_a_slash_in_it_takes_its_namespace_beside_it() -> None:
    (query,) = json.loads(parsed(metric(metric="errors/5xx", namespace="Shop/EU")).queries)
    assert query["MetricStat"]["Metric"]["Namespace"] == "Shop/EU"
    assert query["MetricStat"]["Metric"]["MetricName"] == "errors/5xx"


@pytest.mark.parametrize(
    ("missing", "shown"), [(0, "0"), (-1.5, "-1.5"), ("REPEAT", "REPEAT"), ("LINEAR", "LINEAR")]
)
def test_what_is_missing_may_be_filled(missing: Any, shown: str) -> None:
    probe = parsed(metric(missing=missing))
    first, second = json.loads(probe.queries)
    assert first["ReturnData"] is False
    assert (second["Expression"], second["ReturnData"]) == (f"FILL({first['Id']}, {shown})", True)
    assert probe.judged == (second["Id"],)


def test_an_expression_over_named_metrics() -> None:
    probe = parsed(
        {
            "cloudwatch": {
                "expression": "100 * errors / requests",
                "metrics": {
                    "errors": {"metric": ERRORS, "stat": "Sum", "missing": 0},
                    "requests": {"metric": "AWS/ApplicationELB/RequestCount", "stat": "Sum"},
                },
            },
            "expect": "< 1",
        }
    )
    queries = {query["Id"]: query for query in json.loads(probe.queries)}
    assert queries["errors"]["Expression"] == "FILL(errors_as_it_is, 0)"
    assert queries["e1"]["Expression"] == "100 * errors / requests"
    assert [id_ for id_, query in queries.items() if query["ReturnData"]] == ["e1"] == list(probe.judged)
    assert probe.label == "cloudwatch 100 * errors / requests"


def test_a_metric_may_have_the_name_that_an_expression_would_get() -> None:
    probe = parsed(over("e1 + 1", "e1"))
    assert probe.judged == ("e2",)


def test_raw_queries_are_passed_through_and_those_that_begin_with_e_must_not_be_0() -> None:
    queries = [
        {**stat("m1", 120), "Label": "errors"},
        EXPRESSION,
        {"Id": "e2", "Expression": "m1", "ReturnData": False},
    ]
    probe = parsed(raw(*queries))
    assert json.loads(probe.queries) == queries
    assert (probe.judged, probe.expect.but, probe.period) == (("e1",), 0.0, 120.0)
    assert probe.label == "cloudwatch e1"


def test_with_an_expectation_all_that_is_returned_is_judged() -> None:
    probe = parsed(raw(stat("m1"), stat("m2", returned=False), EXPRESSION, expect="< 7"))
    assert (probe.judged, probe.expect.text) == (("m1", "e1"), "< 7")


def test_alarms() -> None:
    assert parse({"alarm": "ShopOk"}) == AlarmProbe(("ShopOk",))
    probe = parse({"alarms": ["A", "B"], "name": "all is well", "wait": "5m"})
    assert probe == AlarmProbe(("A", "B"), "all is well", 300.0)
    assert parse({"alarms": ["A", "B"]}).label == "alarm A, B"
    assert parse({"alarms": list("ABCDEFG")}).label == "alarm A, B, C, D, E and 2 more"


BAD: list[tuple[Any, list[str]]] = [
    ({"cloudwatch": "Errors"}, ["cloudwatch: 'Errors' is no mapping", "allowed: one with metric"]),
    ({"cloudwatch": {}}, ["has nothing", "allowed: metric, expression with metrics, or queries"]),
    ({"cloudwatch": {"metrik": ERRORS}}, ["has metrik", "did you mean 'metric'", "allowed: metric"]),
    ({"cloudwatch": {"metric": ERRORS, "queries": []}}, ["has metric and queries", "allowed"]),
    ({"cloudwach": {}}, ["unknown kind (cloudwach)", "did you mean 'cloudwatch'", "alarm, alarms"]),
    ({"cloudwatch": {"metric": ERRORS, "stat": "Sum"}}, ["has no expect", "allowed: a bound"]),
    ({**metric(), "expct": "< 5"}, ["unknown key 'expct'", "did you mean 'expect'", "allowed: cloudwatch"]),
    ({**metric(), "expect": "few"}, ["expect: 'few' is not an expectation", "allowed"]),
    ({**metric(), "wait": "2h"}, ["wait: '2h' is out of bounds", "allowed: 0s to 3600s"]),
    ({**metric(), "wait": "soon"}, ["wait: 'soon' is not a duration", "allowed"]),
    (metric(stats="Sum"), ["cloudwatch: unknown key 'stats'", "did you mean 'stat'", "allowed: dimensions"]),
    (metric(metric="Latency"), ["metric: 'Latency' has no namespace", "allowed: NAMESPACE/NAME"]),
    (metric(metric=5), ["metric: 5 is none", "allowed: NAMESPACE/NAME"]),
    (metric(stat="Summ"), ["stat: unknown 'Summ'", "did you mean 'Sum'", "allowed: Average, Sum"]),
    (metric(stat=None), ["stat: is missing", "allowed: Average"]),
    (metric(stat="p"), ["stat: unknown 'p'", "p99"]),
    (metric(period=45), ["period: 45", "allowed: 1, 5, 10, 20, 30, or a multiple of 60"]),
    (metric(period="1m"), ["period: '1m'", "allowed"]),
    (metric(period=True), ["period: True", "allowed"]),
    (metric(period=0), ["period: 0", "allowed"]),
    (metric(dimensions=["a"]), ["dimensions: ['a'] is no mapping", "allowed: names and values"]),
    (metric(missing="zero"), ["missing: 'zero'", "allowed: a number", "REPEAT or LINEAR"]),
    ({"cloudwatch": {"expression": "a"}, "expect": "< 1"}, ["metrics: None is no mapping", "allowed: names"]),
    (
        over("errrors + 1", "errors"),
        ["'errrors + 1' does not use 'errors'", "did you mean 'errors' by 'errrors'", "allowed: errors"],
    ),
    (over("Errors", "Errors"), ["metrics: 'Errors' is no name", "a small letter first"]),
    (over("a", one={"metric": ERRORS}), ["metrics: a: stat: is missing"]),
    (over(" "), ["expression: ' ' is none", "allowed: metric math over a"]),
    (over("a", stat="Sum"), ["unknown key 'stat'", "allowed: expression, metrics"]),
    ({"cloudwatch": {"queries": {}}}, ["queries: {} is no list", "allowed: MetricDataQueries"]),
    (raw(), ["queries: [] is no list"]),
    (raw("m1"), ["queries[0]: 'm1' is no mapping"]),
    (raw(stat("m1")), ["none is an expression to judge", "there are m1"]),
    (raw(stat("m1", returned=False), expect="< 5"), ["none is returned"]),
    (raw(stat("M1"), EXPRESSION), ["queries[0]: Id: 'M1' does not do", "a small letter first"]),
    (raw({"Expression": "1"}), ["queries[0]: Id: is missing"]),
    (raw(stat("m1"), stat("m1"), EXPRESSION), ["queries[1]: Id 'm1' stands twice", "allowed: each once"]),
    (raw({"Id": "e1"}), ["queries[0]: has neither MetricStat nor Expression", "allowed: one of them"]),
    (raw({**stat("e1"), "Expression": "1"}), ["has both MetricStat and Expression"]),
    (raw({**EXPRESSION, "Expresion": "1"}), ["unknown key 'Expresion'", "did you mean 'Expression'"]),
    (raw({**EXPRESSION, "Expression": ""}), ["Expression: '' does not do", "allowed: a text"]),
    (raw({**EXPRESSION, "ReturnData": "no"}), ["ReturnData: 'no'", "allowed: true, false"]),
    (raw({**EXPRESSION, "Period": 7}), ["queries[0]: Period: 7", "allowed: 1, 5"]),
    (raw(stat("m1", 61), EXPRESSION), ["queries[0]: MetricStat: Period: 61", "a multiple of 60"]),
    (raw({"Id": "m1", "MetricStat": []}), ["MetricStat: [] is no mapping", "allowed: Metric, Period"]),
    (raw({"Id": "m1", "MetricStat": {"Period": 60, "Stat": "Sum"}}), ["Metric: is missing"]),
    (
        raw({"Id": "m1", "MetricStat": {"Period": 60, "Stat": "Sum", "Metric": {"Namespace": "Shop"}}}),
        ["Metric: MetricName: is missing", "allowed: a text"],
    ),
    (
        raw({"Id": "m1", "MetricStat": {"Period": 60, "Stat": "Sum", "Metric": {
            "Namespace": "Shop", "MetricName": "a", "Dimensions": {"Zone": "a"}}}}),
        ["Dimensions: {'Zone': 'a'}", "allowed: a list of Name and Value"],
    ),
    (
        raw(*(stat(f"m{n}") for n in range(500)), {"Id": "e1", "Expression": "SUM(METRICS())"}),
        ["501 queries refer to each other", "allowed: 500"],
    ),
    ({"alarm": None}, ["alarm: None is no name", "allowed: a text of 1 to 255"]),
    ({"alarm": ["A"]}, ["alarm: ['A'] is no name"]),
    ({"alarm": ""}, ["alarm: '' is no name"]),
    ({"alarms": "A"}, ["alarms: 'A' is no list", "allowed: their names, at least one"]),
    ({"alarms": []}, ["alarms: [] is no list"]),
    ({"alarms": ["A", "A"]}, ["alarms: 'A' stands twice", "allowed: each once"]),
    ({"alarms": ["A", 5]}, ["alarms: 5 is no name"]),
    ({"alarm": "A", "alarms": ["B"]}, ["alarm: stands beside alarms", "allowed: one of them"]),
    ({"alarm": "A", "expect": "OK"}, ["unknown key 'expect'", "allowed: alarm, alarms, name, wait"]),
    ({"alarm": "A", "wait": -1}, ["wait: '-1' is not a duration"]),
]  # fmt: skip


@pytest.mark.parametrize(("data", "words"), BAD, ids=range(len(BAD)))
def test_bad_probes(data: Any, words: list[str]) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are checked
        parse(data)
    assert all(word in str(caught.value) for word in words), str(caught.value)


# --- in a file ------------------------------------------------------------------------------

CONFIG = """
aws: {region: eu-west-1}
schedule: {recovery: %s}
steady_state:
  lookback: 5m
  probes:
    - cloudwatch: {metric: AWS/ApplicationELB/RequestCount, stat: Sum}
      expect: "> 0"
    - alarm: ShopOk
"""


def test_they_are_asked_where_the_file_says(tmp_path: Path) -> None:
    file = tmp_path / "chaos.yml"
    file.write_text(CONFIG % "2m")
    (experiment, *_) = load_settings(file, {}).experiments.values()
    assert [
        probe.access for probe in experiment.steady if isinstance(probe, (CloudWatchProbe, AlarmProbe))
    ] == [AwsAccess("eu-west-1")] * 2
    assert experiment.recovery_timeout == 120 + max(2 * 60 + 60, 180)


def test_a_hold_in_which_no_whole_period_must_lie_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "chaos.yml"
    file.write_text(CONFIG % "119s")
    with pytest.raises(ConfigError) as caught:
        load_settings(file, {})
    (problem, *_) = caught.value.problems
    assert "a hold of 119s is too short for cloudwatch AWS/ApplicationELB/RequestCount" in problem
    assert "one whole period, wherever it begins; 2m would do" in problem


# --- as the docs show them ------------------------------------------------------------------

ROOT = Path(__file__).parents[2]


def test_every_probe_of_the_docs_is_one() -> None:
    text = (ROOT / "docs/aws/judging.md").read_text()
    blocks = re.findall(r"(?:^    .*\n)+", text, flags=re.MULTILINE)
    probes = [parse(one) for block in blocks for one in yaml.safe_load(block)]
    assert [type(probe) for probe in probes] == [CloudWatchProbe] * 3 + [AlarmProbe] * 2


def test_the_probes_in_the_example_may_be_taken_in(tmp_path: Path) -> None:
    text = (ROOT / "examples/chaos.yml").read_text()
    text, count = re.subn(
        r"^    # (- cloudwatch|- alarm|  expect|  wait)", r"    \1", text, flags=re.MULTILINE
    )
    assert count == 4
    file = tmp_path / "chaos.yml"
    file.write_text(text.replace("recovery: 90s", "recovery: 2m"))
    (experiment, *_) = load_settings(file, {}).experiments.values()
    assert [type(probe) for probe in experiment.steady[-2:]] == [CloudWatchProbe, AlarmProbe]
