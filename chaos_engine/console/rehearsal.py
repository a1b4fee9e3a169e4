"""`rehearsal`: AWS on this machine, until it is ended."""

from __future__ import annotations

import os
import signal
from importlib.util import find_spec
from types import FrameType

import click

from chaos_engine.written import ConfigError

NEEDED = ("moto", "flask", "flask_cors", "boto3")


def run(host: str, port: int) -> int:
    """Serve until SIGTERM or SIGINT. ConfigError: something is not installed, or the port is taken."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    if missing := [name for name in NEEDED if not find_spec(name)]:
        raise ConfigError([f"the rehearsal needs {', '.join(missing)}: install chaos-engine[rehearsal]"])
    from chaos_engine.rehearsal.server import Rehearsal  # noqa: PLC0415 - moto is an extra, and takes a second

    try:
        rehearsal = Rehearsal(host, port)
    except OSError as error:
        raise ConfigError([f"cannot listen on {host} port {port}: {error.strerror or error}"]) from None
    url = f"http://{f'[{host}]' if ':' in host else host}:{rehearsal.port}"
    click.echo(f"AWS is rehearsed at {url}: AWS_ENDPOINT_URL={url}, any region, any credentials.")
    rehearsal.serve()
    return 0


def _leave(number: int, frame: FrameType | None) -> None:
    """At once: all state is in memory, and meant to be forgotten."""
    del number, frame
    os._exit(0)
