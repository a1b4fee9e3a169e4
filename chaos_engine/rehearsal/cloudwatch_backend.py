"""moto's CloudWatch backend with our metrics and alarms in it: one for each account and region."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from moto.cloudwatch import urls
from moto.cloudwatch.models import CloudWatchBackend, MetricDatumBase
from moto.cloudwatch.utils import make_arn_for_alarm
from moto.core.common_models import CloudWatchMetricProvider

from chaos_engine.rehearsal.alarm_book import AlarmBook
from chaos_engine.rehearsal.alarm_model import Alarm
from chaos_engine.rehearsal.cloudwatch_alarms import put_metric_alarm
from chaos_engine.rehearsal.cloudwatch_requests import check_numbers, metric_data, metric_statistics, seconds
from chaos_engine.rehearsal.cloudwatch_samples import Metric, Samples


class RehearsedCloudWatch(CloudWatchBackend):
    """Keeps its own samples and alarms. Requests, ticks and resets take the one `lock`."""

    clock: Callable[[], float]  # set by install()
    lock = threading.RLock()

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.samples = Samples()
        self.book = AlarmBook()
        self.alarms = self.book.alarms  # type: ignore[assignment]  # moto's tags look there

    def reset(self) -> None:
        """Forgets everything, between two requests."""
        with self.lock:
            super().reset()

    @property
    def _url_module(self) -> Any:  # moto looks beside the module of the class, which is ours
        return urls

    def put_metric_data(self, namespace: str, metric_data: list[dict[str, Any]]) -> None:
        """Also what moto's other services publish."""
        for place, datum in enumerate(metric_data, 1):
            self._validate_parameters_put_metric_data(datum, place)
            check_numbers(datum, f"MetricData.member.{place}")
        now = type(self).clock()
        with self.lock:
            for datum in metric_data:
                at = datum.get("Timestamp")
                metric = Metric.of(namespace, datum["MetricName"], datum.get("Dimensions"))
                self.samples.add(metric, datum, seconds(at) if at else now)

    def get_all_metrics(self) -> list[MetricDatumBase]:
        """What ListMetrics lists: each metric once."""
        return [_listed(metric) for metric in self.everything()]

    def get_filtered_metrics(
        self, metric_name: str, namespace: str, dimensions: list[dict[str, str]]
    ) -> list[MetricDatumBase]:
        """As moto does, which compares each with each; ours are each there once."""
        return [each for each in self.get_all_metrics() if each.filter(namespace, metric_name, dimensions)]

    def everything(self) -> Samples:
        """What was published, and what moto's services measure of themselves at the moment they are asked."""
        measured = self._measured()
        if not measured:
            return self.samples
        both = self.samples.copy()
        for datum in measured:
            dimensions = [{"Name": each.name, "Value": each.value} for each in datum.dimensions]
            metric = Metric.of(datum.namespace, datum.name, dimensions)
            both.add(metric, {"Value": datum.value, "Unit": datum.unit}, seconds(datum.timestamp))
        return both

    def data(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer of GetMetricData."""
        return metric_data(request, self.everything(), type(self).clock())

    def statistics(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer of GetMetricStatistics."""
        return metric_statistics(request, self.everything(), type(self).clock())

    def tick(self, now: float) -> None:
        """Alarms that are due are evaluated; samples grow old."""
        with self.lock:
            self.samples.age(now)
            self.book.tick(self.everything, now)

    def arn_of(self, alarm: str) -> str:
        """The ARN of the alarm of that name."""
        return make_arn_for_alarm(self.region_name, self.account_id, alarm)

    def tag(self, alarm: Alarm, tags: list[dict[str, str]] | None) -> None:
        """Tags that were given with a new alarm."""
        if tags:
            self.tagger.tag_resource(alarm.alarm_arn, tags)

    def put_metric_alarm(self, name: str, **given: Any) -> Any:  # type: ignore[override]
        """What moto's other services put: target tracking of Application Auto Scaling."""
        request = {"AlarmName": name} | {
            _WORDS.get(key, _camel(key)): value for key, value in given.items() if value
        }
        with self.lock:
            return put_metric_alarm(self.book, request, self.arn_of, type(self).clock())

    def delete_alarms(self, alarm_names: list[str]) -> None:
        """What moto's other services delete."""
        with self.lock:
            self.book.delete(alarm_names, type(self).clock())

    def _measured(self) -> Sequence[Any]:
        providers = CloudWatchMetricProvider.__subclasses__()
        found = (each.get_cloudwatch_metrics(self.account_id, region=self.region_name) for each in providers)
        return [datum for data in found for datum in data]


_WORDS = {"description": "AlarmDescription"}  # the others are the API's own in another spelling


def _camel(words: str) -> str:
    return "".join(word.capitalize() for word in words.split("_"))


def _listed(metric: Metric) -> MetricDatumBase:
    dimensions = [{"Name": name, "Value": value} for name, value in metric.dimensions]
    return MetricDatumBase(metric.namespace, metric.name, dimensions, None)
