"""Containers of ours that no ledger knows: helpers by their labels, originals by the names that we gave."""

from __future__ import annotations

import json
from collections.abc import Container as Known
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from chaos_engine.containers import FAULT, OWNER, PART, VICTIM, Containers
from chaos_engine.model import Fault, Now, Target
from scenarios.container import as_mapping, victim_of
from scenarios.replacement import Record, parked_parts, record
from scenarios.selection import RefusedError

_HOST = (
    "CapDrop",
    "CapAdd",
    "SecurityOpt",
    "ReadonlyRootfs",
    "NetworkMode",
    "Binds",
    "PidMode",
    "CgroupnsMode",
    "UsernsMode",
    "Mounts",
    "AutoRemove",
)


def stray_helpers(containers: Containers, owner: str | None, known: Known[str], now: Now) -> Iterator[Fault]:
    """Helpers without an entry: ours, and another's that are overdue. `owner` None: whoever's.

    ContainerError: nobody can look.
    """
    found: dict[tuple[str, str], Fault] = {}
    for each in containers.listing([f"{PART}=helper", VICTIM]):
        inspection = containers.inspect(each.id)
        if inspection is None:
            continue
        fault = _fault(inspection, containers, now)
        ours = owner is None or fault.owner == owner
        if fault.id not in known if ours else fault.deadline.wall <= now.wall:
            key = (fault.owner, fault.id)
            found[key] = _joined(found[key], fault) if key in found else fault
    yield from found.values()


def _joined(one: Fault, other: Fault) -> Fault:
    """Two helpers of one fault."""
    lists = {key: [*one.undo[key], *other.undo[key]] for key in ("helpers", "victims")}
    return replace(one, undo={**one.undo, **lists}, resources=(*one.resources, *other.resources))


def stray_originals(
    containers: Containers, owner: str | None, known: Known[str], now: Now
) -> Iterator[Fault]:
    """Containers that we put aside for a replacement, without an entry. `owner` None: that anybody did.

    ContainerError: nobody can look.
    """
    found: dict[tuple[str, str], list[Record]] = {}
    for each in containers.listing():
        owner_of, fault, name = parked_parts(each.name) or ("", "", "")
        others = owner is not None and owner_of != owner[:12]
        if not owner_of or others or fault in known:
            continue
        inspection = containers.inspect(each.id)
        if inspection is not None:
            found.setdefault((owner or owner_of, fault), []).append(
                record(inspection, each.image, None, name)
            )
    for (owner_of, id_), originals in found.items():
        yield _parked_fault(id_, originals, owner_of, now)


def _parked_fault(id_: str, originals: list[Record], owner: str, now: Now) -> Fault:
    """As the scenario would clear it; an original that is still there is all that it needs."""
    return Fault(
        id=id_,
        experiment="",
        scenario="bad_config",
        target=Target(", ".join(kept["name"] for kept in originals)),
        parameters={},
        undo={"victims": [], "originals": originals},
        resources=tuple(f"container:{kept['id']}" for kept in originals),
        owner=owner,
        epoch=0,
        armed_at=now,
        deadline=now,
    )


def _fault(helper: Mapping[str, Any], containers: Containers, now: Now) -> Fault:
    """A stray as a fault that can be cleared."""
    labels, order = helper["Config"]["Labels"], _order(helper)
    mine = {key: order[key] for key in ("victim", "work", "spec")}
    mine |= {"body": _body(helper), "found": helper["Id"]}
    ends = now.plus(order["expires_at"] - now.wall)
    return Fault(
        id=labels[FAULT],
        experiment="",
        scenario=f"a stray {order['work']}",
        target=Target(order["victim"][:12]),
        parameters={},
        undo={
            "helpers": [mine],
            "victims": _victims(order["victim"], containers),
            "outlives": order["outlives"],
        },
        resources=(f"container:{order['victim']}",),
        owner=labels[OWNER],
        epoch=0,
        armed_at=now,
        deadline=ends,
    )


def _victims(id_: str, containers: Containers) -> list[dict[str, Any]]:
    try:
        return [as_mapping(victim_of(id_, containers))]
    except RefusedError:  # it has vanished
        return [{"id": id_, "name": id_[:12], "started_at": "", "pid": 0}]


def _order(helper: Mapping[str, Any]) -> dict[str, Any]:
    texts = (text for text in helper["Config"]["Env"] if text.startswith("CHAOS_HELPER="))
    return dict(json.loads(next(texts).partition("=")[2]))


def _body(helper: Mapping[str, Any]) -> dict[str, Any]:
    config = helper["Config"]
    own = {key: config[key] for key in ("Image", "User", "Entrypoint", "Cmd", "Healthcheck") if key in config}
    return {
        **own,
        "HostConfig": {key: helper["HostConfig"][key] for key in _HOST if helper["HostConfig"].get(key)},
    }
