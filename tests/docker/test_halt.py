"""A HALT file takes out a fault of each kind that hurts containers, and how soon."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import yaml

from chaos_engine.journal import Journal
from tests.docker import catalogue
from tests.docker.small import Project, image, project
from tests.integration.engine_process import Place, Process, running, until

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]
WITHIN = 1.0  # seconds, as promised
NOISE = 1.0  # of the Docker Engine on a busy machine
# A container that was ended is started again; one with a broken configuration is replaced: that takes longer.
SLOW = {"stop", "kill", "engine_kill", "restart", "service_unavailable", "bad_config", "database_failure"}
STARTS = 8.0


@pytest.fixture(scope="module")
def small() -> Iterator[Project]:
    with project(catalogue.PROJECT) as made:
        yield made


@pytest.fixture(scope="module")
def place(small: Project, tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("halt"), {"CHAOS_HELPER_IMAGE": image()})
    target = {"compose_service": "web", "compose_project": small.name, "role": "database"}
    settings = {
        "schedule": {"enabled": False, "min_interval": "0s"},
        "targets": {"web": target},
        "scenarios": {name: catalogue.parameters(name) for name in catalogue.names()},
    }
    (place.folder / "chaos.yml").write_text(yaml.safe_dump(settings))
    return place


@pytest.fixture(scope="module")
def daemon(place: Place) -> Iterator[Process]:
    with running(place) as started:
        started.says("Resumed" if (place.data / "HALT").exists() else "No next injection")
        yield started
        started.stop()


@pytest.mark.parametrize("name", catalogue.names())
def test_a_halt_file_clears_it(place: Place, daemon: Process, name: str) -> None:
    halt, journal = place.data / "HALT", Journal(place.data)
    begun = daemon.said.count("Marked injection")
    resumed = daemon.said.count("Resumed by the file HALT")
    try:
        with running(place, "inject", name, "--target", "web", "--for", "60s", "--now") as hand:
            until(lambda: daemon.said.count("Marked injection") > begun or hand.popen.poll() is not None)
            if daemon.said.count("Marked injection") == begun:
                pytest.skip(f"{name} cannot be injected here: {hand.rest()}")
            halted = time.monotonic()
            halt.write_text("a test")
            until(lambda: not journal.open_faults(), what="the clearing")
            took = time.monotonic() - halted
            assert hand.popen.wait(20) == 4
    finally:
        halt.unlink(missing_ok=True)
        journal.close()
    assert took < (STARTS if name in SLOW else WITHIN + NOISE), f"{name} took {took:.1f} s"
    until(lambda: daemon.said.count("Resumed by the file HALT") > resumed, what="the resuming")
