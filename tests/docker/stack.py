"""The stack of docker-compose.yml under a project name of its own, and a customer of its shop."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

ROOT = Path(__file__).parents[2]
BUILD_PATIENCE = 420.0  # seconds; the packages come over the network
PATIENCE = 60.0

T = TypeVar("T")


class StackError(AssertionError):
    """A command failed, or something did not come about in time; the message has the output."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One request of a customer. `status` None: the connection broke, `body` says how."""

    at: float
    seconds: float
    status: int | None
    body: str


class Stack:
    """Up while the context lasts; nothing of it is left afterwards. `settings`: environment of `compose`."""

    def __init__(self, **settings: str) -> None:
        self.project = f"chaos-test-{os.getpid()}-{time.time_ns() % 100_000}"
        self._compose = ("docker", "compose", "--ansi", "never", "-p", self.project)
        self.ports = {name: free_port() for name in ("SHOP_PORT", "PROMETHEUS_PORT", "API_PORT")}
        # What the caller's shell has set is not what is tested.
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("CHAOS_", "COMPOSE_"))}
        self._environment = inherited | settings | {k: str(v) for k, v in self.ports.items()}
        self.up_since = 0.0

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.callback(self._down)
            self.compose("build", "--quiet", timeout=BUILD_PATIENCE)
            self.up_since = time.time()
            try:
                self.compose("up", "--detach", "--no-build", "--wait", timeout=180)
            except StackError as error:
                raise StackError(f"{error}\n{self.compose('logs', '--no-color', '--tail=12')}") from None
            undo.pop_all()
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._down()

    def _down(self) -> None:
        self.compose("down", "--volumes", "--remove-orphans", "--rmi=local", "--timeout=2", timeout=120)

    # --- commands ---

    def compose(self, *arguments: str, timeout: float = PATIENCE) -> str:
        """The output of `docker compose …`. StackError where it fails."""
        return self._run(*self._compose, *arguments, timeout=timeout)

    def cli(self, *arguments: str) -> str:
        """The output of `chaos-engine …` beside the daemon."""
        return self.compose("exec", "-T", "engine", "chaos-engine", *arguments)

    @contextmanager
    def started_cli(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """The same, while it runs."""
        with subprocess.Popen(
            [*self._compose, "exec", "-T", "engine", "chaos-engine", *arguments],
            cwd=ROOT, env=self._environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            try:
                yield process
            finally:
                process.kill()

    def inspect(self, service: str) -> Any:
        """What the Engine knows of the service's container."""
        container = self.compose("ps", "--all", "--quiet", service).strip()
        return json.loads(self._run("docker", "inspect", container))[0]

    def memory(self, service: str) -> float:
        """MiB in use."""
        container = self.inspect(service)["Id"]
        said = self._run("docker", "stats", "--no-stream", "--format", "{{.MemUsage}}", container)
        number = said.split("/")[0].strip()
        assert number.endswith("MiB"), said
        return float(number.removesuffix("MiB"))

    def _run(self, *command: str, timeout: float = PATIENCE) -> str:
        done = subprocess.run(
            command,
            cwd=ROOT, env=self._environment, text=True, capture_output=True, timeout=timeout, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise StackError(f"{' '.join(command)} exits {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    # --- what is seen ---

    def state(self) -> Mapping[str, Any]:
        """The failure state as the shop's volume has it; healthy where there is none yet."""
        # Asked of the shop, since the engine may be dead; and again, since the shop may be crashing.
        command = ("exec", "-T", "target-app", "sh", "-c", "cat /chaos/failure_state.json || true")
        text = until(lambda: self._said(*command), "the state file can be read", pause=0.1)
        return dict(json.loads(text.strip() or '{"mode": "healthy"}'))

    def _said(self, *arguments: str) -> str:
        try:
            return self.compose(*arguments) + "\n"
        except StackError:
            return ""

    def log(self, kind: str) -> list[dict[str, Any]]:
        """The engine's log lines of a kind, oldest first; wants CHAOS_LOG=json."""
        lines = self.compose("logs", "--no-color", "--no-log-prefix", "engine").splitlines()
        entries = (json.loads(line[line.index("{") :]) for line in lines if "{" in line)
        return [entry for entry in entries if entry["kind"] == kind]

    def get(self, path: str, timeout: float = 10.0) -> Answer:
        """One request to the shop, from outside."""
        at, started = time.time(), time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["SHOP_PORT"], timeout=timeout)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            response = connection.getresponse()
            status, body = response.status, response.read().decode()
        except (OSError, http.client.HTTPException) as error:
            status, body = None, repr(error)
        finally:
            connection.close()
        return Answer(at, time.monotonic() - started, status, body)

    @contextmanager
    def customer(self) -> Iterator[list[Answer]]:
        """Somebody who looks at the products again and again; what they got."""
        answers: list[Answer] = []
        left = threading.Event()

        def shop() -> None:
            while not left.wait(0.05):
                answers.append(self.get("/products"))

        thread = threading.Thread(target=shop)
        thread.start()
        try:
            yield answers
        finally:
            left.set()
            thread.join()


def free_port() -> int:
    """A port that nobody listens on. Not 0: it would change with each restart of the container."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def until(look: Callable[[], T], what: str, patience: float = PATIENCE, *, pause: float = 0.2) -> T:
    """The first truthy answer. StackError where there is none in time."""
    ends = time.monotonic() + patience
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > ends:
            raise StackError(f"{what}: not within {patience:g} s")
        time.sleep(pause)
