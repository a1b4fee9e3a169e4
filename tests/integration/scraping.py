"""An engine whose metrics are served, and what a scrape of it says."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client.parser import text_string_to_metric_families

from tests.integration.engine_process import Place, Process, until
from tests.integration.prometheus_server import free_port

TOO_OFTEN = 429


class Scraped:
    """The engine's page of metrics."""

    def __init__(self, port: int) -> None:
        self.port = port

    def page(self) -> str:
        """The text; empty while nobody answers. Who asks too often is told to wait, and does."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            if error.code != TOO_OFTEN:
                raise
            time.sleep(float(error.headers["Retry-After"]))
            return self.page()
        except (urllib.error.URLError, OSError):
            return ""

    def value(self, name: str, **labels: str) -> float | None:
        """Of the one series with these labels (others may be there, too)."""
        for family in text_string_to_metric_families(self.page()):
            for sample in family.samples:
                if sample.name == f"chaos_{name}" and labels.items() <= sample.labels.items():
                    return float(sample.value)
        return None

    def shows(self, value: float, name: str, **labels: str) -> None:
        """Wait until it does."""
        until(lambda: self.value(name, **labels) == value, what=f"{name} {labels} {value}\n{self.page()}")


@contextmanager
def scraped(place: Place) -> Iterator[tuple[Process, Scraped]]:
    """The daemon of a place, which is gone in the end."""
    port = free_port()
    place.environment["CHAOS_API_LISTEN"] = f"127.0.0.1:{port}"
    process = place.start("run")
    try:
        yield process, Scraped(port)
    finally:
        process.close()
