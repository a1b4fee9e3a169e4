"""What a real experiment leaves in the journal, and a report makes of it; and what the daemon drops of it."""

from __future__ import annotations

import json
import time
from pathlib import Path

from chaos_engine.journal import Journal
from chaos_engine.model import Experiment, Ran, Result, Step, Target
from tests.integration.engine_process import Place, running, serving, until

FILE = """
title: the shop is broken
scenario: config_error
target: {name: shop, state_file: STATE}
recovery: 1500ms
steady_state:
  lookback: 800ms
  probes: [{http: "URL/", name: shop, every: 100ms, timeout: 2s, expect: {success: ">= 99%"}}]
hypothesis: steady_state
"""
DAEMON = """
schedule: {every: 600s, startup_wait: 600s}
targets: {shop: {state_file: STATE}}
journal: {keep: 2d}
"""


def test_a_report_of_a_real_experiment(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.state_file.parent.mkdir()
    with serving(place.state_file) as service:
        place.configure(FILE.replace("URL", service.url), "broken.yml")
        assert place.call("run", "broken.yml").returncode == 1
    found = json.loads(place.call("report", "--since", "1h", "--format", "json").stdout)
    assert found["totals"]["support"] == {**found["totals"]["support"], "hits": 0, "of": 1}
    success, *_ = [row for row in found["metrics"] if row["statistic"] == "success"]
    assert (success["probe"], success["before"]["median"], success["after"]["median"]) == ("shop", 1.0, 1.0)
    assert success["during"]["median"] < 0.5
    [lane] = found["timeline"]["lanes"]
    assert {"shop"} == {lane["probe"]}
    assert min(piece["availability"] for piece in lane["slices"]) < 0.5
    assert max(piece["availability"] for piece in lane["slices"]) == 1.0
    [one] = found["experiments"]
    assert one["issues"][0].startswith("shop: success ")
    detail = place.call("history", one["experiment"]).stdout
    assert "  before     pass shop: " in detail
    assert "  after      pass shop: " in detail
    assert "<!doctype html>" in place.call("report").stdout


def test_the_daemon_drops_what_is_old(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.configure(DAEMON)
    place.data.mkdir(parents=True)
    journal = Journal(place.data)
    now = time.time()
    for number in range(1, 31):
        at = now - (3 if number <= 25 else 1) * 86400
        target = Target("shop", place.state_file)
        journal.begin(f"e{number}", Experiment("a", "crash", (Step("crash", target),), 1.0), at)
        journal.end(f"e{number}", Result(Ran.FAILED), at + 1)
    journal.put("a fact", 1)
    with running(place) as daemon:
        daemon.says("Next injection at")
        until(lambda: journal.count() == 5)
        assert daemon.popen.poll() is None
    assert [row["id"] for row in journal.history(9)] == ["e30", "e29", "e28", "e27", "e26"]
    assert journal.get("a fact") == 1
    journal.close()
