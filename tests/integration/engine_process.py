"""The engine as a process of its own in a folder of its own, and a small service that it can hurt."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PATIENCE = 20.0


def until(look: Callable[[], Any], patience: float = PATIENCE, what: str = "") -> Any:
    """What `look` finds, as soon as it finds something."""
    ends = time.monotonic() + patience
    while not (found := look()):
        assert time.monotonic() < ends, f"not within {patience:g} s: {what or look}"
        time.sleep(0.02)
    return found


@dataclass
class Place:
    """A folder with settings, a state file and a data folder."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def state_file(self) -> Path:
        return self.folder / "app" / "state.json"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def mode(self) -> str:
        """What the target reads; a missing file is healthy."""
        if not self.state_file.exists():
            return "healthy"
        return str(json.loads(self.state_file.read_text())["mode"])

    def configure(self, text: str, name: str = "chaos.yml") -> Path:
        """Write a settings file; STATE in it is the state file."""
        self.state_file.parent.mkdir(exist_ok=True)
        file = self.folder / name
        file.write_text(text.replace("STATE", str(self.state_file)))
        return file

    def start(self, *arguments: str, **more: Any) -> Process:
        return Process(self, arguments or ("run",), **more)

    def call(self, *arguments: str, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "chaos_engine", *arguments], cwd=self.folder, env=self.env,
            capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip

    @property
    def env(self) -> dict[str, str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("CHAOS_", "PROMETHEUS", "FAILURE"))}
        return {
            **clean, "PYTHONPATH": str(ROOT), "CHAOS_DATA_DIR": str(self.data), "PYTHONUNBUFFERED": "1",
            "CHAOS_API_LISTEN": "off",  # many engines run side by side; who wants it says where
            **self.environment,
        }  # fmt: skip


class Process:
    """One running command; what it says on stderr is kept line by line."""

    def __init__(self, place: Place, arguments: tuple[str, ...], program: tuple[str, ...] = ()) -> None:
        self.lines: list[str] = []
        command = [sys.executable, *(program or ("-m", "chaos_engine")), *arguments]
        self.popen = subprocess.Popen(
            command,
            cwd=place.folder,
            env=place.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stderr is not None
        self.lines.extend(iter(self.popen.stderr.readline, ""))  # grows while it is read

    @property
    def said(self) -> str:
        return "".join(self.lines)

    def says(self, words: str, patience: float = PATIENCE) -> None:
        """Wait for it."""
        ends = time.monotonic() + patience
        while words not in self.said:
            assert time.monotonic() < ends, f"{words!r} was not said within {patience:g} s:\n{self.said}"
            assert self.popen.poll() is None or words in self.rest(), f"it ended:\n{self.said}"
            time.sleep(0.02)

    def rest(self) -> str:
        """All it has said, once it has ended."""
        self.popen.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return self.said

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Send the signal; the exit code, and how many seconds it took."""
        began = time.monotonic()
        self.popen.send_signal(number)
        code = self.popen.wait(PATIENCE)
        took = time.monotonic() - began
        self.rest()
        return code, took

    def close(self) -> None:
        if self.popen.poll() is None:
            self.popen.kill()
        self.rest()
        assert self.popen.stdout is not None
        assert self.popen.stderr is not None
        self.popen.stdout.close()
        self.popen.stderr.close()


@contextmanager
def running(place: Place, *arguments: str, **more: Any) -> Iterator[Process]:
    """A process that is gone in the end, whatever happens."""
    process = place.start(*arguments, **more)
    try:
        yield process
    finally:
        process.close()


class Service(ThreadingHTTPServer):
    """Does what its state file says. `sticky`: stays broken once it was; `deaf`: feels nothing.

    `/hang` never answers.
    """

    daemon_threads = True

    def __init__(self, state_file: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state_file = state_file
        self.sticky = self.deaf = self.broken = False
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def state(self) -> dict[str, Any]:
        try:
            state = json.loads(self.state_file.read_text())
        except (OSError, ValueError):
            return {}
        live = state.get("expires_at") is None or state["expires_at"] > time.time()
        return state if live and isinstance(state, dict) else {}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is none of ours."""


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        if self.path.startswith("/hang"):
            self.server.over.wait(60)
            return
        state = {} if self.server.deaf else self.server.state()
        mode = state.get("mode", "healthy")
        self.server.broken = (self.server.broken and self.server.sticky) or mode in ("crash", "config_error")
        if mode == "slow":
            self.server.over.wait(min(float(state["delay"]), 60))
        self.send_response(500 if self.server.broken else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *arguments: Any) -> None:
        """Quiet."""


@contextmanager
def serving(state_file: Path) -> Iterator[Service]:
    service = Service(state_file)
    thread = threading.Thread(target=service.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield service
    finally:
        service.over.set()
        service.shutdown()
        service.server_close()
        thread.join()
