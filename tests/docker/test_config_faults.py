"""The family `config` on a real Engine: a container is replaced, and the original comes back itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from chaos_engine.containers import PARKED
from chaos_engine.journal import Journal
from chaos_engine.model import Now, Observation
from chaos_engine.ports import World
from scenarios.coming_back import TakenError
from scenarios.selection import RefusedError
from scenarios.strays import stray_originals
from tests.docker.small import Hurt, Project, comparable, docker, hurting, prepared, project, proxied

pytestmark = pytest.mark.docker

COMPOSE = """
services:
  web:
    image: python:3.13-slim
    init: true
    entrypoint: [env, "STARTED=yes"]
    command: [python, -u, -m, http.server, "8000", --directory, /data]
    restart: unless-stopped
    stop_grace_period: 1s
    environment: {DATABASE_URL: "postgres://a:b@db:5432/x", OTHER: "1"}
    hostname: shopfront
    user: "1000:1000"
    working_dir: /var
    mem_limit: 100m
    pids_limit: 50
    cap_drop: [NET_RAW]
    sysctls: {net.ipv4.ip_unprivileged_port_start: "80"}
    extra_hosts: ["elsewhere:10.0.0.1"]
    tmpfs: [/scratch]
    volumes: ["data:/data", "/kept", "/tmp:/host:ro"]
    networks:
      default: {aliases: [shop]}
      side: {ipv4_address: 10.177.3.5, aliases: [inner]}
    ports: ["127.0.0.1::8000"]
    healthcheck: {test: [CMD, "true"], interval: 2s}
    labels: {chaos.zone: a}
  client:
    image: python:3.13-slim
    command: [sleep, infinity]
    init: true
    networks: [default, side]
volumes: {data: }
networks:
  side: {ipam: {config: [{subnet: 10.177.3.0/24}]}}
"""
QUICK: dict[str, Any] = {"grace": "0s"}


@pytest.fixture(scope="module")
def small() -> Iterator[Project]:
    with project(COMPOSE) as made:
        yield made


@pytest.fixture(autouse=True)
def _as_before(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test of `small` leaves the same container, as it was, and nothing of ours."""
    if "small" not in request.fixturenames:
        yield
        return
    small: Project = request.getfixturevalue("small")
    before = small.inspect("web")
    yield
    after = small.inspect("web")
    assert (after["Id"], comparable(after)) == (before["Id"], comparable(before))
    assert ours(small) == []
    assert small.ask("10.177.3.5")[0] == "200"


def ours(small: Project) -> list[str]:
    """Everything of the project that is not Compose's own."""
    names = docker(
        "ps", "-a", "--format", "{{.Names}}", "--filter", f"label=com.docker.compose.project={small.name}"
    ).split()
    wanted = {small.container("web"), small.container("client")}
    return [name for name in names if name not in wanted]


def fresh(hurt: Hurt, containers: Any = None) -> Hurt:
    """Another process, that has nothing but the ledger."""
    undo = json.loads(json.dumps(hurt.fault.undo))
    world = World(hurt.world.states, hurt.world.clock, wait=hurt.world.wait,
                  containers=containers or hurt.world.containers)  # fmt: skip
    return Hurt(hurt.scenario, world, replace(hurt.fault, undo=undo))


def environment(small: Project) -> dict[str, str]:
    """That of its main process."""
    entries = small.compose("exec", "-T", "web", "cat", "/proc/1/environ").split("\0")
    return dict(entry.split("=", 1) for entry in entries if entry)


# --- it is replaced ---


def test_a_variable_is_broken_and_everything_else_is_as_it_was(small: Project) -> None:
    before = small.inspect("web")
    small.compose("exec", "-T", "-u", "0", "web", "sh", "-c", "echo mine > /kept/file; echo written > /layer")
    with hurting("bad_config", small.target(), QUICK) as hurt:
        during = small.inspect("web")
        assert hurt.observe().observation is Observation.BLIND  # the Engine sees nothing wrong with it
        assert environment(small)["DATABASE_URL"] == "postgres://a:b@db:1/x"
        assert environment(small)["OTHER"] == "1"
        assert small.compose("exec", "-T", "web", "cat", "/kept/file") == "mine\n"
        assert [small.ask(host)[0] for host in ("web", "shop", "inner", "10.177.3.5")] == ["200"] * 4
        assert small.compose("ps", "--services", "--status=running").split() == ["client", "web"]
    assert differences(comparable(before), comparable(during)) == {
        "Config.Env", "Config.Labels", "HostConfig.Mounts", *_endpoints(small),
    }  # fmt: skip
    assert {
        k: v for k, v in during["Config"]["Labels"].items() if not k.startswith("chaos-engine.")
    } == before["Config"]["Labels"]
    assert small.compose("exec", "-T", "web", "cat", "/layer") == "written\n"  # it is the original itself


def _endpoints(small: Project) -> set[str]:
    return {f"Networks.{small.name}_{network}" for network in ("default", "side")}


def differences(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    return {
        f"{part}.{key}" for part in one if isinstance(one[part], dict)
        for key in {*one[part], *other[part]} if one[part].get(key) != other[part].get(key)
    } | {part for part in one if not isinstance(one[part], dict) and one[part] != other[part]}  # fmt: skip


def test_a_variable_is_taken_away_also_one_of_the_image(small: Project) -> None:
    found = docker("image", "inspect", "-f", "{{range .Config.Env}}{{println .}}{{end}}", "python:3.13-slim")
    of_image = next(entry.split("=")[0] for entry in found.split() if not entry.startswith("PATH="))
    for variable in ("DATABASE_URL", of_image):
        with hurting("bad_config", small.target(), {**QUICK, "variable": variable, "remove": True}):
            assert variable not in environment(small)


def test_a_restart_does_not_heal_it(small: Project) -> None:
    with hurting("bad_config", small.target(), {**QUICK, "value": "nonsense"}) as hurt:
        docker("restart", "-t", "0", small.container("web"))
        assert hurt.observe().observation is Observation.BLIND
        assert environment(small)["DATABASE_URL"] == "nonsense"
    assert hurt.scenario.restart.value == "no effect"  # type: ignore[attr-defined]
    assert hurt.observe().observation is Observation.GONE


def test_one_that_does_not_run_with_it_is_felt(small: Project) -> None:
    with hurting("bad_config", small.target(), {**QUICK, "variable": "PATH", "value": "/nowhere"}) as hurt:
        ends = time.monotonic() + 10
        while hurt.observe().observation is not Observation.FELT:
            assert time.monotonic() < ends
            time.sleep(0.1)


def test_nobody_else_hurts_a_replacement_or_counts_an_original(small: Project) -> None:
    with (
        hurting("bad_config", small.target(), QUICK),
        pytest.raises(RefusedError, match="no container is of"),
    ):
        prepared("stop", small.target())


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"variable": "NO_SUCH"}, "web-1: it has no variable NO_SUCH; allowed: one of DATABASE_URL,"),
        ({"variable": "OTHER", "value": "1"}, "OTHER has that value already"),
        ({"value": "x", "remove": True}, "has both value and remove"),
    ],
)
def test_what_would_change_nothing_is_refused(
    small: Project, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises((RefusedError, ValueError), match=message):
        prepared("bad_config", small.target(), parameters)


# --- cut off anywhere ---


class CutError(Exception):
    """The process is killed here."""


class Cut:
    """The Engine for a process that is killed right after its n-th call that does something."""

    ACTS = ("stop", "rename", "create", "connect", "disconnect", "start", "remove")

    def __init__(self, containers: Any, after: int) -> None:
        self._containers, self.left = containers, after
        self.done: list[str] = []

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self._containers, name)
        if name not in self.ACTS:
            return inner

        def call(*arguments: Any) -> Any:
            found = inner(*arguments)
            self.done.append(name)
            self.left -= 1
            if self.left == 0:
                raise CutError(name)
            return found

        return call


def cut_after_each(hurt: Hurt, act: Any) -> Iterator[list[str]]:
    """Yields after each cut of `act`, with the calls that were made, until it is not cut any more."""
    for after in count(1):
        cut = Cut(hurt.world.containers, after)
        try:
            act(fresh(hurt, cut))
        except CutError:
            yield cut.done
            continue
        return


def test_cut_after_each_call_of_an_injection(small: Project) -> None:
    before, cuts = comparable(small.inspect("web")), []
    hurt = prepared("bad_config", small.target(), QUICK)
    for done in cut_after_each(hurt, lambda process: process.inject()):
        fresh(hurt).clear()
        assert comparable(small.inspect("web")) == before, done
        assert ours(small) == [], done
        cuts.append(done[-1])
    fresh(hurt).clear()  # it went in at last
    assert cuts == ["stop", "rename", "create", "connect", "start"]


def test_cut_after_each_call_of_a_clearing(small: Project) -> None:
    before, cuts = comparable(small.inspect("web")), []
    hurt = prepared("bad_config", small.target(), QUICK)
    hurt.inject()
    for done in cut_after_each(hurt, lambda process: process.clear()):
        fresh(hurt).clear()
        assert comparable(small.inspect("web")) == before, done
        assert ours(small) == [], done
        cuts.append(done[-1])
        hurt.inject()
    assert cuts == ["stop", "remove", "rename", "start"]


def test_clearing_comes_first_and_twice_and_beside_itself(small: Project) -> None:
    from concurrent.futures import ThreadPoolExecutor

    hurt = prepared("bad_config", small.target(), QUICK)
    state = small.inspect("web")["State"]
    hurt.clear()
    assert small.inspect("web")["State"] == state
    hurt.inject()
    with ThreadPoolExecutor(3) as pool:  # a clearing that hangs is tried again beside
        for done in [pool.submit(fresh(hurt).clear) for _ in range(3)]:
            done.result()
    hurt.clear()


# --- somebody meddles ---


def test_an_original_that_was_disconnected_meanwhile_is_joined_again(small: Project) -> None:
    with hurting("bad_config", small.target(), QUICK):
        (original,) = ours(small)
        docker("network", "disconnect", f"{small.name}_side", original)


def test_compose_that_takes_the_replacement_away_is_no_problem(small: Project) -> None:
    hurt = prepared("bad_config", small.target(), QUICK)
    hurt.inject()
    docker("rm", "-f", small.container("web"))
    assert hurt.observe().observation is Observation.GONE
    hurt.clear()


def test_another_container_of_its_name_is_not_touched(small: Project) -> None:
    hurt = prepared("bad_config", small.target(), QUICK)
    hurt.inject()
    docker("rm", "-f", small.container("web"))
    docker("create", "--name", small.container("web"), "python:3.13-slim")
    try:
        with pytest.raises(TakenError, match=f"the original is {PARKED}"):
            hurt.clear()
    finally:
        docker("rm", small.container("web"))
        hurt.clear()


def test_an_original_without_an_entry_in_the_ledger_is_found(small: Project) -> None:
    hurt = prepared("bad_config", small.target(), QUICK)
    hurt.inject()
    now, containers = Now(time.time(), 1.0), hurt.world.containers
    assert list(stray_originals(containers, hurt.fault.owner, {hurt.fault.id}, now)) == []
    assert list(stray_originals(containers, "f" * 16, set(), now)) == []
    strays = list(stray_originals(containers, hurt.fault.owner, set(), now))
    assert [stray.id for stray in strays] == [hurt.fault.id]
    Hurt(hurt.scenario, hurt.world, strays[0]).clear()


def test_an_engine_that_lost_its_ledger_brings_an_original_back(small: Project, tmp_path: Path) -> None:
    with closing(Journal(tmp_path)) as journal:
        owner = journal.owner
    before, hurt = small.inspect("web")["Id"], prepared("bad_config", small.target(), QUICK)
    hurt.fault = replace(hurt.fault, owner=owner)
    hurt.inject()
    target = f"{{compose_service: web, compose_project: {small.name}}}"
    settings = f"targets: {{web: {target}}}\nscenarios: {{pause: {{}}}}\nschedule: {{enabled: false}}\n"
    (tmp_path / "chaos.yml").write_text(settings)
    own = {"CHAOS_DATA_DIR": str(tmp_path), "CHAOS_CONFIG": str(tmp_path / "chaos.yml")}
    environment = {**os.environ, **own, "CHAOS_API_LISTEN": "off"}
    command = [str(Path(sys.executable).with_name("chaos-engine")), "run"]
    with (
        (tmp_path / "said").open("w") as said,
        subprocess.Popen(command, env=environment, stdout=said) as engine,
    ):
        try:
            ends = time.monotonic() + 30
            while (after := small.inspect("web"))["Id"] != before or not after["State"]["Running"]:
                assert time.monotonic() < ends, (tmp_path / "said").read_text()
                time.sleep(0.2)
        finally:
            engine.terminate()
            hurt.clear()


def test_the_command_clear_brings_it_back_in_a_process_of_its_own(small: Project, tmp_path: Path) -> None:
    hurt = prepared("bad_config", small.target(), QUICK)
    journal = Journal(tmp_path)
    journal.arm(hurt.fault)
    hurt.inject()
    journal.applied(hurt.fault, time.time())
    journal.close()
    command = [str(Path(sys.executable).with_name("chaos-engine")), "clear"]
    done = subprocess.run(command, cwd=tmp_path, env={**os.environ, "CHAOS_DATA_DIR": str(tmp_path)},
                          capture_output=True, text=True, check=False, timeout=60)  # fmt: skip
    hurt.clear()
    assert (done.returncode, done.stdout) == (0, f"cleared {hurt.fault.id}\n"), done.stderr


# --- the original is gone: in a project of its own, since another container is `web` afterwards ---


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """What talks to its Engine goes through the proxy."""
    folder = tmp_path_factory.mktemp("proxy")
    with project(COMPOSE.replace("10.177.3", "10.177.4")) as up, proxied(folder, f"--service={up.name}/web"):
        yield up


def robbed(made: Project) -> tuple[Hurt, list[str]]:
    """A fault whose original somebody has removed; and what is told of it."""
    hurt, told = prepared("bad_config", made.target(), QUICK), []  # type: tuple[Hurt, list[str]]
    hurt.world = replace(hurt.world, tell=told.append)
    hurt.inject()
    docker("rm", *ours(made))
    return hurt, told


def test_an_original_that_was_removed_is_made_anew_with_its_volumes(made: Project) -> None:
    before = made.inspect("web")
    made.compose("exec", "-T", "-u", "0", "web", "sh", "-c", "echo mine > /kept/file")
    hurt, told = robbed(made)
    assert hurt.observe().details == {"original_removed": [made.container("web")]}
    hurt.clear()
    assert told == [f"The original of {made.container('web')} was removed; it is made anew, with its volumes"]
    assert differences(comparable(before), comparable(made.inspect("web"))) <= {
        "HostConfig.Mounts", *_endpoints(made),  # volumes by their names; another id is an alias
    }  # fmt: skip
    assert made.compose("exec", "-T", "web", "cat", "/kept/file") == "mine\n"
    assert [made.ask(host)[0] for host in ("shop", "inner", "10.177.4.5")] == ["200"] * 3
    new = made.inspect("web")["Id"]
    made.compose("up", "--detach", "--wait")
    assert (made.inspect("web")["Id"], ours(made)) == (new, [])  # Compose takes it for its own


def test_cut_after_each_call_while_it_is_made_anew(made: Project) -> None:
    cuts: list[str] = []
    for after in count(1):
        hurt, _ = robbed(made)
        cut = Cut(hurt.world.containers, after)
        try:
            fresh(hurt, cut).clear()
        except CutError:
            cuts.append(cut.done[-1])
        else:
            break
        fresh(hurt).clear()
        assert (made.inspect("web")["State"]["Running"], ours(made)) == (True, []), cut.done
    assert cuts == ["create", "stop", "remove", "rename", "connect", "start"]
    assert [made.ask(host)[0] for host in ("shop", "10.177.4.5")] == ["200"] * 2


def test_a_service_that_was_taken_down_is_not_made_anew(made: Project) -> None:
    hurt, told = robbed(made)
    made.compose("down", "--timeout=1")
    hurt.clear()
    assert (told, made.compose("ps", "--all", "--quiet")) == ([], "")
