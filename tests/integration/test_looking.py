"""The commands that look: history, validate, doctor, plan; and what a daemon says that cannot start."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos_engine.journal import FILE_NAME
from tests.integration.engine_process import Place, Service, serving

IDLE = """
schedule: {every: 60s, startup_wait: 60s, recovery: 300ms, min_interval: 0s}
targets: {shop: {state_file: STATE}}
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.configure(IDLE)
    return place


@pytest.fixture
def service(place: Place) -> Iterator[Service]:
    with serving(place.state_file) as serving_service:
        yield serving_service


# --- what was recorded ----------------------------------------------------------------------


def test_history(place: Place) -> None:
    assert place.call("history").stdout == "no experiments yet\n"
    place.configure(
        "title: t\nscenario: crash\ntarget: {name: shop, state_file: STATE}\nrecovery: 100ms", "t.yml"
    )
    assert place.call("run", "t.yml", "t.yml").returncode == 0
    table = place.call("history").stdout
    assert [line.split()[0] for line in table.splitlines()] == ["id", "e1", "e2"]
    assert "\x1b" not in table
    assert all("unjudged" in line and "crash" in line for line in table.splitlines()[1:])
    rows = json.loads(place.call("history", "--json", "--limit", "1").stdout)
    assert [row["id"] for row in rows] == ["e2"]
    assert json.loads(place.call("history", "--json", "--scenario", "slowdown").stdout) == []
    detail = place.call("history", "e1").stdout
    for words in (
        "e1  t",
        "verdict    unjudged",
        "run        completed, ended by time",
        "cleanup    clean",
    ):
        assert words in detail
    assert json.loads(place.call("history", "e1", "--json").stdout)["plan"]["hold"] == 0.1
    unknown = place.call("history", "e9")
    assert unknown.returncode == 2
    assert "unknown experiment 'e9'" in unknown.stderr


@pytest.mark.parametrize(
    "arguments",
    [("history",), ("status",), ("clear",), ("pause",), ("run",), ("inject", "crash", "--target", "shop")],
)
def test_a_journal_that_cannot_be_read_is_one_line(place: Place, arguments: tuple[str, ...]) -> None:
    place.data.mkdir()
    (place.data / FILE_NAME).write_text("no database" * 100)
    refused = place.call(*arguments)
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1, refused.stderr
    assert "cannot be used as the journal" in refused.stderr
    assert (place.data / FILE_NAME).read_text() == "no database" * 100


# --- checking -------------------------------------------------------------------------------


def test_validate(place: Place) -> None:
    place.configure(
        "title: t\nscenario: crash\ntarget: {name: shop, state_file: /no/such/folder/s}\n", "one.yml"
    )
    good = place.call("validate", "chaos.yml", "one.yml")
    assert good.returncode == 0
    assert "chaos.yml: ok" in good.stdout
    assert "one.yml: ok" in good.stdout  # it looks at no world
    place.configure("schedule: {every: 0}\n", "bad.yml")
    bad = place.call("validate", "chaos.yml", "bad.yml", "missing.yml")
    assert bad.returncode == 2
    assert "bad.yml:1: schedule.every: 0 is too short; allowed: above 0s" in bad.stderr
    assert "missing.yml: there is no such file" in bad.stderr
    found = json.loads(place.call("validate", "--json", "bad.yml").stdout)
    assert [set(entry) for entry in found] == [{"file", "problems", "warnings"}]
    assert not place.data.exists()


def test_doctor(place: Place, service: Service) -> None:
    probes = 'steady_state: {lookback: 2s, probes: [{name: shop answers, http: "URL/"}]}\n'
    place.configure(IDLE + probes.replace("URL", service.url) + "schedule2: 1\n")
    assert place.call("doctor").returncode == 2
    place.configure(IDLE.replace("300ms", "5s") + probes.replace("URL", service.url))
    good = place.call("doctor")
    assert good.returncode == 0, good.stdout
    assert "ok    shop answers: HTTP 200" in good.stdout
    assert f"ok    target shop: {place.state_file} can be written" in good.stdout
    assert not place.state_file.exists()
    service.broken = service.sticky = True
    place.configure(
        IDLE.replace("300ms", "5s").replace("STATE", "/no/such/folder/s")
        + probes.replace("URL", service.url)
        + 'prometheus_url: "http://127.0.0.1:1"\nabort_when: [{prometheus: up, expect: "> 0"}]\n'
    )
    findings = {f["what"]: f for f in json.loads(place.call("doctor", "--json").stdout)}
    assert place.call("doctor").returncode == 1
    assert findings["shop answers"]["state"] == "bad"
    assert "HTTP 500" in findings["shop answers"]["text"]
    assert "does not exist" in findings["target shop"]["text"]
    assert findings["prometheus http://127.0.0.1:1"]["state"] == "bad"


def test_plan(place: Place) -> None:
    place.configure(IDLE.replace("every: 60s", "every: 1h"))
    first, again = (place.call("plan", "--days", "30", "--seed", "7", "--json") for _ in range(2))
    assert first.returncode == 0
    entries = json.loads(first.stdout)
    assert 719 <= len(entries) <= 721
    assert set(entries[0]) == {"at", "scenario", "target"}
    kinds = [entry["scenario"] for entry in entries]
    assert kinds == [entry["scenario"] for entry in json.loads(again.stdout)][: len(kinds)]
    assert not place.data.exists()


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"CHAOS_INTERVAL": "0"}, "environment CHAOS_INTERVAL: 0 is too short"),
        (
            {"CHAOS_LOG_LEVEL": "warn"},
            "environment CHAOS_LOG_LEVEL: unknown 'warn'; did you mean 'warning'?; allowed: info,",
        ),
        (
            {"CHAOS_LOG": "jsn"},
            "environment CHAOS_LOG: unknown 'jsn'; did you mean 'json'?; allowed: text, json",
        ),
        ({"CHAOS_CONFIG": "gone.yml"}, "gone.yml: there is no such file"),
        (
            {"FAILURE_STATE_FILE": "/no/such/folder/s"},
            "targets.shop.state_file: the folder '/no/such/folder'",
        ),
    ],
)
def test_a_daemon_that_cannot_start_says_why(place: Place, environment: dict[str, str], words: str) -> None:
    place.environment.update(environment)
    refused = place.call("run")
    assert refused.returncode == 2
    assert words in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not place.data.exists()
