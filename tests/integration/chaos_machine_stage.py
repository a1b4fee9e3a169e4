"""A shop in the rehearsal for inputs of the Chaos Machine: metrics, alarms, templates, runs of inputs."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos_engine.journal import Journal
from tests.integration.aws_endpoint import ENVIRONMENT, NO_ALARM, REGION, Endpoint
from tests.integration.engine_process import Place, running, until
from tests.integration.prometheus_server import Exporter

PERIOD = 10  # seconds
AHEAD = 300.0  # seconds for which there are datapoints from the start: CloudWatch takes them two hours ahead
PATIENCE = 120.0
TO_END = 220.0  # the window ends at a full minute, and the original waits one more for its data
Input = dict[str, Any]


@dataclass(frozen=True)
class Ended:
    """A run of an input: its exit code, its result as the journal has it, what it said."""

    code: int
    result: dict[str, Any]
    said: str
    told: str  # by `history ID`

    @property
    def reason(self) -> str:
        return str(self.result["reason"])

    @property
    def original(self) -> str:
        """The verdict of the Chaos Machine, with `strict_compatibility`."""
        (details,) = (one for one in self.result["details"] if "chaos_machine" in one)
        return str(details["chaos_machine"])


@dataclass(frozen=True)
class Shop:
    """What a real Prometheus scrapes, and where that answers."""

    exporter: Exporter
    url: str


@dataclass(frozen=True)
class Stage:
    """One case: everything in it carries the case's name."""

    endpoint: Endpoint
    folder: Path
    name: str
    shop: Shop | None = None

    # --- what there is in AWS ---

    def errors(self, value: float, start: float, end: float) -> None:
        """So many errors in every period."""
        data = [self._datum(value, at) for at in range(int(start), int(end), PERIOD // 2)]
        self.endpoint.client("cloudwatch").put_metric_data(Namespace="Shop", MetricData=data)

    def calm(self) -> None:
        """One error in every period, until after the test."""
        self.errors(1.0, time.time() - 120.0, time.time() + AHEAD)

    def _datum(self, value: float, at: int) -> dict[str, Any]:
        return {
            "MetricName": "Errors", "Dimensions": self._dimensions(), "Value": value, "Timestamp": at,
            "StorageResolution": 1,
        }  # fmt: skip

    def _dimensions(self) -> list[dict[str, str]]:
        return [{"Name": "Case", "Value": self.name}]

    def metrics(self) -> list[Input]:
        """Good while there are at most five errors a period."""
        metric = {"Namespace": "Shop", "MetricName": "Errors", "Dimensions": self._dimensions()}
        return [
            {"Id": "m1", "MetricStat": {"Metric": metric, "Period": PERIOD, "Stat": "Maximum"}},
            {"Id": "e1", "Expression": "IF(m1 > 5, 0, 1)"},
        ]

    def orders(self, part: str, value: float | None) -> None:
        """So many orders in this part of the case's shop; None: nobody tells any more."""
        assert self.shop is not None
        series = f'orders{{case="{self.name}",part="{part}"}}'
        if value is None:
            self.shop.exporter.metrics.pop(series)
        else:
            self.shop.exporter.metrics[series] = value

    def of_prometheus(self) -> Input:
        """The key `prometheusUrl`, and a steady state: good while each part has more than ten orders."""
        assert self.shop is not None
        for part in ("a", "b"):
            self.orders(part, 50.0)
        # A server that has just begun scrapes for the first time seconds later.
        exporter, had = self.shop.exporter, self.shop.exporter.scrapes
        until(lambda: exporter.scrapes >= had + 2, PATIENCE, "a scrape of the orders")
        query, form = f'orders{{case="{self.name}"}}', {"metricFormat": "Prometheus", "step": "1s"}
        metrics = [{"Id": "m1", "query": query, **form}, {"Id": "e1", "query": f"{query} > bool 10", **form}]
        return {"prometheusUrl": self.shop.url, "steadyState": {"metrics": metrics}, "lookback": 10}

    def alarm(self, *states: str) -> str:
        """The case's alarm, in these states one after another; it has no data of its own."""
        client, name = self.endpoint.client("cloudwatch"), f"alarm-{self.name}"
        client.put_metric_alarm(
            AlarmName=name, Namespace="Shop", MetricName="None", Statistic="Sum", Period=PERIOD,
            EvaluationPeriods=1, Threshold=1.0, ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="ignore",
        )  # fmt: skip
        self.changes(*states)
        return name

    def changes(self, *states: str) -> None:
        for state in states:
            self.endpoint.client("cloudwatch").set_alarm_state(
                AlarmName=f"alarm-{self.name}", StateValue=state, StateReason=f"to {state}"
            )
            time.sleep(0.05)

    def waiting(self, duration: str) -> str:
        """A template that lets time pass, and does nothing."""
        return self._template({"actionId": "aws:fis:wait", "parameters": {"duration": duration}}, {})

    def missing_its_target(self) -> str:
        arn = f"arn:aws:ec2:{REGION}:123456789012:instance/i-0123456789abcdef0"
        found = {"resourceType": "aws:ec2:instance", "resourceArns": [arn], "selectionMode": "ALL"}
        action = {
            "actionId": "aws:ec2:stop-instances", "targets": {"Instances": "some"},
            "parameters": {"startInstancesAfterDuration": "PT1M"},
        }  # fmt: skip
        return self._template(action, {"some": found})

    def _template(self, action: Input, targets: Input) -> str:
        made = self.endpoint.client("fis").create_experiment_template(
            description=self.name, roleArn="arn:aws:iam::123456789012:role/fis", stopConditions=NO_ALARM,
            targets=targets, actions={"one": action},
        )  # fmt: skip
        return str(made["experimentTemplate"]["id"])

    def document(self, *steps: Input) -> str:
        content = {"schemaVersion": "0.3", "mainSteps": list(steps)}
        return self.endpoint.document(f"document-{self.name}", "Automation", content)

    # --- runs ---

    def run(
        self, given: Input, meanwhile: Callable[[], object] = lambda: None, more: Iterable[str] = ()
    ) -> Ended:
        """`chaos-engine run` of the input; `meanwhile` is done beside it."""
        place = Place(self.folder / self.name, dict(ENVIRONMENT))
        place.folder.mkdir()
        ours = {"aws": {"region": REGION, "endpoint": self.endpoint.url}, "wait": "2s", "lookback": 20}
        (place.folder / "input.json").write_text(json.dumps({"testId": self.name, **ours, **given}))
        with running(place, "run", "input.json", *more) as process:
            meanwhile()
            with suppress(subprocess.TimeoutExpired):
                process.popen.wait(TO_END)
            code = process.popen.poll()
            assert code is not None, f"it has not ended:\n{process.said}"
        history = place.call("history", "e1")
        return Ended(code, _result(place), process.said, history.stdout + history.stderr)

    def started(self, template: str) -> str:
        """The id of the template's experiment, once there is one."""
        listed = self.endpoint.client("fis").list_experiments
        found = until(lambda: listed(experimentTemplateId=template)["experiments"], PATIENCE, "a run")
        return str(found[0]["id"])

    def status(self, experiment: str) -> str:
        shown = self.endpoint.client("fis").get_experiment(id=experiment)
        return str(shown["experiment"]["state"]["status"])


def _result(place: Place) -> dict[str, Any]:
    journal = Journal(place.data)
    try:
        assert not journal.open_faults()
        (row,) = journal.history(5)
    finally:
        journal.close()
    found: dict[str, Any] = row["result"]
    return {**found, "verdict": row["verdict"]}
