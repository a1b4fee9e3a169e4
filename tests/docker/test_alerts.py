"""The alert rules: checked by promtool, and firing in a real Prometheus when a real engine is killed."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.integration.engine_process import ROOT, Place, until
from tests.integration.prometheus_server import IMAGE, config, prometheus
from tests.integration.scraping import scraped

pytestmark = pytest.mark.docker
ALERTS = ROOT / "docs" / "alerts.yml"
SETTINGS = """
schedule: {every: 300s, startup_wait: 20s, recovery: 120s, seed: 1}
targets: {shop: {state_file: STATE}}
scenarios: {crash: {}}
"""


@pytest.mark.parametrize(("command", "file"), [("check", "alerts.yml"), ("test", "alerts.test.yml")])
def test_promtool_finds_nothing_wrong(tmp_path: Path, command: str, file: str) -> None:
    tmp_path.chmod(0o755)  # promtool runs as nobody
    for source in (ALERTS, Path(__file__).with_name("alerts.test.yml")):
        shutil.copy(source, tmp_path)
    mount = ["--mount", f"type=bind,source={tmp_path},target=/rules,readonly", "--workdir", "/rules"]
    docker = ["docker", "run", "--rm", "--network", "none", "--entrypoint", "promtool", *mount, IMAGE]
    told = subprocess.run([*docker, command, "rules", file], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr


def test_every_rule_is_tried() -> None:
    names = set(re.findall(r"alert: (\w+)", ALERTS.read_text()))
    tried = Path(__file__).with_name("alerts.test.yml").read_text()
    fires = set(re.findall(r"alertname: (\w+)\n\s+exp_alerts:\n\s+- exp_labels", tried))
    assert fires == names


def asked(url: str, path: str) -> Any:
    with urllib.request.urlopen(f"{url}/api/v1/{path}", timeout=10) as answer:
        return json.loads(answer.read())["data"]


def value(url: str, query: str) -> float | None:
    found = asked(url, f"query?{urllib.parse.urlencode({'query': query})}")["result"]
    return float(found[0]["value"][1]) if found else None


def firing(url: str) -> set[str]:
    alerts = asked(url, "alerts")["alerts"]
    return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}


def test_a_real_prometheus_fires_when_the_engine_is_killed(tmp_path: Path) -> None:
    """The rules as they are, but for how long something must last."""
    place = Place(tmp_path)
    place.configure(SETTINGS)
    soon = re.sub(r"for: \d+[ms]", "for: 1s", ALERTS.read_text())
    with scraped(place) as (engine, metrics):
        metrics.shows(0, "fault_active", scenario="crash", target="shop")
        with prometheus(config({"chaos-engine": metrics.port}), soon) as url:
            until(lambda: value(url, 'up{job="chaos-engine"}') == 1, patience=60)
            until(lambda: value(url, "chaos_fault_active") == 0, patience=60)
            until(
                lambda: value(url, "increase(chaos_injections_total[1m])"), patience=60
            )  # the first is seen
            until(lambda: value(url, "chaos_fault_active") == 1, patience=60)
            until(lambda: asked(url, "rules")["groups"][0]["rules"][0]["health"] == "ok", patience=60)
            assert firing(url) == set()
            engine.stop(signal.SIGKILL)
            wanted = {"ChaosEngineDown", "ChaosEngineDiedWithFaultIn"}
            until(lambda: firing(url) >= wanted, patience=60)
            assert firing(url) == wanted
    place.call("clear", "--all")
