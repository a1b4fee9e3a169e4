"""The example that people copy: an engine without the socket hurts a service that knows nothing of it."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docker.small import ENVIRONMENT, ROOT, docker, image
from tests.docker.stack import free_port
from tests.integration.engine_process import until

pytestmark = pytest.mark.docker

FILE = ROOT / "examples" / "containers" / "docker-compose.yml"


class Example:
    """It is up, under a project name of its own."""

    def __init__(self) -> None:
        self.name = f"chaos-example-{os.getpid()}"
        clean = {k: v for k, v in ENVIRONMENT.items() if not k.startswith(("CHAOS_", "COMPOSE_"))}
        settings = {"CHAOS_INTERVAL": "12s", "CHAOS_STARTUP_WAIT": "1s", "CHAOS_RECOVERY": "6s"}
        self.environment = clean | settings | {
            "CHAOS_ENGINE_IMAGE": image(), "CHAOS_LOG": "json", "API_PORT": str(free_port()),
        }  # fmt: skip

    def compose(self, *arguments: str, timeout: float = 120.0) -> str:
        command = ["docker", "compose", "--ansi", "never", "-p", self.name, "-f", str(FILE), *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, check=False, env=self.environment
        )
        assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
        return done.stdout

    def cli(self, *arguments: str) -> Any:
        return json.loads(self.compose("exec", "-T", "janitor", "chaos-engine", *arguments, "--json"))

    def inspect(self, service: str) -> Any:
        return json.loads(docker("inspect", f"{self.name}-{service}-1"))[0]


@pytest.fixture(scope="module")
def example() -> Iterator[Example]:
    made = Example()
    try:
        made.compose("up", "--detach", "--no-build", "--wait")
        yield made
    finally:
        made.compose("down", "--volumes", "--remove-orphans", "--timeout=2")


def test_a_judged_experiment_within_a_minute_and_a_half(example: Example) -> None:
    ends = time.monotonic() + 90
    while not (done := [row for row in example.cli("history") if row["result"]]):
        assert time.monotonic() < ends, example.compose("logs", "--tail=20")
        time.sleep(1)
    result = done[-1]["result"]
    assert result["verdict"] == "not_supported", result  # nobody serves while the only one is hurt
    assert result["cleanup"] == "clean"
    assert done[-1]["target"] == "web"


@pytest.mark.parametrize("scenario", ["pause", "partition"])
def test_both_scenarios_work_through_the_proxy(example: Example, scenario: str) -> None:
    ends = time.monotonic() + 60
    while True:
        try:
            told = example.compose(
                "exec", "-T", "janitor", "sh", "-c",
                f"chaos-engine inject {scenario} --target web --for 5s --now --json || true",
            )  # fmt: skip
            result = json.loads(told)["result"]
            break
        except ValueError:  # another one is in, or was just now
            assert time.monotonic() < ends
            time.sleep(2)
    assert result["verdict"] == "not_supported", result
    assert result["cleanup"] == "clean"
    assert not example.inspect("web")["State"]["Paused"]


def test_only_the_proxy_has_the_socket_and_nobody_but_the_engine_reaches_it(example: Example) -> None:
    for service in ("engine", "janitor", "web", "docker-proxy"):
        mounts = {mount["Destination"] for mount in example.inspect(service)["Mounts"]}
        assert ("/var/run/docker.sock" in mounts) is (service == "docker-proxy")
        networks = set(example.inspect(service)["NetworkSettings"]["Networks"])
        assert (f"{example.name}_control" in networks) is (service != "web")
    assert example.inspect("docker-proxy")["HostConfig"]["CapDrop"] == ["ALL"]


def test_targets_are_seen_from_within(example: Example) -> None:
    found = example.cli("targets")
    assert [c["name"] for c in found["targets"][0]["containers"]] == [f"{example.name}-web-1"]
    why = {each["name"]: each["why"] for each in found["others"]}
    assert "part of Chaos Engine itself" in why[f"{example.name}-docker-proxy-1"]


def test_doctor_finds_everything_there(example: Example) -> None:
    """Between two faults: what is paused cannot be hurt."""
    wanted = ("docker", "helper image", "containers of web", "pause on web", "partition on web")

    def all_well() -> bool:
        told = example.compose("exec", "-T", "engine", "sh", "-c", "chaos-engine doctor --json || true")
        found = {each["what"]: each["state"] for each in json.loads(told)}
        return all(found[what] == "ok" for what in wanted)

    until(all_well, 120.0)


def test_the_example_is_valid(tmp_path: Path) -> None:
    from chaos_engine.config import load_settings

    assert not load_settings(FILE.with_name("chaos.yml"), {}).warnings
