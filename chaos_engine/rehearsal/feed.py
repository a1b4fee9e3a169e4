"""An application's Prometheus metrics as CloudWatch's: what an agent beside it would send.

A counter is sent as what was counted since the last look, a histogram as its count and sum since then, a
gauge as it is. Each goes out with all its labels as dimensions, with each label alone, and with none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

Key = tuple[str, tuple[tuple[str, str], ...]]
COUNTED = frozenset({"counter", "histogram", "summary"})
MOST_DIMENSIONS = 30  # docs: AmazonCloudWatch/latest/APIReference/API_MetricDatum.html


@dataclass(slots=True)
class Feed:
    """Remembers what was counted at the last look."""

    _before: dict[Key, float] = field(default_factory=dict)

    def data(self, text: str, now: float) -> list[dict[str, Any]]:
        """`MetricData` as PutMetricData takes it. `text`: the exposition format; `now`: epoch seconds."""
        found: dict[Key, float] = {}
        for family in text_string_to_metric_families(text):
            for key, value in self._values(family):
                for rolled in _rolled(key):
                    found[rolled] = found.get(rolled, 0.0) + value
        return [_datum(key, value, now) for key, value in found.items()]

    def _values(self, family: Metric) -> Iterator[tuple[Key, float]]:
        for sample in family.samples:
            if not math.isfinite(sample.value) or _is_detail(sample):
                continue
            key = (sample.name, tuple(sorted(sample.labels.items())))
            if family.type not in COUNTED:
                yield key, sample.value
            elif key in self._before:  # the first look knows no difference
                yield key, _since(self._before[key], sample.value)
            self._before[key] = sample.value


def _is_detail(sample: Sample) -> bool:
    """Buckets, moments of creation and quantiles are no sum of anything."""
    return sample.name.endswith(("_bucket", "_created")) or "quantile" in sample.labels


def _since(before: float, now: float) -> float:
    """What was counted meanwhile; a counter that has begun anew counts from 0."""
    return now - before if now >= before else now


def _rolled(key: Key) -> Iterable[Key]:
    name, labels = key
    return dict.fromkeys([key, *((name, (label,)) for label in labels), (name, ())])


def _datum(key: Key, value: float, now: float) -> dict[str, Any]:
    name, labels = key
    dimensions: list[Mapping[str, str]] = [
        {"Name": label, "Value": value} for label, value in labels[:MOST_DIMENSIONS] if value
    ]
    datum = {"MetricName": name, "Dimensions": dimensions, "Timestamp": now, "Value": value}
    return datum | {"StorageResolution": 1}  # without it, every sample belongs to its whole minute
