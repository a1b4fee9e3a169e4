"""The catalogue: every scenario and probe with all that it takes, as it is written, and found by words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from chaos_engine import probe_keys, probes
from chaos_engine.catalogue import probe_entries, scenario_entries, toolkit_entries
from chaos_engine.catalogue.model import Argument, Entry
from chaos_engine.catalogue.search import exact, found, suggestion
from chaos_engine.catalogue.text import page, table
from chaos_engine.model import AlarmProbe, CloudWatchProbe, HttpProbe, PrometheusProbe
from scenarios.amounts import size
from scenarios.registry import load

PLUGINS = Path(__file__).parents[2] / "examples" / "my_scenarios"
SCENARIOS = load()
ENTRIES = {entry.name: entry for entry in scenario_entries.entries(SCENARIOS)[0]}
ONE_OF_SEVERAL = (
    "disk_fill",
    "memory_stress",
    "process_kill",
    "ssm_command",
)  # parameters of which one is needed
ARGUMENTS = [(entry.name, one) for entry in ENTRIES.values() for one in entry.arguments]


def argument(scenario: str, name: str) -> Argument:
    return next(one for one in ENTRIES[scenario].arguments if one.name == name)


def test_every_scenario_is_in_it_with_every_parameter() -> None:
    assert set(ENTRIES) == set(SCENARIOS)
    for name, scenario in SCENARIOS.items():
        keys = {field.alias or key for key, field in scenario.parameters.model_fields.items()}
        assert {one.name for one in ENTRIES[name].arguments} == keys
        assert ENTRIES[name].summary, name
        assert ENTRIES[name].undone


@pytest.mark.parametrize(("scenario", "one"), ARGUMENTS, ids=lambda value: getattr(value, "name", value))
def test_a_default_as_it_is_written_means_the_default(scenario: str, one: Argument) -> None:
    model = SCENARIOS[scenario].parameters
    field = next(field for key, field in model.model_fields.items() if (field.alias or key) == one.name)
    assert one.required is field.is_required()
    if one.required or one.default is None:
        assert one.required or field.get_default(call_default_factory=True) is None
        return
    lacking = {each.name for each in ENTRIES[scenario].arguments if each.required}
    if lacking or scenario in ONE_OF_SEVERAL:
        with pytest.raises(ValidationError) as refused:
            model.model_validate({one.name: one.default})
        assert one.name not in {problem["loc"][0] for problem in refused.value.errors() if problem["loc"]}
        return
    read = model.model_validate({one.name: one.default}).model_dump(by_alias=True)
    assert read[one.name] == field.get_default(call_default_factory=True)


@pytest.mark.parametrize(
    ("scenario", "name", "form", "default"),
    [
        ("slowdown", "delay", "duration range", "10-30s"),
        ("latency", "delay", "duration, above 0", "100ms"),
        ("fis", "timeout", "duration", "60m"),
        ("packet_loss", "percent", "percentage", "10%"),
        ("cpu_stress", "load", "percentage", "100%"),
        ("cpu_limit", "cpus", "number or percentage", None),
        ("memory_limit", "limit", "size or percentage", None),
        ("io_stress", "size", "size", "64MB"),
        ("bandwidth", "rate", "rate", "1mbit"),
        ("partition", "direction", '"both" or "in" or "out"', "both"),
        ("dependency_timeout", "port", "whole number, 1 to 65535", None),
        ("chaos_lambda", "rate", "number, above 0, at most 1", 1.0),
        ("lambda_concurrency", "reserved", "whole number, from 0", 0),
        ("fis", "preview", "true or false", False),
        ("lambda_environment", "variables", "mapping", None),
        ("dns_failure", "domains", "list of text", []),
        ("crash", "heals_on", "text", "restart"),
    ],
)
def test_types_are_the_words_in_which_they_are_written(
    scenario: str, name: str, form: str, default: Any
) -> None:
    assert (argument(scenario, name).type, argument(scenario, name).default) == (form, default)


def test_a_parameter_has_the_sentences_that_name_it_and_the_rest_is_told_once() -> None:
    assert argument("disk_fill", "reserve").documentation.startswith("`reserve`: what is left of the host's")
    assert argument("latency", "on_restart").documentation.startswith("`on_restart`: what becomes")
    assert "`delay`" not in ENTRIES["latency"].documentation


@pytest.mark.parametrize(
    ("scenario", "needs"),
    [
        ("crash", "state_file"),
        ("latency", "a container (compose_service, container or labelled)"),
        ("fis", "aws: true"),
        ("feature_flag", "flagd_file"),
    ],
)
def test_what_a_target_must_have_is_asked_of_the_scenario(scenario: str, needs: str) -> None:
    assert ENTRIES[scenario].needs == needs


def test_what_undoing_is() -> None:
    assert ENTRIES["latency"].undone.startswith("exactly")
    assert "by itself" in ENTRIES["kill"].undone
    assert ENTRIES["fis"].undone.startswith("nothing undoes it")


def test_scenarios_of_a_plugins_folder_are_in_it() -> None:
    own = [entry for entry in scenario_entries.entries(load(PLUGINS))[0] if entry.package != "chaos-engine"]
    assert {entry.name for entry in own} == {"maintenance", "network_partition"}
    assert {entry.family for entry in own} == {"your own scenarios"}
    assert any(entry.documentation for entry in own)


# --- probes ---------------------------------------------------------------------------------


PROBES = {entry.name: entry for entry in probe_entries.entries()}
MINIMAL: dict[str, dict[str, Any]] = {
    "http": {"http": "http://a/"},
    "prometheus": {"prometheus": "up", "expect": "> 0"},
    "cloudwatch": {"cloudwatch": {"metric": "A/B", "stat": "Sum"}, "expect": "< 1"},
    "alarm": {"alarm": "a"},
    "alarms": {"alarms": ["a"]},
}


def test_every_kind_of_probe_is_in_it() -> None:
    assert set(probes.KINDS) | {"recovers_within", "alert_fires", "not_while"} == set(PROBES)


@pytest.mark.parametrize("kind", probes.KINDS)
def test_the_keys_of_a_probe_are_those_that_are_taken(kind: str) -> None:
    with pytest.raises(ValueError, match="allowed: ") as refused:
        probes.parse({**MINIMAL[kind], "zz": 1})
    allowed = set(re.findall(r"\w+", str(refused.value).rpartition("allowed: ")[2]))
    other = {"alarm": "alarms", "alarms": "alarm"}.get(kind, "")
    told = {one.name for one in PROBES[kind].arguments if "." not in one.name}
    assert told == allowed - {other}
    assert {one.name for one in PROBES[kind].arguments if one.required} <= set(MINIMAL[kind])


def default(kind: str, name: str) -> Any:
    return next(one.default for one in PROBES[kind].arguments if one.name == name)


def test_the_defaults_of_probes_are_those_that_hold() -> None:
    written = probes.parse(
        {**MINIMAL["http"], **{k: default("http", k) for k in ("every", "timeout", "method")}}
    )
    assert isinstance(written, HttpProbe)
    assert written == probes.parse(MINIMAL["http"])
    prometheus = probes.parse({**MINIMAL["prometheus"], "query": default("prometheus", "query")})
    assert isinstance(prometheus, PrometheusProbe)
    assert prometheus == probes.parse(MINIMAL["prometheus"])
    metric = {"metric": "A/B", "stat": "Sum", "period": default("cloudwatch", "cloudwatch.period")}
    cloudwatch = probes.parse(
        {"cloudwatch": metric, "expect": "< 1", "wait": default("cloudwatch", "wait")}
    )  # fmt: skip
    assert isinstance(cloudwatch, CloudWatchProbe)
    assert cloudwatch == probes.parse(MINIMAL["cloudwatch"])
    alarm = probes.parse({"alarm": "a", "wait": default("alarm", "wait")})
    assert isinstance(alarm, AlarmProbe)
    assert alarm == probes.parse(MINIMAL["alarm"])


def test_each_key_says_what_it_is() -> None:
    keys = (probe_keys.HTTP, probe_keys.HTTP_EXPECT, probe_keys.PROMETHEUS, probe_keys.CLOUDWATCH,
            probe_keys.METRIC, probe_keys.ALARM)  # fmt: skip
    assert all(one.type and one.documentation for group in keys for one in group.values())


# --- activities -------------------------------------------------------------------------------

TOLD = {
    "extensions": [
        {
            "package": "chaostoolkit-shop", "version": "1.2", "problems": ["chaosshop.late: ImportError: no"],
            "activities": [
                {"kind": "action", "name": "close_shop", "module": "chaosshop.till.actions",
                 "documentation": "Close it.\n\nFor as long as `seconds`.", "returns": "",
                 "arguments": [{"name": "seconds", "type": "int", "default": None, "required": True}]},
            ],
        }
    ]
}  # fmt: skip


def test_activities_say_where_they_are_from_and_what_could_not_be_looked_at() -> None:
    (entry,), problems = toolkit_entries.entries(TOLD)
    assert (entry.family, entry.package, entry.version) == (
        "chaostoolkit-shop: chaosshop.till", "chaostoolkit-shop", "1.2"
    )  # fmt: skip
    assert entry.arguments == (Argument("seconds", "int", None, True),)
    assert problems == ("chaostoolkit-shop 1.2: chaosshop.late: ImportError: no",)


# --- words, and how it is told ----------------------------------------------------------------

ALL = (*ENTRIES.values(), *PROBES.values(), *toolkit_entries.entries(TOLD)[0])


def names(*words: str) -> set[str]:
    return {entry.name for entry in found(ALL, words)}


def test_all_words_must_be_found_somewhere_in_whatever_case() -> None:
    assert names("CLOSE", "seconds") == {"close_shop"}
    assert names("lambda", "reservation") == {"lambda_concurrency"}
    assert names("lambda", "reservation", "till") == set()
    assert names("netem") == {"latency", "packet_loss"}
    assert names() == {entry.name for entry in ALL}


def test_what_is_named_is_found_alone_though_others_have_the_word() -> None:
    latency = exact(ALL, ["Latency"])
    assert latency is ENTRIES["latency"]
    assert len(found(ALL, ["latency"])) > 1
    assert exact(ALL, ["till.actions.close_shop"]) is ALL[-1]
    assert exact(ALL, ["close", "seconds"]) is ALL[-1]
    assert exact(ALL, ["lambda"]) is None
    assert exact(ALL, []) is None


def test_two_of_one_name_are_no_exact_match() -> None:
    other = Entry("probe", "x", "close_shop", module="chaosshop.probes")
    assert exact((*ALL, other), ["close_shop"]) is None
    assert exact((*ALL, other), ["probes.close_shop"]) is other


def test_the_nearest_word_is_offered() -> None:
    assert suggestion(ALL, ["latncy"]) == "; did you mean 'latency'?"
    assert suggestion(ALL, ["lambda", "concurency"]) == "; did you mean 'concurrency'?"
    assert suggestion(ALL, ["qqqqqqqq"]) == ""


def test_a_table_fits_a_terminal_and_is_whole_in_a_pipe() -> None:
    narrow, whole = list(table(ALL, 60)), list(table(ALL, None))
    assert max(len(line) for line, _ in narrow) <= 60
    assert len(narrow) == len(whole)
    assert any(line.endswith(ENTRIES["partition"].summary) for line, _ in whole)
    families = [line for line, title in whole if title]
    assert "feature flags" in families


def test_a_page_tells_everything() -> None:
    told = "\n".join(line for line, _ in page(ENTRIES["latency"], [ENTRIES["fis"]]))
    for one in ENTRIES["latency"].arguments:
        assert f"  {one.name}  (" in told
        assert one.documentation in told
    for words in (ENTRIES["latency"].needs, ENTRIES["latency"].undone, "default 100ms", "also found in: fis"):
        assert words in told


@pytest.mark.parametrize("text", ["50%", "1-2s", "64MB/s", "-1MB"])
def test_what_only_begins_like_a_size_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="is no size"):
        size(text)
