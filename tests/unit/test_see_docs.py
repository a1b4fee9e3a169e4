"""The tables of docs/metrics.md and docs/notices.md, and the examples, are what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from chaos_engine.config import load_settings
from chaos_engine.metrics import Metrics
from chaos_engine.notice_fields import WebhookDocument
from chaos_engine.occasions import ALARMS, EVENTS, MEANINGS, sample, told
from chaos_engine.payload import Payload

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples" / "notify").glob("*.yml"))


def rows(text: str) -> list[list[str]]:
    lines = (line for line in text.splitlines() if line.startswith("| `"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_metric_is_in_the_table_as_it_is() -> None:
    documented = {}
    for name, kind, listed, _ in rows((ROOT / "docs" / "metrics.md").read_text()):
        documented[name.strip("`")] = (kind, tuple(filter(None, listed.split(", "))))
    real = {}
    for metric in list(Metrics().registry._collector_to_names):
        assert isinstance(metric, MetricWrapperBase)
        (family,) = metric.describe()
        info = family.type == "info"
        name = family.name + {"counter": "_total", "info": "_info"}.get(family.type, "")
        labels: tuple[str, ...] = ("version", "python") if info else metric._labelnames
        real[name] = ("gauge" if info else family.type, tuple(labels))
    assert documented == real


def test_every_occasion_is_in_the_table_as_it_is_meant() -> None:
    table = rows((ROOT / "docs" / "notices.md").read_text().partition("## A webhook")[0])
    documented = {name: meaning for names, meaning in table for name in re.findall(r"`(\w+)`", names)}
    assert documented.keys() == MEANINGS.keys()
    verdicts = [name for name, meaning in documented.items() if "with this verdict" in meaning]
    assert {name: documented[name] for name in documented if name not in verdicts} == {
        name: meaning for name, meaning in MEANINGS.items() if name not in verdicts
    }


def test_the_defaults_are_as_documented() -> None:
    text = (ROOT / "docs" / "notices.md").read_text()
    said = re.search(r"Without `on` syslog and\s+webhooks are told (.*?); Apprise (.*?)\.", text, re.DOTALL)
    assert said
    assert [tuple(re.findall(r"`(\w+)`", part)) for part in said.groups()] == [EVENTS, ALARMS]


def test_every_name_that_a_payload_may_use_is_documented() -> None:
    table = rows((ROOT / "docs" / "notices.md").read_text().partition("## A webhook")[2])
    assert {name for names, _ in table for name in re.findall(r"`(\w+)`", names)} == told(
        sample("inject"), ""
    ).keys()


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_can_be_used(file: Path) -> None:
    notify = load_settings(file, {}).notify
    assert notify.keys() == yaml.safe_load(file.read_text())["notify"].keys()
    for document in notify.values():
        if isinstance(document, WebhookDocument):
            assert "${" in f"{document.webhook}{document.headers}", "its secret is not in the file"


def test_what_grafana_is_told_of_a_fault() -> None:
    document = load_settings(ROOT / "examples" / "notify" / "grafana.yml", {}).notify["grafana"]
    assert isinstance(document, WebhookDocument)
    assert json.loads(Payload(document.payload or "").rendered(told(sample("cleared"), "h"))) == {
        "time": 1_699_999_970_000,
        "timeEnd": 1_700_000_000_000,
        "tags": ["chaos", "slowdown", "shop"],
        "text": "slowdown on shop, fault e1-0",
    }


def test_what_new_relic_is_told_of_a_verdict() -> None:
    document = load_settings(ROOT / "examples" / "notify" / "new-relic.yml", {}).notify["new-relic-events"]
    assert isinstance(document, WebhookDocument)
    (event,) = json.loads(Payload(document.payload or "").rendered(told(sample("verdict"), "h")))
    assert (event["eventType"], event["timestamp"], event["verdict"]) == (
        "ChaosFault",
        1_700_000_000_000,
        "supported",
    )


def test_what_a_chat_is_told() -> None:
    document = load_settings(ROOT / "examples" / "notify" / "chat.yml", {}).notify["chat"]
    assert isinstance(document, WebhookDocument)
    said = json.loads(Payload(document.payload or "").rendered(told(sample("not_supported"), "host-1")))
    assert said["text"].startswith('Chaos Engine on host-1, not supported: A "sample"')
