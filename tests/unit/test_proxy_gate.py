"""What the proxy lets through to the Engine, and what it refuses, by which rule."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from chaos_engine.console.docker_proxy import works
from chaos_engine.docker_proxy import calls
from chaos_engine.docker_proxy.gate import Gate
from chaos_engine.docker_proxy.refusal import ForbiddenError
from chaos_engine.docker_proxy.scope import Scope
from chaos_engine.docker_proxy.upstream import Answer
from scenarios.container import Victim
from scenarios.helper_container import Surface, body
from tests.unit.engine_twin import (
    DB,
    ENGINE,
    HELPER,
    IMAGE,
    MAIL,
    PROXY,
    STRANGER,
    WEB,
    EngineTwin,
    inspection,
    order,
)


@pytest.fixture
def twin() -> EngineTwin:
    return EngineTwin()


@pytest.fixture
def gate(twin: EngineTwin) -> Gate:
    scope = Scope(services=frozenset({("shop", "db")}), own=PROXY)
    works = {"partition", "kill", "cpu_limit", "io_stress", "disk_fill", "abilities"}
    return Gate(twin, scope, frozenset({IMAGE}), frozenset(works))


def ask(gate: Gate, method: str, target: str, content: Any = None) -> Answer:
    return gate.answer(calls.read(method, target), content)


def refused(gate: Gate, method: str, target: str, content: Any = None) -> ForbiddenError:
    with pytest.raises(ForbiddenError) as caught:
        ask(gate, method, target, content)
    return caught.value


# --- request lines -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "target", "rule"),
    [
        ("POST", "/v1.41/containers/web/exec", "call"),
        ("POST", "/v1.41/exec/abc/start", "call"),
        ("POST", "/v1.41/build", "call"),
        ("POST", "/session", "call"),
        ("POST", "/v1.41/images/create", "call"),
        ("GET", "/v1.41/containers/web/archive", "call"),
        ("PUT", "/v1.41/containers/web/archive", "call"),
        ("POST", "/v1.41/containers/web/attach", "call"),
        ("GET", "/v1.41/containers/web/attach/ws", "call"),
        ("POST", "/v1.41/containers/web/update", "call"),
        ("GET", "/v1.41/containers/web/export", "call"),
        ("POST", "/v1.41/volumes/prune", "call"),
        ("DELETE", "/v1.41/volumes/data", "call"),
        ("POST", "/v1.41/networks/create", "call"),
        ("DELETE", "/v1.41/networks/net-shop", "call"),
        ("POST", "/v1.41/swarm/init", "call"),
        ("GET", "/v1.41/secrets", "call"),
        ("GET", "/v1.41/events", "call"),
        ("POST", "/v1.41/plugins/pull", "call"),
        ("GET", "/v1.41.2/containers/json", "call"),
        ("GET", "/v141/containers/json", "call"),
        ("GET", "/V1.41/containers/json", "call"),
        ("GET", "/v1.41/v1.40/containers/json", "call"),
        ("get", "/v1.41/containers/json", "call"),
        ("GET", "/v1.41/containers/json/", "call"),
        ("GET", "/v1.41/../containers/json", "path"),
        ("GET", "/v1.41/containers/web/../db/json", "path"),
        ("GET", "/v1.41/containers/./json", "path"),
        ("GET", "/v1.41//containers/json", "path"),
        ("GET", "/v1.41/containers/%2e%2e/json", "path"),
        ("POST", "/v1.41/containers/web%2fexec/start", "path"),
        ("GET", "/v1.41/containers\\json", "path"),
        ("GET", "http://docker/v1.41/containers/json", "path"),
        ("GET", "*", "path"),
        ("GET", "/v1.41/containers/json#?all=1", "path"),
        ("GET", "/v1.41/containers/web/logs?follow=1", "query"),
        ("GET", "/v1.41/containers/json?all=1&all=0", "query"),
        ("GET", "/v1.41/containers/json?size=1", "query"),
        ("POST", "/v1.41/containers/web/kill?signal=KILL%0a", "query"),
        ("POST", "/v1.41/containers/web/start?detachKeys=a", "query"),
        ("DELETE", "/v1.41/containers/web?link=1", "query"),
        ("POST", "/v1.41/containers/web/rename?name=../a", "query"),
    ],
)
def test_what_is_no_call_of_ours(method: str, target: str, rule: str) -> None:
    with pytest.raises(ForbiddenError) as caught:
        calls.read(method, target)
    assert caught.value.rule == rule


# --- who is seen, and who is touched -------------------------------------------------------------


def test_a_listing_shows_those_that_opted_in_and_our_own(gate: Gate) -> None:
    seen = {each["Names"][0] for each in ask(gate, "GET", "/v1.41/containers/json?all=1").data}
    assert seen == {"/web", "/db", "/engine", "/proxy", "/chaos-x"}


def test_a_listing_is_filtered_by_labels_alone(gate: Gate) -> None:
    rule = refused(gate, "GET", '/containers/json?filters={"volume":["data"]}').rule
    assert rule == "query"
    assert ask(gate, "GET", '/containers/json?filters={"label":["a=b"]}').status == 200


@pytest.mark.parametrize("action", ["kill", "stop", "start", "restart", "pause", "unpause"])
def test_what_is_done_to_a_target_is_done_by_its_id(gate: Gate, twin: EngineTwin, action: str) -> None:
    assert ask(gate, "POST", f"/v1.41/containers/web/{action}").status == 204
    assert ask(gate, "POST", f"/v1.41/containers/db/{action}").status == 204
    assert [path for _, path, _ in twin.asked] == [
        f"/v1.41/containers/{WEB}/{action}", f"/v1.41/containers/{DB}/{action}",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["mail", MAIL, "engine", ENGINE, "proxy", "chaos-y", STRANGER])
@pytest.mark.parametrize("action", ["kill", "stop", "restart", "pause", "rename?name=b"])
def test_nobody_else_is_touched(gate: Gate, twin: EngineTwin, name: str, action: str) -> None:
    assert refused(gate, "POST", f"/containers/{name}/{action}").rule == "container"
    assert refused(gate, "DELETE", f"/containers/{name}?force=1").rule == "container"
    assert twin.asked == []


def test_one_that_says_no_is_not_touched_though_it_is_listed(gate: Gate) -> None:
    gate.scope.names = frozenset({"mail"})
    assert refused(gate, "POST", "/containers/mail/pause").rule == "container"


def test_a_helper_is_ended_and_removed_but_not_paused(gate: Gate) -> None:
    assert ask(gate, "POST", f"/containers/{HELPER}/stop?t=5").status == 204
    assert ask(gate, "DELETE", f"/containers/{HELPER}?force=1&v=1").status == 204
    assert refused(gate, "POST", f"/containers/{HELPER}/pause").rule == "container"


def test_a_target_is_not_removed(gate: Gate) -> None:
    assert refused(gate, "DELETE", "/containers/web?force=1").rule == "remove"


def test_logs_are_those_of_helpers(gate: Gate) -> None:
    assert ask(gate, "GET", f"/containers/{HELPER}/logs?stdout=1").status == 200
    assert refused(gate, "GET", "/containers/web/logs?stdout=1").rule == "container"


def test_what_the_engine_was_told_is_not_shown(gate: Gate) -> None:
    assert ask(gate, "GET", "/containers/engine/json").data["Config"]["Env"] == []
    assert ask(gate, "GET", "/containers/web/json").data["Config"]["Env"] == ["A=1"]
    assert refused(gate, "GET", "/containers/mail/json").rule == "container"


def test_one_that_is_not_there_is_not_there(gate: Gate) -> None:
    for method, target in (("GET", "json"), ("POST", "stop"), ("GET", "logs")):
        assert ask(gate, method, f"/containers/nobody/{target}").status == 404
    assert ask(gate, "DELETE", "/containers/nobody").status == 404


def test_one_that_was_renamed_stays_allowed(gate: Gate, twin: EngineTwin) -> None:
    gate.scope.services, gate.scope.names = frozenset(), frozenset({"db"})
    ask(gate, "POST", "/containers/db/rename?name=db-original")
    twin.there[DB]["Name"] = "/db-original"
    assert ask(gate, "POST", "/containers/db-original/start").status == 204


def test_the_hosts_information_is_what_is_needed(gate: Gate) -> None:
    assert ask(gate, "GET", "/info").data == {"ServerVersion": "20.10"}


def test_images_are_our_own(gate: Gate) -> None:
    assert ask(gate, "GET", "/images/ours/json").data == {"Id": IMAGE}
    assert refused(gate, "GET", "/images/web:1/json").rule == "image"


# --- networks ------------------------------------------------------------------------------------


def test_a_network_shows_those_that_opted_in(gate: Gate) -> None:
    assert set(ask(gate, "GET", "/networks/shop_default").data["Containers"]) == {WEB}
    assert refused(gate, "GET", "/networks/bank").rule == "network"


def test_a_target_leaves_and_joins_its_own_network(gate: Gate, twin: EngineTwin) -> None:
    ask(gate, "POST", "/networks/shop_default/disconnect", {"Container": "web", "Force": True})
    ask(gate, "POST", "/networks/shop_default/connect", {"Container": "web", "EndpointConfig": {}})
    assert [body["Container"] for _, _, body in twin.asked] == [WEB, WEB]


@pytest.mark.parametrize(
    ("network", "container", "rule"),
    [("bank", "web", "network"), ("control", "web", "network"), ("shop_default", "mail", "container")],
)
def test_nobody_joins_another_network(gate: Gate, network: str, container: str, rule: str) -> None:
    assert refused(gate, "POST", f"/networks/{network}/connect", {"Container": container}).rule == rule
    assert refused(gate, "POST", f"/networks/{network}/disconnect", {"Container": container}).rule == rule


def test_a_network_may_be_listed(gate: Gate) -> None:
    gate.networks = frozenset({"bank"})
    assert ask(gate, "POST", "/networks/bank/connect", {"Container": "web"}).status == 204


# --- helpers -------------------------------------------------------------------------------------

CREATE = "/v1.41/containers/create?name=chaos-0123-e1-0-abc"


def helper(surface: Surface, victim: str = WEB, work: str = "partition", **spec: Any) -> dict[str, Any]:
    """As the scenarios make it."""
    made = body("ours", surface, Victim(victim, "web", "", 100))
    labels = {"chaos-engine.part": "helper", "chaos-engine.owner": "o", "chaos-engine.fault": "e1-0"}
    return {**made, "Env": [order(victim, work, **spec)], "Labels": labels}


NETWORK = Surface(network=True, capabilities=("NET_ADMIN", "NET_RAW"))
HOST = Surface(pid="host", capabilities=("KILL",))


@pytest.mark.parametrize(
    ("surface", "work", "spec"),
    [
        (NETWORK, "partition", {}),
        (Surface(pid="victim", cgroup=True, capabilities=("SYS_PTRACE",)), "io_stress", {"container": WEB}),
        (Surface(cgroup=True), "cpu_limit", {"container": WEB}),
        (HOST, "kill", {"pid": 100, "container": WEB}),
        (Surface(binds=(f"/sys/fs/cgroup/memory/docker/{WEB}:/sys/fs/cgroup/target:rw",)), "partition", {}),
    ],
)
def test_helpers_as_scenarios_make_them(gate: Gate, surface: Surface, work: str, spec: Any) -> None:
    assert ask(gate, "POST", CREATE, helper(surface, work=work, **spec)).status == 201


LINGERS = Surface(network=True, capabilities=("NET_ADMIN",), lingers=True)
ALONE = helper(Surface(capabilities=("NET_ADMIN", "NET_RAW"), lingers=True), "-", "abilities")
del ALONE["HostConfig"]["Binds"]


def test_one_that_removes_itself_and_one_that_hurts_nobody(gate: Gate, twin: EngineTwin) -> None:
    assert ask(gate, "POST", CREATE, helper(LINGERS)).status == 201
    assert (
        ask(gate, "POST", CREATE, changed(helper(NETWORK), "Labels/chaos-engine.victim", WEB)).status == 201
    )
    assert ask(gate, "POST", CREATE, ALONE).status == 201
    twin.there["x"] = inspection(
        "x", "chaos-a", {"chaos-engine.part": "helper"}, config={"Env": ALONE["Env"]}
    )
    assert ask(gate, "GET", "/containers/x/logs?stdout=1").status == 200
    assert ask(gate, "DELETE", "/containers/x?force=1").status == 204


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("HostConfig/NetworkMode", f"container:{WEB}"),
        ("HostConfig/NetworkMode", "host"),
        ("HostConfig/PidMode", f"container:{WEB}"),
        ("HostConfig/Binds", [f"/sys/fs/cgroup/memory/docker/{WEB}:/a"]),
        ("HostConfig/AutoRemove", "yes"),
        ("Env", [order("-", "partition")]),
    ],
)
def test_one_that_hurts_nobody_has_namespaces_of_its_own(gate: Gate, path: str, value: Any) -> None:
    assert refused(gate, "POST", CREATE, changed(ALONE, path, value)).rule == "helper"


def changed(what: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    made = copy.deepcopy(what)
    *parents, last = path.split("/")
    inner = made
    for parent in parents:
        inner = inner[parent]
    inner[last] = value
    return made


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("HostConfig/Privileged", True),
        ("HostConfig/privileged", True),
        ("hostconfig", {"Privileged": True}),
        ("HostConfig/Binds", ["/:/host"]),
        ("HostConfig/Binds", ["/sys/fs/cgroup:/sys/fs/cgroup"]),
        ("HostConfig/Binds", [f"/sys/fs/cgroup/{WEB}/../../../..:/host"]),
        ("HostConfig/Binds", [f"/sys/fs/cgroup/docker/{MAIL}:/sys/fs/cgroup"]),
        ("HostConfig/Binds", [f"/etc/{WEB}:/etc"]),
        ("HostConfig/Mounts", [{"Type": "bind", "Source": "/", "Target": "/host"}]),
        ("HostConfig/Devices", [{"PathOnHost": "/dev/sda"}]),
        ("HostConfig/CapAdd", ["SYS_ADMIN"]),
        ("HostConfig/CapAdd", ["ALL"]),
        ("HostConfig/CapDrop", []),
        ("HostConfig/SecurityOpt", ["apparmor=unconfined"]),
        ("HostConfig/ReadonlyRootfs", False),
        ("HostConfig/NetworkMode", "host"),
        ("HostConfig/NetworkMode", f"container:{MAIL}"),
        ("HostConfig/NetworkMode", f"container:{ENGINE}"),
        ("HostConfig/NetworkMode", "shop_default"),
        ("HostConfig/PidMode", "host"),
        ("HostConfig/PidMode", f"container:{MAIL}"),
        ("HostConfig/IpcMode", "host"),
        ("HostConfig/UsernsMode", "host"),
        ("HostConfig/CgroupnsMode", "host"),
        ("HostConfig/CgroupParent", "/"),
        ("HostConfig/RestartPolicy", {"Name": "always"}),
        ("HostConfig/VolumesFrom", [WEB]),
        ("HostConfig/Memory", "lots"),
        ("Image", "web:1"),
        ("Image", ""),
        ("User", ""),
        ("Entrypoint", ["sh"]),
        ("Cmd", ["-c", "id"]),
        ("WorkingDir", "/tmp"),
        ("Healthcheck", {"Test": ["CMD", "id"]}),
        ("Env", [order(WEB), "LD_PRELOAD=/a"]),
        ("Env", ["LD_PRELOAD=/a"]),
        ("Env", [order(MAIL)]),
        ("Env", [order(WEB, "os")]),
        ("Labels/chaos-engine.part", "engine"),
        ("Labels/chaos.target", "true"),
        ("NetworkingConfig", {}),
    ],
)
def test_what_is_more_than_a_helper(gate: Gate, twin: EngineTwin, path: str, value: Any) -> None:
    assert refused(gate, "POST", CREATE, changed(helper(NETWORK), path, value)).rule == "helper"
    assert twin.asked == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("Env", [order(WEB, "kill", pid=1, container=WEB)]),
        ("Env", [order(WEB, "kill", pid=200, container=WEB)]),  # another target's
        ("Env", [order(WEB, "kill", pid=100, container=DB)]),
        ("Env", [order(WEB, "kill")]),
        ("Env", [order(WEB, "partition", pid=100)]),
        ("HostConfig/CapAdd", ["KILL", "SYS_PTRACE"]),
        ("HostConfig/NetworkMode", f"container:{WEB}"),
    ],
)
def test_the_hosts_processes_are_for_one_signal_alone(gate: Gate, path: str, value: Any) -> None:
    made = changed(helper(HOST, work="kill", pid=100, container=WEB), path, value)
    assert refused(gate, "POST", CREATE, made).rule == "helper"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("Env", [order(WEB, "cpu_limit", container=MAIL)]),
        ("Env", [order(WEB, "cpu_limit")]),
        ("Env", [order(WEB, "partition", container=WEB)]),
        ("Env", [order(WEB, "disk_fill", container=WEB)]),
        ("HostConfig/Mounts", [{"Type": "bind", "Source": "/", "Target": "/cgroup"}]),
        ("HostConfig/Mounts", [{"Type": "bind", "Source": "/sys/fs/cgroup", "Target": "/etc"}]),
        ("HostConfig/Mounts", []),
        ("HostConfig/UsernsMode", ""),
        ("HostConfig/PidMode", "host"),
    ],
)
def test_cgroups_are_for_work_on_the_victims_own(gate: Gate, path: str, value: Any) -> None:
    made = helper(Surface(cgroup=True), work="cpu_limit", container=WEB)
    assert refused(gate, "POST", CREATE, changed(made, path, value)).rule == "helper"


def taking_out(source: str, work: str = "disk_fill", undo: object = True) -> dict[str, Any]:
    made = helper(Surface(), work=work)
    told = {**json.loads(order(WEB, work).partition("=")[2]), "undo": undo}
    host = {**made["HostConfig"], "Mounts": [{"Type": "volume", "Source": source, "Target": "/left"}]}
    return {**made, "HostConfig": host, "Env": [f"CHAOS_HELPER={json.dumps(told)}"]}


def test_what_is_left_is_taken_out_of_the_victims_own_files(gate: Gate) -> None:
    assert ask(gate, "POST", CREATE, taking_out("data")).status == 201
    for made in (taking_out("other"), taking_out("data", "partition"), taking_out("data", undo=False)):
        assert refused(gate, "POST", CREATE, made).rule == "helper"


def test_undoing_may_come_when_the_victim_has_a_new_process(gate: Gate) -> None:
    made = helper(HOST, work="kill", pid=1, container=WEB)
    told = json.loads(made["Env"][0].partition("=")[2]) | {"undo": True}
    made["Env"] = ["CHAOS_HELPER=" + json.dumps(told)]
    assert ask(gate, "POST", CREATE, made).status == 201


def test_a_victims_network_may_be_that_of_another_container(gate: Gate, twin: EngineTwin) -> None:
    shared = changed(helper(NETWORK), "HostConfig/NetworkMode", f"container:{MAIL}")
    assert refused(gate, "POST", CREATE, shared).rule == "helper"
    twin.there[WEB]["HostConfig"]["NetworkMode"] = f"container:{MAIL}"
    assert ask(gate, "POST", CREATE, shared).status == 201


def test_one_that_was_put_aside_stays_allowed(gate: Gate, twin: EngineTwin) -> None:
    gate.scope.services, gate.scope.names = frozenset(), frozenset({"db"})
    twin.there[DB]["Name"] = "/chaos-original-0123-e1-0.db"
    assert ask(gate, "POST", f"/containers/{DB}/start").status == 204
    gate.scope.admitted.clear()
    twin.there[DB]["Name"] = "/chaos-original-0123-e1-0.mail"
    assert refused(gate, "POST", f"/containers/{DB}/start").rule == "container"


def test_a_helper_takes_no_name_of_somebody_else(gate: Gate) -> None:
    assert refused(gate, "POST", "/containers/create?name=web", helper(NETWORK)).rule == "helper"


def test_every_work_of_the_image_is_known() -> None:
    assert {"cpu_limit", "traffic"} <= works()
    assert not {"work", "__main__", "packet_filter", "cgroup", "workers"} & works()


# --- copies --------------------------------------------------------------------------------------

COPY = "/v1.41/containers/create?name=web"


def copied(twin: EngineTwin, id_: str = WEB) -> dict[str, Any]:
    """As one recreates a container: its configuration, with a variable changed."""
    found = copy.deepcopy(twin.there[id_])
    networking = {"EndpointsConfig": {"shop_default": {"Aliases": ["web"]}}}
    config = {**found["Config"], "Env": ["A=2"]}
    return {**config, "HostConfig": found["HostConfig"], "NetworkingConfig": networking}


def test_a_target_is_recreated_with_another_environment_and_the_copy_removed(
    gate: Gate, twin: EngineTwin
) -> None:
    made = ask(gate, "POST", COPY, copied(twin)).data["Id"]
    twin.there[made] = {**twin.there[WEB], "Id": made, "Name": "/web"}
    assert ask(gate, "DELETE", f"/containers/{made}?force=1").status == 204


def test_one_that_somebody_removed_is_recreated_as_it_was(gate: Gate, twin: EngineTwin) -> None:
    form = copied(twin)
    ask(gate, "POST", COPY, form)
    del twin.there[WEB]
    assert ask(gate, "POST", COPY, form).status == 201


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("HostConfig/Privileged", True),
        ("HostConfig/privileged", True),
        ("HostConfig/Binds", ["/:/host"]),
        ("HostConfig/Binds", ["data:/etc:rw"]),
        ("HostConfig/Mounts", [{"Type": "bind", "Source": "/", "Target": "/h"}]),
        ("HostConfig/VolumesFrom", [MAIL]),
        ("HostConfig/CapAdd", ["SYS_ADMIN"]),
        ("HostConfig/PidMode", "host"),
        ("HostConfig", {}),
        ("Cmd", ["sh"]),
        ("Entrypoint", ["sh"]),
        ("User", "0"),
        ("Image", "ours"),
        ("Labels", {"chaos.target": "true"}),
        ("Env", [1]),
        ("NetworkingConfig", {"EndpointsConfig": {"control": {}}}),
    ],
)
def test_a_copy_differs_in_its_environment_alone(gate: Gate, twin: EngineTwin, path: str, value: Any) -> None:
    assert refused(gate, "POST", COPY, changed(copied(twin), path, value)).rule == "copy"
    assert twin.asked == []


@pytest.mark.parametrize("id_", [MAIL, ENGINE])
def test_only_targets_are_copied(gate: Gate, twin: EngineTwin, id_: str) -> None:
    assert refused(gate, "POST", COPY, copied(twin, id_)).rule in ("copy", "helper")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("HostConfig/Privileged", True),
        ("HostConfig/PidMode", "host"),
        ("HostConfig/CapAdd", ["SYS_ADMIN"]),
        ("Mounts", [{"Type": "bind", "Source": "/var/run/docker.sock", "Destination": "/s"}]),
    ],
)
def test_a_mighty_target_is_not_started_with_another_environment(
    gate: Gate, twin: EngineTwin, path: str, value: Any
) -> None:
    twin.there[WEB] = changed(twin.there[WEB], path, value)
    error = refused(gate, "POST", COPY, copied(twin))
    assert error.rule == "copy"
    assert "not recreated" in str(error)


def test_a_volume_that_the_engine_named_goes_along_as_it_was(gate: Gate, twin: EngineTwin) -> None:
    twin.there[WEB]["HostConfig"]["Binds"] = None
    form = copied(twin)
    for binds, status in ((["data:/data"], 201), (["data:/data:ro"], 201)):
        assert ask(gate, "POST", COPY, changed(form, "HostConfig/Binds", binds)).status == status
    twin.there[WEB]["Mounts"][0]["RW"] = False
    gate.forms.clear()
    assert refused(gate, "POST", COPY, changed(form, "HostConfig/Binds", ["data:/data"])).rule == "copy"


def test_a_body_must_be_an_object(gate: Gate) -> None:
    assert refused(gate, "POST", COPY, [json.dumps({})]).rule == "body"
