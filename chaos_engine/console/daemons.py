"""The daemon that an operator speaks to: on this machine through its journal, elsewhere through its API."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Protocol

from chaos_engine.commands import WHO
from chaos_engine.console import records
from chaos_engine.console.remote import Remote
from chaos_engine.journal import Journal


class Daemon(Protocol):
    """What following an experiment needs. `poll`: seconds between looks."""

    poll: float

    def inject(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """The experiment's id, or why it is refused for now."""
        ...

    def find(self, id_: str) -> dict[str, Any] | None:
        """The experiment; None: it is not there yet."""
        ...

    def clear(self) -> None:
        """Have everything cleared."""
        ...

    def runs(self) -> bool:
        """Whether it is still there."""
        ...


class Here:
    """Holds the data folder of this machine."""

    poll = records.POLL

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def inject(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Daemon`."""
        return records.ask("inject", arguments)

    def find(self, id_: str) -> dict[str, Any] | None:
        """See `Daemon`."""
        return self._journal.find(id_)

    def clear(self) -> None:
        """See `Daemon`."""
        self._journal.post("clear", {WHO: records.who()}, time.time())

    def runs(self) -> bool:
        """See `Daemon`."""
        return records.daemon_runs()


class Elsewhere:
    """Answers at a URL; it may fall silent for a moment while it is followed."""

    poll = 0.5

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def inject(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Daemon`."""
        return self._remote.post("inject", {**arguments, WHO: records.who()}, refusals=True)

    def find(self, id_: str) -> dict[str, Any] | None:
        """See `Daemon`."""
        return self._remote.find(id_)

    def clear(self) -> None:
        """See `Daemon`."""
        self._remote.post("clear", {WHO: records.who()})

    def runs(self) -> bool:
        """Where it did not, asking would have failed."""
        return True
