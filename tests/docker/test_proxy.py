"""The proxy in front of the real Engine: what one who has only the proxy can do, and cannot."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos_engine.console.clearing import clear
from chaos_engine.console.validate import load
from chaos_engine.docker_proxy.upstream import Answer, Upstream
from chaos_engine.found_targets import census_of
from chaos_engine.journal import FILE_NAME
from tests.docker.small import COMPOSE, Project, docker, helpers, image, prepared, project, proxied, world

pytestmark = pytest.mark.docker

LABELLED = COMPOSE.replace("    init: false\n", '    init: false\n    labels: {chaos.target: "true"}\n')


@pytest.fixture(scope="module")
def small() -> Iterator[Project]:
    with project(LABELLED) as made:
        yield made


@pytest.fixture(scope="module")
def log(small: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Only `web` says that it may be hurt."""
    with proxied(tmp_path_factory.mktemp("proxy")) as told:
        yield told


@pytest.fixture
def proxy(log: Path) -> Upstream:
    return Upstream(log.with_name("proxy.sock"))


def refused(answer: Answer) -> str:
    """The rule by which it was."""
    assert answer.status == 403, answer
    return str(answer.data["rule"])


def test_calls_that_are_not_ours(proxy: Upstream, small: Project, log: Path) -> None:
    web = small.container("web")
    for method, path in (
        ("POST", f"/v1.41/containers/{web}/exec"), ("POST", "/v1.41/build"), ("POST", "/v1.41/swarm/init"),
        ("POST", "/v1.41/volumes/prune"), ("POST", "/v1.41/containers/prune"), ("GET", "/v1.41/events"),
        ("PUT", f"/v1.41/containers/{web}/archive"), ("GET", "/v9.9.9/info"), ("GET", "/v1.41/../info"),
    ):  # fmt: skip
        assert refused(proxy.ask(method, path)) in ("call", "path")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {"refused"} <= {line["kind"] for line in lines}


def test_containers_that_did_not_opt_in(proxy: Upstream, small: Project) -> None:
    client = small.inspect("client")["Id"]
    for name in (small.container("client"), client, client[:12]):
        assert refused(proxy.ask("GET", f"/v1.41/containers/{name}/json")) == "container"
        assert refused(proxy.ask("POST", f"/v1.41/containers/{name}/kill")) == "container"
        assert refused(proxy.ask("DELETE", f"/v1.41/containers/{name}", {"force": "1"})) == "container"
    seen = {
        name for each in proxy.ask("GET", "/containers/json", {"all": "1"}).data for name in each["Names"]
    }
    assert f"/{small.container('web')}" in seen
    assert f"/{small.container('client')}" not in seen
    assert small.inspect("client")["State"]["Running"]


def test_a_target_is_not_removed(proxy: Upstream, small: Project) -> None:
    assert refused(proxy.ask("DELETE", f"/containers/{small.container('web')}", {"force": "1"})) == "remove"


@pytest.mark.parametrize(
    "host",
    [
        {"Privileged": True}, {"Binds": ["/:/host"]}, {"PidMode": "host"}, {"NetworkMode": "host"},
        {"CapAdd": ["SYS_ADMIN"]}, {"Devices": [{"PathOnHost": "/dev/kmsg"}]},
    ],
)  # fmt: skip
def test_no_container_that_is_more(proxy: Upstream, small: Project, host: dict[str, Any]) -> None:
    name = f"chaos-{small.name}"
    plain = {"Image": image(), "Cmd": ["true"], "HostConfig": host}
    assert refused(proxy.ask("POST", "/v1.41/containers/create", {"name": name}, plain)) == "copy"
    helper = {**plain, "Labels": {"chaos-engine.part": "helper"}}
    assert refused(proxy.ask("POST", "/v1.41/containers/create", {"name": name}, helper)) == "helper"
    own = prepared("partition", small.target())
    made = dict(own.fault.undo["helpers"][0]["body"])
    made |= {"HostConfig": made["HostConfig"] | host, "Labels": {"chaos-engine.part": "helper"}}
    assert refused(proxy.ask("POST", "/v1.41/containers/create", {"name": name}, made)) == "helper"
    assert docker("ps", "--all", "--quiet", "--filter", f"name={name}") == ""


def test_a_target_is_recreated_as_it_was_with_another_environment(proxy: Upstream, small: Project) -> None:
    web = small.container("web")
    found = proxy.ask("GET", f"/containers/{web}/json").data
    aliases = found["NetworkSettings"]["Networks"][f"{small.name}_default"]["Aliases"]
    endpoints = {f"{small.name}_default": {"Aliases": aliases}}
    form = {**found["Config"], "HostConfig": found["HostConfig"]}
    form["NetworkingConfig"] = {"EndpointsConfig": endpoints}
    name = f"{web}-copy"
    changed = form | {"Env": [*form["Env"], "BROKEN=1"]}
    made = proxy.ask("POST", "/v1.41/containers/create", {"name": name}, changed)
    assert made.status == 201, made
    try:
        assert refused(
            proxy.ask("POST", "/containers/create", {"name": f"{web}-b"}, changed | {"Cmd": ["id"]})
        ) == "copy"  # fmt: skip
        assert "BROKEN=1" in json.loads(docker("inspect", name))[0]["Config"]["Env"]
    finally:
        assert proxy.ask("DELETE", f"/containers/{made.data['Id']}", {"force": "1"}).status == 204


def test_a_target_leaves_its_network_and_comes_back(small: Project, log: Path) -> None:
    containers, network = world().containers, f"{small.name}_default"
    before = small.inspect("web")["NetworkSettings"]["Networks"][network]["Aliases"]
    containers.disconnect(network, small.container("web"))
    try:
        assert small.ask(timeout=1.0)[0] != "200"
    finally:
        containers.connect(network, small.container("web"), {"Aliases": ["web", small.container("web")]})
    assert small.ask()[0] == "200"
    assert set(before) >= {"web"}


def test_targets_shows_what_the_proxy_shows(small: Project, log: Path, tmp_path: Path) -> None:
    file = tmp_path / "chaos.yml"
    target = f"{{compose_service: web, compose_project: {small.name}}}"
    file.write_text(f"targets: {{web: {target}}}\nscenarios: {{pause: {{}}}}")
    found = census_of(load(file, {}), world().containers)
    assert [each.container.name for each in found.targets[0].candidates] == [small.container("web")]
    assert found.targets[0].eligible == 1
    assert small.container("client") not in {each.name for each, _ in found.others}


@pytest.fixture
def lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal that cannot be read."""
    monkeypatch.setenv("CHAOS_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / FILE_NAME).write_bytes(b"no database" * 100)


@pytest.mark.usefixtures("log", "lost")
def test_clear_all_finds_helpers_where_the_journal_cannot_be_read(
    small: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    hurt = prepared("partition", small.target(), hold=60.0)
    hurt.inject()
    try:
        assert small.ask(timeout=1.0)[0] == "TimeoutError"
        assert clear(None, everything=True, as_json=False) == 4
        told = capsys.readouterr().out
        assert re.search("cleared a stray .* on ", told), told
        assert "not checked: containers that were paused, stopped or disconnected" in told
        assert helpers(hurt.fault.id) == []
        assert small.ask()[0] == "200"
    finally:
        hurt.clear()


@pytest.mark.usefixtures("log", "lost")
def test_clear_all_finds_originals_that_were_put_aside(
    small: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    before = small.inspect("web")["Id"]
    hurt = prepared("bad_config", small.target(), {"variable": "PYTHON_VERSION", "value": "0"}, hold=60.0)
    hurt.inject()
    try:
        assert "PYTHON_VERSION=0" in small.inspect("web")["Config"]["Env"]
        assert clear(None, everything=True, as_json=False) == 4
        assert f"cleared bad_config on {small.container('web')}" in capsys.readouterr().out
        assert small.inspect("web")["Id"] == before
    finally:
        hurt.clear()
