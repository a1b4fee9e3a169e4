"""The daemon's API: taken on before anything happens, ended after everything else."""

from __future__ import annotations

import errno
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chaos_engine.config import Settings
from chaos_engine.happenings import Listener
from chaos_engine.narration import Log
from chaos_engine.web.access import DEFAULT_LISTEN, LISTEN, TOKEN, Access
from chaos_engine.web.server import Server, bound
from chaos_engine.written import ConfigError

if TYPE_CHECKING:
    from chaos_engine.metrics import Metrics
    from chaos_engine.web.facts import Facts


@dataclass(slots=True)
class Served:
    """What the daemon tells its API: its settings, its signs of life, and (`listeners`) all that happens."""

    settings: Settings
    listeners: tuple[Listener, ...] = ()
    metrics: Metrics | None = None
    server: Server | None = None
    lives: bool = False

    def take(self, settings: Settings) -> Settings:
        """These are the settings from now on."""
        self.settings = settings
        if self.metrics is not None:
            self.metrics.expect(settings)
        return settings

    def lively(self, beat: Callable[[str], None]) -> Callable[[str], None]:
        """The sign of life, which the API hears of too: with the first one it begins to answer."""

        def beat_and_begin(doing: str) -> None:
            beat(doing)
            if self.server is not None and not self.lives:
                self.lives = True
                self.server.begin()

        return beat_and_begin


@contextmanager
def served(access: Access | None, data: Path, log: Log, settings: Settings) -> Iterator[Served]:
    """The API, if there is to be one, while the daemon runs. ConfigError: its address cannot be had."""
    listener = _listener(access, log) if access else None
    made = Served(settings)
    if access is None or listener is None:
        yield made
        return
    facts = _facts(access, data, made)
    made.listeners = (facts.ring,)
    made.server = Server(facts, listener, log)
    log.info(f"The API is at http://{_address(access, listener)}{_off(access)}", kind="api")
    try:
        yield made
    finally:
        made.server.stop()


def _facts(access: Access, data: Path, made: Served) -> Facts:
    from chaos_engine.metrics import Metrics  # noqa: PLC0415 - only where there is an API
    from chaos_engine.web.facts import Facts  # noqa: PLC0415
    from chaos_engine.web.readers import Readers  # noqa: PLC0415
    from chaos_engine.web.ring import Ring  # noqa: PLC0415

    made.metrics = Metrics(made.settings)
    return Facts(
        data=data,
        access=access,
        settings=lambda: made.settings,
        registry=made.metrics.registry,
        ring=Ring(secrets.token_hex(4)),
        reconciled=lambda: made.lives,
        reading=Readers(data, "reading"),
        asking=Readers(data, "asking"),
    )


def _listener(access: Access, log: Log) -> socket.socket | None:
    """A default that is taken is no reason not to run; an address that somebody chose is."""
    try:
        return bound(access)
    except OSError as error:
        taken = "is in use by another process" if error.errno == errno.EADDRINUSE else error.strerror
    if access.asked:
        raise ConfigError([f"environment {LISTEN}: {access.address} {taken}; allowed: a free one, or off"])
    log.warning(f"No API: {DEFAULT_LISTEN} {taken}; {LISTEN} names another address, or off", kind="api")
    return None


def _address(access: Access, listener: socket.socket) -> str:
    """With the port that it has: 0 asks for any."""
    host = access.address.rpartition(":")[0]
    return f"{host}:{listener.getsockname()[1]}"


def _off(access: Access) -> str:
    return "" if access.token else f"; changing is off without {TOKEN}"
