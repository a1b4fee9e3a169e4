"""Every scenario there is, through the proxy: what it needs is let through, and it leaves nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chaos_engine.model import Observation
from tests.docker import catalogue
from tests.docker.small import Project, comparable, hurting, project, proxied

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def small() -> Iterator[Project]:
    with project(catalogue.PROJECT) as made:
        yield made


@pytest.fixture(scope="module")
def log(small: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    services = ("--service", f"{small.name}/web", "--service", f"{small.name}/client")  # one is only named
    with proxied(tmp_path_factory.mktemp("proxy"), *services) as told:
        yield told


@pytest.mark.parametrize("name", catalogue.names())
def test_nothing_that_it_needs_is_refused(name: str, small: Project, log: Path) -> None:
    before, told = comparable(small.inspect("web")), len(log.read_text())
    target = replace(small.target(), role="database" if name == "database_failure" else "")
    with hurting(name, target, catalogue.parameters(name), hold=20.0) as hurt:
        seen = hurt.observe()
        assert getattr(seen, "observation", seen) in Observation
    assert log.read_text()[told:] == ""
    ends = time.monotonic() + 10
    while (after := comparable(small.inspect("web"))) != before:
        assert time.monotonic() < ends, (before, after)
        time.sleep(0.3)
