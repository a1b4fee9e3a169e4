"""A child process that is started again when it dies, as a restart policy would."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

PAUSE = 0.2  # seconds between a death and the next start
GRACE = 3.0  # seconds between the request to end and the end by force


class Child:
    """Runs until `stop`. What it prints goes to the file `log`."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.restarts = 0
        self._command = list(command)
        self._environment = {**os.environ, **environment}
        self._log = log
        self._stopping = threading.Event()
        self._process = self._start()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def stop(self) -> None:
        """End it and what it started; returns when it is gone."""
        self._stopping.set()
        self._keeper.join()
        _signal(self._process, signal.SIGTERM)
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            _signal(self._process, signal.SIGKILL)
            self._process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as out:
            return subprocess.Popen(  # noqa: S603 - the caller's own program
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,  # Ctrl-C is for the engine, which ends it in order
            )

    def _keep(self) -> None:
        while not self._stopping.wait(0.05):
            if self._process.poll() is not None:
                self._stopping.wait(PAUSE)
                self.restarts += 1
                self._process = self._start()


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str, patience: float) -> bool:
    """Whether the URL answers within so many seconds."""
    ends = time.monotonic() + patience
    while time.monotonic() < ends:
        try:
            with urllib.request.urlopen(url, timeout=1.0):  # noqa: S310 - on loopback
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    return False


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """To the whole group, so that workers go too."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return
