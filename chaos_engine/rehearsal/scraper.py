"""Scrapes an application's Prometheus metrics and puts them into the rehearsal's CloudWatch."""

from __future__ import annotations

import http.client
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from chaos_engine.rehearsal.feed import Feed

TIMEOUT = 2.0  # seconds
SHORTEST = 1.0
MOST_DATA = 1000  # docs: AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
FAILURES = (OSError, http.client.HTTPException, ValueError, BotoCoreError, ClientError)
LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Scraper:
    """`every`: seconds. `cloudwatch`: a botocore client. ValueError: the URL is not an http:// one."""

    url: str
    every: float
    namespace: str
    cloudwatch: Any
    clock: Callable[[], float] = time.time
    _feed: Feed = field(default_factory=Feed)
    _failing: bool = False

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme != "http" or not parts.hostname or (parts.port or 80) <= 0:
            raise ValueError(f"{self.url!r} cannot be scraped; allowed: http://host:port/path")
        if self.every < SHORTEST:
            raise ValueError(f"every {self.every:g} s is too often; allowed: {SHORTEST:g} s and more")

    def run(self) -> NoReturn:
        """For ever. What fails is tried again at the next look."""
        while True:
            self.look()
            time.sleep(self.every)

    def look(self) -> None:
        """Scrape once. A failure is logged once, and so is its end."""
        try:
            self._put(self._feed.data(self._fetched(), self.clock()))
        except FAILURES as error:
            if not self._failing:
                LOG.warning("%s: %s; tried again every %g s", self.url, error or repr(error), self.every)
            self._failing = True
        else:
            if self._failing:
                LOG.warning("%s: scraped again", self.url)
            self._failing = False

    def _put(self, data: list[dict[str, Any]]) -> None:
        for start in range(0, len(data), MOST_DATA):
            self.cloudwatch.put_metric_data(
                Namespace=self.namespace, MetricData=data[start : start + MOST_DATA]
            )

    def _fetched(self) -> str:
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=TIMEOUT)
        try:
            connection.request("GET", f"{parts.path or '/'}{parts.query and '?' + parts.query}")
            answer = connection.getresponse()
            if answer.status != http.client.OK:
                raise ValueError(f"answers {answer.status}")
            return answer.read().decode()
        finally:
            connection.close()
