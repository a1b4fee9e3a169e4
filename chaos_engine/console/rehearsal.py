"""`rehearsal`: AWS on this machine, until it is ended."""

from __future__ import annotations

import logging
import os
import signal
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from chaos_engine import durations
from chaos_engine.written import ConfigError

if TYPE_CHECKING:
    from chaos_engine.rehearsal.scraper import Scraper

NEEDED = ("moto", "flask", "flask_cors", "boto3")
ACCOUNT = "123456789012"  # moto's


@dataclass(frozen=True, slots=True)
class Play:
    """What is there from the start (`seed`), and whose metrics go where (`scrape`, `every`, `namespace`)."""

    region: str
    seed: Path | None = None
    scrape: str | None = None
    every: str = "5s"
    namespace: str = "Shop"


def run(host: str, port: int, play: Play) -> int:
    """Serve until SIGTERM or SIGINT. ConfigError: something is missing or not right, or the port is taken."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    if missing := [name for name in NEEDED if not find_spec(name)]:
        raise ConfigError([f"the rehearsal needs {', '.join(missing)}: install chaos-engine[rehearsal]"])
    from chaos_engine.rehearsal.server import Rehearsal  # noqa: PLC0415 - moto is an extra, and takes a second

    logging.basicConfig(format="%(message)s")
    scraper = _scraper(play)
    try:
        rehearsal = Rehearsal(host, port)
    except OSError as error:
        raise ConfigError([f"cannot listen on {host} port {port}: {error.strerror or error}"]) from None
    _seed(play)
    if scraper:
        rehearsal.scrape(scraper)
    url = f"http://{f'[{host}]' if ':' in host else host}:{rehearsal.port}"
    click.echo(f"AWS is rehearsed at {url}: AWS_ENDPOINT_URL={url}, any region, any credentials.")
    rehearsal.serve()
    return 0


def _seed(play: Play) -> None:
    """After the services hooked themselves in, before anybody is answered."""
    from chaos_engine.rehearsal import calls, seed  # noqa: PLC0415

    if play.seed is None:
        return
    try:
        sown = seed.read(play.seed.read_text(encoding="utf-8"))
        seed.sow(sown, lambda service: calls.client(service, play.region, ACCOUNT))
    except seed.SeedError as error:
        raise ConfigError([f"{play.seed}: {error}"]) from None


def _scraper(play: Play) -> Scraper | None:
    from chaos_engine.rehearsal import calls, scraper  # noqa: PLC0415

    if play.scrape is None:
        return None
    try:
        every = durations.parse(play.every)
        cloudwatch = calls.client("cloudwatch", play.region, ACCOUNT)
        return scraper.Scraper(play.scrape, every, play.namespace, cloudwatch)
    except ValueError as error:
        raise ConfigError([f"--scrape, --every: {error}"]) from None


def _leave(number: int, frame: FrameType | None) -> None:
    """At once: all state is in memory, and meant to be forgotten."""
    del number, frame
    os._exit(0)
