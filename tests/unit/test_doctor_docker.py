"""What `doctor` says of the Engine, the targets' containers, and of what works here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from chaos_engine.adapters.clock import SystemClock
from chaos_engine.adapters.state_file import StateFiles
from chaos_engine.config import load_settings
from chaos_engine.console import doctor_docker
from chaos_engine.console.findings import BAD, NOTE, OK
from chaos_engine.containers import PROJECT, SERVICE, Container, ContainerError, NoContainers
from chaos_engine.ports import World

WEB = Container("a" * 64, "shop-web-1", "running", {PROJECT: "shop", SERVICE: "web"})
INFO = {
    "ServerVersion": "27.1", "OperatingSystem": "Debian", "KernelVersion": "6.1", "CgroupVersion": "2",
    "CgroupDriver": "systemd", "OSType": "linux",
}  # fmt: skip


class Twin:
    """As much of an Engine as is asked."""

    def __init__(self, info: Mapping[str, Any] = INFO, image: bool = True, state: str = "running") -> None:
        self._info, self._has_image, self._state = info, image, state

    def engine(self) -> Mapping[str, Any]:
        return self._info

    def own(self) -> str:
        return ""

    def image(self) -> str:
        return "chaos-engine"

    def has_image(self, image: str) -> bool:
        return self._has_image

    def listing(self, labels: Any = ()) -> tuple[Container, ...]:
        return (Container(WEB.id, WEB.name, self._state, WEB.labels),)

    def inspect(self, container: str) -> Mapping[str, Any]:
        networks = {"shop_default": {"NetworkID": "n" * 64, "IPAddress": "172.18.0.2"}}
        return {
            "Id": WEB.id, "Name": "/shop-web-1", "State": {"StartedAt": "1", "Pid": 7},
            "HostConfig": {"NetworkMode": "shop_default"}, "Config": {"Labels": WEB.labels},
            "NetworkSettings": {"Networks": networks},
        }  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_docker, "abilities", lambda world: {})
    monkeypatch.setattr("scenarios.network.demand", lambda names, world: None)


def findings(containers: Any, tmp_path: Path, target: str = "{compose_service: web}") -> dict[str, Any]:
    file = tmp_path / "chaos.yml"
    file.write_text(f"targets: {{web: {target}}}\nscenarios: {{pause: {{}}, partition: {{}}}}")
    world = World(StateFiles(), SystemClock(), containers=containers)
    found = doctor_docker.examine(load_settings(file, {}), world)
    return {each.what: (each.state, each.text) for each in found}


def test_all_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://docker-proxy:2375")
    found = findings(Twin(), tmp_path)
    assert {state for state, _ in found.values()} == {OK}
    assert found["docker"][1] == "Engine 27.1 on Debian, kernel 6.1, cgroup v2 with the driver systemd"
    assert found["helper image"][1] == "chaos-engine"
    assert found["containers of web"][1] == "1 of 1 may be hurt now: shop-web-1"
    assert found["pause on web"][1] == "could be injected now"


def test_not_needed(tmp_path: Path) -> None:
    file = tmp_path / "chaos.yml"
    file.write_text("targets: {web: {state_file: /chaos/state.json}}")
    (only,) = doctor_docker.examine(load_settings(file, {}), World(StateFiles(), SystemClock()))
    assert (only.state, only.text) == (OK, "not needed by this configuration")


def test_an_engine_that_cannot_be_asked(tmp_path: Path) -> None:
    assert findings(NoContainers(), tmp_path) == {"docker": (BAD, "nothing here can reach a Docker Engine")}


def test_an_image_that_is_not_there(tmp_path: Path) -> None:
    state, text = findings(Twin(image=False), tmp_path)["helper image"]
    assert (state, text) == (
        BAD,
        "the Engine has no chaos-engine, and partition need it; CHAOS_HELPER_IMAGE names another",
    )


def test_targets_that_are_not_there_or_do_not_run(tmp_path: Path) -> None:
    found = findings(Twin(), tmp_path, "{compose_service: wbe, compose_project: shop}")
    assert found["containers of web"][0] == BAD
    assert "did you mean 'web'?" in found["containers of web"][1]
    found = findings(Twin(state="exited"), tmp_path)
    assert found["containers of web"] == (
        BAD,
        "none may be hurt now: shop-web-1: it is exited, not running",
    )
    assert found["pause on web"] == (BAD, "shop-web-1 is exited, not running")


def test_what_is_not_supported_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://docker-proxy:2375")
    rootless = {**INFO, "SecurityOptions": ["name=seccomp", "name=rootless"]}
    assert findings(Twin(rootless), tmp_path)["docker"][0] == NOTE
    assert findings(Twin({**INFO, "OSType": "windows"}), tmp_path)["docker"][0] == BAD


def test_a_socket_in_ones_own_hands_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    assert "root on the host" in findings(Twin(), tmp_path)["docker"][1]


def test_ways_that_work_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_up = {"netem": "this kernel has no netem", "tbf": ""}
    monkeypatch.setattr(doctor_docker, "abilities", lambda world: made_up)
    found = findings(Twin(), tmp_path)
    assert found["way netem"] == (NOTE, "this kernel has no netem")
    assert found["way tbf"] == (OK, "works here")


def test_an_engine_that_goes_away_meanwhile(tmp_path: Path) -> None:
    class Leaving(Twin):
        def listing(self, labels: Any = ()) -> tuple[Container, ...]:
            raise ContainerError("it is gone")

    assert findings(Leaving(), tmp_path)["docker"] == (BAD, "it is gone")
