"""The daemon of the `chaos.yml` here, with its metrics on a port of loopback, which is its argument."""

from __future__ import annotations

import os
import sys

from prometheus_client import start_http_server

import engine
from chaos_engine.config import load_settings
from chaos_engine.console.log import log_of_environment
from chaos_engine.console.run import ready, workplace
from chaos_engine.metrics import Metrics
from chaos_engine.surroundings import of_this_machine


def main(port: int) -> None:
    settings, log = ready(load_settings(None, os.environ)), log_of_environment()
    metrics = Metrics(settings)
    with workplace(log) as place:
        start_http_server(port, "127.0.0.1", metrics.registry)
        outside = of_this_machine(place.data, place.journal, log, place.inbox, metrics=metrics)
        engine.main(settings, outside, 1)


if __name__ == "__main__":
    main(int(sys.argv[1]))
