"""How a container is made anew, and how its original comes back from whatever state the Engine shows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos_engine.model import Fault, Now, Target
from scenarios.coming_back import Join, Leave, Recreate, Remove, Rename, Sight, TakenError, next_step
from scenarios.environment import BROKEN, broken, changed, without
from scenarios.replacement import (
    first_network,
    original_body,
    parked,
    parked_parts,
    record,
    replacement_body,
)
from scenarios.selection import RefusedError

ID, NEW, OTHER = "a" * 64, "b" * 64, "c" * 64
NOW = Now(1000.0, 1.0)
FAULT = Fault("e7-0", "e7", "bad_config", Target("web"), {}, {}, (), "0123456789abcdef", 1, NOW, NOW.plus(30))
ENV = ["A=1", "DATABASE_URL=postgres://a:b@db:5432/x"]


def inspection(name: str = "web-1", id_: str = ID, *, running: bool = True, **host: Any) -> dict[str, Any]:
    networks = {
        "shop_default": {"NetworkID": "n1", "Aliases": ["web", id_[:12]], "IPAddress": "172.18.0.2"},
        "side": {
            "NetworkID": "n2",
            "IPAMConfig": {"IPv4Address": "10.1.0.5"},
            "Aliases": None,
            "Links": None,
        },
    }
    return {
        "Id": id_,
        "Name": f"/{name}",
        "Image": "sha256:1",
        "State": {"Running": running, "Status": "running" if running else "exited"},
        "Config": {"Env": ENV, "Hostname": "h", "Entrypoint": None, "Cmd": ["run"], "Labels": {"mine": "1"},
                   "ExposedPorts": {"80/tcp": {}}},
        "HostConfig": {"NetworkMode": "shop_default", "Binds": ["data:/data:rw"], "Mounts": None, **host},
        "NetworkSettings": {"Networks": networks},
        "Mounts": [
            {"Type": "volume", "Name": "data", "Destination": "/data", "RW": True},
            {"Type": "volume", "Name": "f00", "Destination": "/kept", "RW": False},
            {"Type": "bind", "Source": "/x", "Destination": "/x", "RW": True},
        ],
    }  # fmt: skip


KEPT = record(inspection(), "shop:1", ["A=2"])


# --- the body ---


def test_anonymous_volumes_go_by_their_names_and_the_others_as_they_were_given() -> None:
    host = KEPT["body"]["HostConfig"]
    assert host["Binds"] == ["data:/data:rw"]
    assert host["Mounts"] == [{"Type": "volume", "Source": "f00", "Target": "/kept", "ReadOnly": True}]


def test_a_mount_without_a_source_is_the_volume_that_was_made_for_it() -> None:
    given_ = [
        {"Type": "volume", "Target": "/kept"},
        {"Type": "volume", "Source": "data", "Target": "/data"},
        {"Type": "tmpfs", "Target": "/tmp"},
    ]
    made = record(inspection(Mounts=given_, Binds=None), "", None)["body"]["HostConfig"]["Mounts"]
    assert made == [
        *given_[1:],
        {"Type": "volume", "Source": "f00", "Target": "/kept", "ReadOnly": True},
    ]


def test_what_the_engine_gave_is_not_asked_for() -> None:
    assert KEPT["networks"] == {
        "shop_default": {"Aliases": ["web"]},
        "side": {"IPAMConfig": {"IPv4Address": "10.1.0.5"}},
    }
    assert first_network(KEPT) == "shop_default"
    assert original_body(KEPT)["NetworkingConfig"] == {
        "EndpointsConfig": {"shop_default": {"Aliases": ["web"]}}
    }


@pytest.mark.parametrize("mode", ["host", "none", f"container:{OTHER}"])
def test_one_without_networks_of_its_own_joins_none(mode: str) -> None:
    kept = record(inspection(NetworkMode=mode), "shop:1", None)
    assert kept["networks"] is None
    assert "NetworkingConfig" not in original_body(kept)
    assert ("Hostname" in kept["body"], "ExposedPorts" in kept["body"]) == (":" not in mode,) * 2


def test_no_entry_point_is_not_the_one_of_the_image() -> None:
    assert KEPT["body"]["Entrypoint"] == [""]


def test_a_replacement_differs_by_its_environment_and_says_whose_it_is() -> None:
    original, new = original_body(KEPT), replacement_body(KEPT, FAULT)
    assert {key for key in original if original[key] != new[key]} == {"Env", "Labels"}
    assert new["Env"] == ["A=2"]
    assert new["Labels"] == {
        "mine": "1", "chaos-engine.owner": FAULT.owner,
        "chaos-engine.fault": "e7-0", "chaos-engine.original": ID,
    }  # fmt: skip
    assert original["Labels"] == {"mine": "1"}


def test_it_is_all_in_the_ledger_as_json() -> None:
    assert replacement_body(json.loads(json.dumps(KEPT)), FAULT) == replacement_body(KEPT, FAULT)


@pytest.mark.parametrize("name", ["web-1", "shop.web.1", "my_web"])
def test_a_parked_name_says_whose_it_is(name: str) -> None:
    assert parked_parts(parked(FAULT, name)) == ("0123456789ab", "e7-0", name)


@pytest.mark.parametrize(
    "name", ["web-1", "chaos-original-", "chaos-original-web", "my-chaos-original-a-e.b"]
)
def test_other_names_say_nothing(name: str) -> None:
    assert parked_parts(name) is None


# --- the environment ---


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ("postgres://a:b@db:5432/x?y=1", "postgres://a:b@db:1/x?y=1"),
        ("redis://cache", "redis://cache:1"),
        ("http://[::1]:80/", "http://[::1]:1/"),
        ("postgres://a:p@ss@db/x", "postgres://a:p@ss@db:1/x"),
        ("http://db:1/", BROKEN),
        ("http://db:port/", BROKEN),
        ("sqlite:///shop.db", BROKEN),
        ("secret", BROKEN),
        ("", BROKEN),
    ],
)
def test_a_broken_value_looks_like_the_right_one(value: str, wrong: str) -> None:
    assert broken(value) == wrong


@given(st.text())
def test_whatever_it_is_it_is_broken(value: str) -> None:
    if value != BROKEN:
        assert broken(value) != value


def test_one_variable_changes_where_it_stands() -> None:
    assert changed(["A=1", "B=x=y", "C=3"], "B", "new") == ["A=1", "B=new", "C=3"]
    assert changed(["A=1"], "B", "new") == ["A=1", "B=new"]
    assert changed(ENV, "DATABASE_URL", None)[1] == "DATABASE_URL=postgres://a:b@db:1/x"
    assert without(["A=1", "B=2"], "A") == ["B=2", "A"]  # a bare name: the image's is not taken either


@pytest.mark.parametrize("env", [["A=secret"], ["A=secret", "B"]])
def test_a_variable_that_is_not_there_is_refused_without_telling_values(env: list[str]) -> None:
    message = r"no variable B; allowed: one of A$"
    with pytest.raises(RefusedError, match=message):
        without(env, "B")
    with pytest.raises(RefusedError, match=message):
        changed(env, "B", None)
    with pytest.raises(RefusedError, match="has that value already"):
        changed(env, "A", "secret")


# --- it comes back ---


def sight(**seen: Any) -> Sight:
    nothing = {"original": None, "parked": None, "named": None, "replacement": None}
    return Sight(**{**nothing, "networks": {"shop_default": "n1", "side": "n2"}, **seen})


PARKED_NAME = parked(FAULT, "web-1")
ASIDE = inspection(PARKED_NAME, running=False)
BACK = inspection(running=False)
REPLACEMENT = inspection(id_=NEW)


@pytest.mark.parametrize(
    ("seen", "step"),
    [
        ({"original": inspection(), "named": inspection()}, None),
        ({"original": BACK, "named": BACK}, None),
        ({"original": BACK, "named": BACK, "replacement": REPLACEMENT}, Remove(NEW)),
        ({"original": ASIDE, "parked": ASIDE, "named": REPLACEMENT, "replacement": REPLACEMENT}, Remove(NEW)),
        ({"original": ASIDE, "parked": ASIDE}, Rename(ID, "web-1")),
        ({"named": REPLACEMENT, "replacement": REPLACEMENT}, Recreate(PARKED_NAME, original_body(KEPT))),
        ({"parked": inspection(PARKED_NAME, OTHER, running=False)}, Rename(OTHER, "web-1")),
        ({}, None),  # all of it has vanished
        ({"named": inspection(id_=OTHER)}, None),  # somebody has made another one
    ],
)
def test_one_step_after_the_other(seen: dict[str, Any], step: Any) -> None:
    assert next_step(KEPT, FAULT, sight(**seen)) == step


def test_one_that_was_made_anew_and_never_started_is_still_ours_to_start() -> None:
    made = inspection(id_=OTHER, running=False)
    made["State"]["Status"] = "created"
    assert sight(named=made).keeper == made
    assert sight(named=inspection(id_=OTHER)).keeper is None
    assert sight(named=made, replacement=made).keeper is None


def test_networks_are_left_and_joined_before_it_starts() -> None:
    alone = inspection(running=False)
    del alone["NetworkSettings"]["Networks"]["side"]
    assert next_step(KEPT, FAULT, sight(original=alone)) == Join(ID, "side", KEPT["networks"]["side"])
    gone = sight(original=alone, networks={"shop_default": "n1"})
    assert next_step(KEPT, FAULT, gone) is None  # the network is no more
    renewed = sight(original=BACK, networks={"shop_default": "n1", "side": "n9"})
    assert next_step(KEPT, FAULT, renewed) == Leave(ID, "side")
    guest = inspection(running=False)
    guest["NetworkSettings"]["Networks"]["foreign"] = {"NetworkID": "n3"}
    assert next_step(KEPT, FAULT, sight(original=guest)) == Leave(ID, "foreign")


def test_somebody_elses_container_keeps_its_name() -> None:
    with pytest.raises(TakenError, match=f"web-1 is another container by now; the original is {PARKED_NAME}"):
        next_step(KEPT, FAULT, sight(original=ASIDE, parked=ASIDE, named=inspection(id_=OTHER)))
