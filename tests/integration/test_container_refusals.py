"""Container faults without an Engine: refused before anything happens, and told by a daemon."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chaos_engine.adapters.docker_engine import DockerEngine
from chaos_engine.containers import ContainerError
from tests.integration.engine_process import Place, running, until

SETTINGS = """
schedule: {every: 1h, startup_wait: 1h, recovery: 1s}
targets: {web: {compose_service: web, compose_project: shop}}
scenarios: {pause: {}}
"""
EXPERIMENT = """
title: a pause
scenario: pause
target: {compose_service: web, compose_project: shop}
recovery: 1s
"""
NO_SOCKET = "there is no such socket; DOCKER_HOST says where the Engine is"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    found = Place(tmp_path)
    found.environment["DOCKER_HOST"] = f"unix://{tmp_path}/none.sock"
    found.configure(SETTINGS)
    return found


def test_a_file_is_refused_before_anything_happens(place: Place) -> None:
    place.configure(
        "title: harmless\nscenario: crash\ntarget: {name: app, state_file: STATE}\n", "1.chaos.yml"
    )
    place.configure(EXPERIMENT, "2.chaos.yml")
    ended = place.call("run", "1.chaos.yml", "2.chaos.yml")
    assert ended.returncode == 2
    assert NO_SOCKET in ended.stderr
    assert "2.chaos.yml: pause on target" in ended.stderr
    assert not place.state_file.exists()  # the first one has not begun either
    assert not place.data.exists()


def test_an_injection_by_hand_without_a_daemon_is_refused(place: Place) -> None:
    ended = place.call("inject", "pause", "--target", "web", "--now")
    assert ended.returncode == 2
    assert NO_SOCKET in ended.stderr


def test_a_daemon_refuses_with_the_reason(place: Place) -> None:
    with running(place):
        until((place.data / "heartbeat").exists)
        ended = place.call("inject", "pause", "--target", "web", "--now", "--json")
    assert ended.returncode == 4
    assert "refused for now: " in ended.stderr
    assert NO_SOCKET in ended.stderr
    assert place.call("history", "--json").stdout.strip() == "[]"


def test_clear_all_says_that_the_engine_could_not_be_asked(place: Place) -> None:
    ended = place.call("clear", "--all")
    assert ended.returncode == 4
    assert "not checked: containers of ours: " in ended.stdout
    assert NO_SOCKET in ended.stdout


# The SDK leaves the socket open that it could not connect.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_socket_without_permission_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "docker.sock"
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    with pytest.raises(ContainerError):
        DockerEngine().listing()  # imports what somebody else may not be able to read
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        path.chmod(0)
        with _not_root(), pytest.raises(ContainerError, match="permission denied; allowed: a user who may"):
            DockerEngine().listing()
    gc.collect()


def test_where_nothing_listens_the_engine_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    with pytest.raises(ContainerError, match=r"the Docker Engine at tcp://127\.0\.0\.1:9 does not answer"):
        DockerEngine().listing()


@contextmanager
def _not_root() -> Iterator[None]:
    """Root may open anything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
