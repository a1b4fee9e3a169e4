"""Waiting for an experiment of the daemon; and which one is meant where none is named."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from chaoslib.exceptions import ActivityFailed

from chaosengine.daemon import BUSY, MISSING, Daemon, Refused

POLL = 0.25  # seconds; the daemon answers 20 a second
_begun: dict[str, str] = {}  # by the daemon's URL: what this process had it begin last

Row = dict[str, Any]


def remember(daemon: Daemon, id_: str) -> None:
    """It is the last one now."""
    _begun[daemon.url] = id_


def last(daemon: Daemon, scenario: str, target: str) -> str:
    """The id of what this process began last; else of the daemon's newest.

    With a scenario or a target: of the newest of these.
    """
    if not scenario and not target and daemon.url in _begun:
        return _begun[daemon.url]
    found = daemon.get("history", limit=1, scenario=scenario or None, target=target or None)["experiments"]
    if not found:
        of = "".join(f" {word} {name}" for word, name in (("of", scenario), ("on", target)) if name)
        raise ActivityFailed(f"the chaos engine at {daemon.url} has no experiment{of} yet")
    return str(found[0]["id"])


def followed(daemon: Daemon, id_: str, done: Callable[[Row], bool], timeout: float, what: str) -> Row:
    """The experiment, as soon as that is so. ActivityFailed: it is not within `timeout` seconds."""
    ends = time.monotonic() + float(timeout)
    phase = "it is not known yet"
    while True:
        row = _row(daemon, id_)
        if row is not None and done(row):
            return row
        phase = f"its phase is {row['phase']}" if row else phase
        if time.monotonic() > ends:
            raise ActivityFailed(f"experiment {id_} {what} within {float(timeout):g} s; {phase}")
        time.sleep(POLL)


def _row(daemon: Daemon, id_: str) -> Row | None:
    """None: it is not in the journal yet, or too much is asked of the daemon at the moment."""
    try:
        return daemon.experiment(id_)
    except Refused as refused:
        if refused.status not in (MISSING, BUSY):
            raise
        return None
