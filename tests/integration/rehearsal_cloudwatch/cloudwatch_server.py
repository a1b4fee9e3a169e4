"""moto's server in a thread, with our CloudWatch in it and a clock that runs as fast as a test likes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import botocore.session
from moto.server import ThreadedMotoServer

from chaos_engine.rehearsal.cloudwatch import install
from tests.integration.moto_registry import kept

PROTOCOLS = ("json", "query")  # what boto3 speaks today, and what it spoke before


class Clock:
    """Unix seconds: the real ones, and those that were skipped."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def __call__(self) -> float:
        return time.time() + self.skipped

    def skip(self, seconds: float) -> None:
        self.skipped += seconds


@contextmanager
def served(clock: Clock) -> Iterator[str]:
    """The endpoint; alarms are looked at ten times a second."""
    with kept():
        yield from _serving(clock)


def _serving(clock: Clock) -> Iterator[str]:
    ticker, ended = install(clock), threading.Event()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()

    def tick() -> None:
        while not ended.wait(0.1):
            ticker.tick(clock())

    ticking = threading.Thread(target=tick)
    ticking.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        ended.set()
        ticking.join()
        server.stop()


def client(endpoint: str, protocol: str = "json", region: str = "eu-central-1") -> Any:
    """A client of botocore that speaks this protocol. Any credentials do."""
    session = botocore.session.get_session()
    session.set_credentials("any", "credentials")
    model = session.get_component("data_loader").load_service_model("cloudwatch", "service-2")
    model["metadata"] |= {"protocols": [protocol], "protocol": protocol}
    made = session.create_client("cloudwatch", region_name=region, endpoint_url=endpoint)
    assert made.meta.service_model.resolved_protocol == protocol
    return made
