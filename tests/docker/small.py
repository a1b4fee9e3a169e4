"""A small Compose project to hurt: `web` (an HTTP server) and `client`, of plain Python; and our image."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest

from chaos_engine.adapters.clock import SystemClock
from chaos_engine.adapters.docker_engine import DockerEngine
from chaos_engine.adapters.state_file import StateFiles
from chaos_engine.containers import Selector
from chaos_engine.model import Fault, Target
from chaos_engine.ports import World
from scenarios.base import Scenario
from scenarios.registry import load

ROOT = Path(__file__).parents[2]
ENVIRONMENT = dict(os.environ)  # as it is outside: a test may put a proxy before the engine
IMAGE = os.environ.get("CHAOS_TEST_IMAGE", "chaos-engine:test")
COMPOSE = """
services:
  web:
    image: python:3.13-slim
    command: [python, -u, -m, http.server, "8000", --directory, /tmp]
    restart: unless-stopped
    stop_grace_period: 1s
    init: false
  client:
    image: python:3.13-slim
    command: [sleep, infinity]
    init: true
    stop_grace_period: 1s
"""


@cache
def image() -> str:
    """The engine's image, built once a session."""
    command = ["docker", "build", "--quiet", "--tag", IMAGE, "."]
    subprocess.run(command, cwd=ROOT, check=True, timeout=420, env=ENVIRONMENT)
    return IMAGE


def docker(*arguments: str, timeout: float = 60.0) -> str:
    """The output of `docker …`."""
    done = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, timeout=timeout, check=False, env=ENVIRONMENT
    )
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout


@dataclass(frozen=True, slots=True)
class Project:
    """It is up."""

    name: str
    file: Path

    def compose(self, *arguments: str) -> str:
        """The output of `docker compose …`."""
        return docker("compose", "--ansi", "never", "-p", self.name, "-f", str(self.file), *arguments)

    def container(self, service: str) -> str:
        """The name of its first container."""
        return f"{self.name}-{service}-1"

    def inspect(self, service: str) -> dict[str, Any]:
        """What the Engine knows of it."""
        return dict(json.loads(docker("inspect", self.container(service)))[0])

    def ask(self, host: str = "web", port: int = 8000, timeout: float = 2.0) -> tuple[str, float]:
        """What a client of the service sees: the status or the error's name, and seconds."""
        code = (
            "import sys,time,urllib.request as r;t=time.monotonic()\n"
            f"try: s=str(r.urlopen('http://{host}:{port}/',timeout={timeout}).status)\n"
            "except Exception as e: s=type(getattr(e,'reason',e)).__name__\n"
            "print(s,time.monotonic()-t)"
        )
        status, took = self.compose("exec", "-T", "client", "python", "-c", code).split()
        return status, float(took)

    def target(self, service: str = "web", **how: Any) -> Target:
        """One of its services."""
        return Target(service, containers=Selector(service=service, project=self.name, **how))


@contextmanager
def project(text: str = COMPOSE, folder: Path = Path("/tmp")) -> Iterator[Project]:
    """Up while the context lasts; nothing of it is left afterwards."""
    name = f"chaos-small-{os.getpid()}-{time.time_ns() % 100_000}"
    file = folder / f"{name}.yml"
    file.write_text(text)
    made = Project(name, file)
    try:
        made.compose("up", "--detach", "--wait")
        yield made
    finally:
        made.compose("down", "--volumes", "--remove-orphans", "--timeout=1")
        file.unlink()


def world() -> World:
    """The real one, with helpers of our image."""
    clock = SystemClock()
    return World(StateFiles(), clock, wait=clock.wait, containers=DockerEngine(image()))


@dataclass(slots=True)
class Hurt:
    """A scenario that hurts a target by hand, step by step, as the engine does."""

    scenario: Scenario
    world: World
    fault: Fault

    def inject(self) -> None:
        """Do it."""
        self.scenario.inject(self.fault, self.world)

    def clear(self) -> None:
        """Undo it."""
        self.scenario.clear(self.fault, self.world)

    def observe(self) -> Any:
        """Look."""
        return self.scenario.observe(self.fault, self.world)


scenarios = cache(load)


def prepared(
    name: str,
    target: Target,
    parameters: Mapping[str, Any] | None = None,
    hold: float = 30.0,
    there: World | None = None,
) -> Hurt:
    """The fault, prepared and not yet injected."""
    scenario, there = scenarios()[name], there or world()
    wanted = scenario.parameters.model_validate(dict(parameters or {}))
    made = scenario.prepare(target, wanted, Random(1), there)
    now = there.clock.now()
    fault = Fault(
        id=f"e{time.time_ns() % 10_000_000}-0", experiment="e1", scenario=name, target=target,
        parameters=made.parameters, undo=made.undo, resources=made.resources, owner="0123456789abcdef",
        epoch=1, armed_at=now, deadline=now.plus(hold),
    )  # fmt: skip
    return Hurt(scenario, there, fault)


@contextmanager
def hurting(
    name: str, target: Target, parameters: Mapping[str, Any] | None = None, hold: float = 30.0
) -> Iterator[Hurt]:
    """In while the context lasts; cleared in any case, and no helper is left."""
    hurt = prepared(name, target, parameters, hold)
    try:
        hurt.inject()
        yield hurt
    finally:
        hurt.clear()
        none_left(hurt.fault.id)


def helpers(fault: str) -> list[str]:
    """Helper containers of a fault, running or not."""
    return docker("ps", "--all", "--quiet", "--filter", f"label=chaos-engine.fault={fault}").split()


def none_left(fault: str) -> None:
    """No helper of it; one that carries connections to their end may take some seconds for that."""
    ends = time.monotonic() + 12
    while found := helpers(fault):
        assert time.monotonic() < ends, found
        time.sleep(0.1)


def comparable(inspection: Mapping[str, Any]) -> dict[str, Any]:
    """An inspection less ids, times and given addresses."""
    state = {
        k: v
        for k, v in inspection["State"].items()
        if k in ("Status", "Running", "Paused", "OOMKilled", "Dead")
    }
    networks = {
        name: {
            k: sorted(v) if isinstance(v, list) else v
            for k, v in network.items()
            if k in ("Aliases", "IPAMConfig", "Links", "DriverOpts")
        }
        for name, network in inspection["NetworkSettings"]["Networks"].items()
    }
    kept = {k: inspection[k] for k in ("Name", "Image", "Path", "Args", "HostConfig", "Config")}
    # They come in any order.
    mounts = sorted(inspection["Mounts"], key=lambda mount: str(mount["Destination"]))
    return {**kept, "Mounts": mounts, "State": state, "Networks": networks}


def rules_of(container: str) -> str:
    """What the kernel filters, shapes and limits there, less its counters and the Engine's own."""
    said = docker(
        "run", "--rm", "--network", f"container:{container}", "--user=0", "--cap-drop=ALL",
        "--cap-add=NET_ADMIN", "--cap-add=NET_RAW", "--entrypoint=sh", image(), "-c",
        # Rules of both kinds act, and each program shows those of its own kind alone.
        "for i in iptables-legacy iptables-nft ip6tables-legacy ip6tables-nft; do "
        "for t in filter mangle nat; do $i -t $t -S 2>/dev/null | grep -e -[AN]; done; done; tc qdisc show",
    )  # fmt: skip
    kept = (line for line in said.splitlines() if "DOCKER" not in line and "127.0.0.11" not in line)
    return re.sub(r"\beth\d+\b", "eth", "\n".join(kept))  # a network joined again has another number


@contextmanager
def proxied(folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Path]:
    """What talks to Docker in this process goes through a proxy meanwhile; the path of its log."""
    listening, told = folder / "proxy.sock", folder / "proxy.log"
    command = [sys.executable, "-m", "chaos_engine", "docker-proxy", "--listen", str(listening)]
    command += ["--image", image(), "--socket", _socket(), *arguments]
    own = {**ENVIRONMENT, "CHAOS_LOG": "json", **(environment or {})}
    with (
        told.open("w") as log,
        subprocess.Popen(command, cwd=ROOT, env=own, stderr=log) as process,
        pytest.MonkeyPatch.context() as patched,
    ):
        try:
            ends = time.monotonic() + 30
            while "listens on" not in told.read_text():
                assert time.monotonic() < ends, told.read_text()
                assert process.poll() is None, told.read_text()
                time.sleep(0.05)
            patched.setenv("DOCKER_HOST", f"unix://{listening}")
            yield told
        finally:
            process.terminate()


@contextmanager
def direct() -> Iterator[None]:
    """What talks to Docker in this process does so as outside, also beside a proxy."""
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("DOCKER_HOST", raising=False)
        if named := ENVIRONMENT.get("DOCKER_HOST"):
            patched.setenv("DOCKER_HOST", named)
        yield


def _socket() -> str:
    named = ENVIRONMENT.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    assert named.startswith("unix://"), f"the proxy stands before a Unix socket, and DOCKER_HOST is {named}"
    return named.removeprefix("unix://")
