"""The function of `examples/serverless` in a rehearsal with its seed, and what its demos do to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tests.integration.aws_endpoint import ENVIRONMENT, REGION, Endpoint
from tests.integration.engine_process import ROOT, Place, until
from tests.integration.rehearsal_fis.rehearsal_server import serving
from tests.integration.rehearsed_functions import settings

EXAMPLES = ROOT / "examples" / "serverless"
BEFORE: dict[str, Any] = {
    "handler": "app.handler", "variables": {"TABLE": "orders"}, "layers": [], "reserved": None, "tags": {},
}  # fmt: skip
PARAMETER = "/orders/chaos"
PATIENCE = 120.0
LAYER = f"arn:aws:lambda:{REGION}:123456789012:layer:chaos-"
VARIABLES = {
    "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap", "CHAOS_EXTENSION__LAMBDA__ENABLE_LATENCY": "true",
    "CHAOS_EXTENSION__LAMBDA__LATENCY_VALUE": "5", "CHAOS_EXTENSION__LAMBDA__LATENCY_PROBABILITY": "0.5",
}  # fmt: skip
HURT: dict[str, dict[str, Any]] = {
    "concurrency": {"reserved": 0},
    "handler": {"handler": "chaos_handler.handler"},
    "latency": {"layers": [f"{LAYER}extension:1"], "variables": {"TABLE": "orders", **VARIABLES}},
}


@dataclass
class Stage:
    """The example's function in the rehearsal, and a folder to run in."""

    endpoint: Endpoint
    place: Place

    def state(self) -> dict[str, Any]:
        return settings(self.endpoint, "orders")

    def parameter(self) -> str:
        found = self.endpoint.client("ssm").get_parameter(Name=PARAMETER)
        return str(found["Parameter"]["Value"])

    def is_hurt(self, name: str) -> bool:
        state = self.state()
        return all(state[key] == value for key, value in HURT[name].items())

    def alarm(self, state: str, name: str = "OrdersFailing") -> None:
        """It fires, or not; its own data would put it right ten seconds later."""
        self.endpoint.client("cloudwatch").set_alarm_state(
            AlarmName=name, StateValue=state, StateReason="the test says so"
        )

    @contextmanager
    def firing(self, name: str = "OrdersFailing") -> Iterator[None]:
        """It fires, whatever its data say, until the end."""
        over = threading.Event()

        def fire() -> None:
            while not over.wait(0.2):
                self.alarm("ALARM", name)

        self.alarm("ALARM", name)
        thread = threading.Thread(target=fire, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self.alarm("OK", name)

    def is_over(self) -> bool:
        """The alarm has no data, and would be quiet again soon: it fires until somebody has heard it."""
        self.alarm("ALARM")
        return self.state() == BEFORE


S = TypeVar("S", bound=Stage)


@contextmanager
def seeded_endpoint() -> Iterator[Endpoint]:
    with serving("--seed", str(EXAMPLES / "seed.yml")) as (_, url):
        yield Endpoint(url)


@contextmanager
def staged(kind: type[S], seeded: Endpoint, folder: Path) -> Iterator[S]:
    """All is quiet, and in the end as it was before."""
    made = kind(seeded, Place(folder, {**ENVIRONMENT, "AWS_ENDPOINT_URL": seeded.url}))
    for name in ("OrdersFailing", "OrdersLost"):
        made.alarm("OK", name)
    alarms = seeded.client("cloudwatch").describe_alarms
    until(lambda: {each["StateValue"] for each in alarms()["MetricAlarms"]} == {"OK"}, PATIENCE, "alarms")
    yield made
    assert made.state() == BEFORE
    assert '"is_enabled": false' in made.parameter()
