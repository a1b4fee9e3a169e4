"""Nothing is injected while an alert fires, asked of a real Prometheus; nor where it cannot be asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.engine_process import Place, until
from tests.integration.prometheus_server import Exporter, config, free_port, prometheus

pytestmark = pytest.mark.docker
SETTINGS = """
schedule: {every: 900s, startup_wait: 900s, recovery: 300ms, min_interval: 0s}
prometheus_url: URL
targets: {shop: {state_file: STATE}}
guardrails: {not_while: {alerts: ALERTS}}
"""
RULES = """
groups:
- name: shop
  interval: 500ms
  rules:
  - {alert: ShopDown, expr: shop_down == 1}
  - {alert: ShopSlow, expr: shop_slow == 1}
"""
INJECT = ("inject", "slowdown", "--target", "shop", "--now", "--for", "300ms")


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Exporter, str]]:
    exporter = Exporter()
    try:
        with prometheus(config({"shop": exporter.port}), RULES) as url:
            yield exporter, url
    finally:
        exporter.close()


def configured(place: Place, url: str, alerts: str = "any") -> Place:
    place.configure(SETTINGS.replace("URL", url).replace("ALERTS", alerts))
    return place


def test_an_alert_that_fires_refuses_and_one_that_does_not_lets_through(
    tmp_path: Path, served: tuple[Exporter, str]
) -> None:
    exporter, url = served
    place = configured(Place(tmp_path), url)
    exporter.metrics |= {"shop_down": 0, "shop_slow": 0}
    until(lambda: place.call(*INJECT).returncode == 0, 60, "an injection while nothing fires")
    exporter.metrics["shop_down"] = 1
    until(lambda: place.call(*INJECT).returncode == 4, 60, "a refusal while it fires")
    refused = place.call(*INJECT)
    assert "ShopDown" in refused.stderr
    assert "alert_fires" in refused.stderr
    assert configured(place, url, "[ShopSlow]").call(*INJECT).returncode == 0  # of another alert


def test_a_name_that_no_rule_has_and_a_server_that_is_gone_refuse_too(
    tmp_path: Path, served: tuple[Exporter, str]
) -> None:
    place = configured(Place(tmp_path), served[1], "[ShopDwn]")
    unknown = place.call(*INJECT)
    assert unknown.returncode == 4
    assert "ShopDwn" in unknown.stderr
    gone = configured(place, f"http://127.0.0.1:{free_port()}").call(*INJECT)
    assert gone.returncode == 4
    assert "alert_fires" in gone.stderr
    assert place.mode == "healthy"
