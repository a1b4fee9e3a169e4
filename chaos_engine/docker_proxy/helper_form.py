"""Pure: whether the body of a new container is that of a helper, and of nothing else.

Keys are compared letter by letter, and one that is not known is refused: the Engine itself does not mind
capitals.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chaos_engine.containers import FAULT, OWNER, PART, VICTIM
from chaos_engine.docker_proxy.refusal import ForbiddenError

COMMAND = ["python", "-m", "chaos_engine.helper"]
CAPABILITIES = {
    "NET_ADMIN", "NET_RAW", "KILL", "SYS_PTRACE", "SYS_RESOURCE", "DAC_OVERRIDE", "DAC_READ_SEARCH", "CHOWN",
    "FOWNER",
}  # fmt: skip
# Work that may look at the whole machine's processes, with the only capabilities that it may have there.
ON_THE_HOST = {"kill": {"KILL"}}
# Work that writes the kernel's cgroup files: those of the container in its spec, and so of its victim.
IN_CGROUPS = {"cpu_limit", "memory_limit", "cpu_stress", "memory_stress", "io_stress"}
CGROUPS: Mapping[str, Any] = {
    "CgroupnsMode": "host",
    "UsernsMode": "host",
    "Mounts": [{"Type": "bind", "Source": "/sys/fs/cgroup", "Target": "/cgroup"}],
}
# Work that takes a file of its own out of a container that does not run.
IN_FILES, LEFT = {"disk_fill"}, "/left"
ALONE = {"abilities"}  # work on nobody, in namespaces of its own
FIXED: Mapping[str, Any] = {
    "User": "0:0",
    "Entrypoint": COMMAND,
    "Cmd": [],
    "Healthcheck": {"Test": ["NONE"]},
}
FIXED_HOST: Mapping[str, Any] = {
    "CapDrop": ["ALL"],
    "SecurityOpt": ["no-new-privileges:true"],
    "ReadonlyRootfs": True,
}
BOUNDS = {"Memory", "MemorySwap", "NanoCpus", "CpuShares", "PidsLimit", "OomScoreAdj"}
_NAME = re.compile(r"chaos-[a-zA-Z0-9_.-]{1,200}")
_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Rights:
    """What the rest of the world says. `pid_of`: main process of an allowed container; None: not allowed."""

    is_ours: Callable[[str], bool]  # an image
    pid_of: Callable[[str], int | None]
    works: frozenset[str]
    places_of: Callable[[str], frozenset[str]]  # where an allowed container's files are: on the host, volumes
    network_of: Callable[[str], str]  # an allowed container's network mode


def is_meant(body: Any) -> bool:
    """Whether it says that it is a helper."""
    labels = body.get("Labels") if isinstance(body, Mapping) else None
    return isinstance(labels, Mapping) and PART in labels


def check(name: str, body: Mapping[str, Any], rights: Rights) -> None:
    """ForbiddenError: it is more than a helper."""
    _require(bool(_NAME.fullmatch(name)), f"name {name!r}; allowed: chaos-…")
    _only(body, {*FIXED, "Image", "Env", "Labels", "HostConfig"}, "")
    _equal(body, FIXED, "")
    _labels(body.get("Labels"))
    _require(rights.is_ours(_text(body, "Image")), f"Image {body.get('Image')!r}; allowed: our own")
    order = _order(body.get("Env"), rights)
    host = body.get("HostConfig")
    _require(isinstance(host, Mapping), "HostConfig is missing")
    _host(dict(host or {}), order, rights)


def _labels(labels: Any) -> None:
    _only(labels, {PART, OWNER, FAULT, VICTIM}, "Labels.")
    _require(labels.get(PART) == "helper", f"Labels.{PART} is {labels.get(PART)!r}; allowed: helper")


def _order(environment: Any, rights: Rights) -> Mapping[str, Any]:
    """What the helper is told: known work, on an allowed container."""
    one = isinstance(environment, list) and len(environment) == 1 and isinstance(environment[0], str)
    _require(one and environment[0].startswith("CHAOS_HELPER="), "Env; allowed: CHAOS_HELPER alone")
    try:
        order = json.loads(environment[0].partition("=")[2])
    except ValueError:
        order = None
    _require(isinstance(order, dict), "CHAOS_HELPER is no order")
    _require(order.get("work") in rights.works, f"work {order.get('work')!r} is not known")
    if order["work"] not in ALONE:
        _allowed(order.get("victim"), rights, "victim")
    return dict(order)


def _host(host: Mapping[str, Any], order: Mapping[str, Any], rights: Rights) -> None:
    shared = {"CapAdd", "NetworkMode", "PidMode", "Binds", *CGROUPS}
    _only(host, {*FIXED_HOST, *shared, *BOUNDS, "AutoRemove"}, "HostConfig.")
    _equal(host, FIXED_HOST, "HostConfig.")
    _require(isinstance(host.get("AutoRemove", False), bool), "HostConfig.AutoRemove: neither true nor false")
    if order["work"] in ALONE:
        _only(host, {*FIXED_HOST, "CapAdd", "NetworkMode", "AutoRemove"}, f"{order['work']}: HostConfig.")
        _require(host.get("NetworkMode") == "none", f"NetworkMode for {order['work']!r}; allowed: none")
    odd = [key for key in BOUNDS & set(host) if not isinstance(host[key], int)]
    _require(not odd, f"HostConfig.{', '.join(odd)}: no whole number")
    given = host.get("CapAdd") or []
    _require(isinstance(given, list) and set(map(str, given)) <= CAPABILITIES, f"CapAdd {given!r}")
    mode = str(host.get("NetworkMode"))  # the victim may itself be in the network of another one
    if not mode.startswith("container:") or mode != rights.network_of(str(order.get("victim"))):
        _namespace(host.get("NetworkMode"), "none", "NetworkMode", rights)
    if host.get("PidMode") == "host":
        _on_the_host(host, order, rights)
    else:
        _namespace(host.get("PidMode"), "", "PidMode", rights)
    if set(CGROUPS) & set(host):
        _mounts(host, order, rights)
    for bind in host.get("Binds") or []:
        _bind(str(bind), rights)


def _mounts(host: Mapping[str, Any], order: Mapping[str, Any], rights: Rights) -> None:
    """The cgroups, for work that keeps to its victim's; or the files of a victim, to take one out."""
    spec = order.get("spec")
    about = spec.get("container") if isinstance(spec, Mapping) else None
    given = {key: host[key] for key in CGROUPS if key in host}
    if given == CGROUPS and order["work"] in IN_CGROUPS:
        _require(about == order["victim"], f"work on the cgroup of {about!r}; allowed: the victim's")
        return
    mounts = given["Mounts"] if set(given) == {"Mounts"} else None
    undoes = order.get("undo") is True and order["work"] in IN_FILES
    if not (undoes and isinstance(mounts, list) and len(mounts) == 1 and isinstance(mounts[0], Mapping)):
        raise ForbiddenError("helper", f"no helper: {given!r} for {order['work']!r}")
    source = mounts[0].get("Source")
    wanted = [{"Type": kind, "Source": source, "Target": LEFT} for kind in ("bind", "volume")]
    _require(mounts[0] in wanted, f"mount {mounts[0]!r}")
    theirs = rights.places_of(str(order["victim"]))
    _require(source in theirs, f"mount {source!r}; allowed: the victim's files")


def _on_the_host(host: Mapping[str, Any], order: Mapping[str, Any], rights: Rights) -> None:
    """A signal to the main process of the victim, and to nothing else."""
    capabilities = ON_THE_HOST.get(order["work"])
    _require(capabilities is not None, f"PidMode host for {order['work']!r}")
    _require(set(host.get("CapAdd") or ()) <= (capabilities or set()), "CapAdd, with PidMode host")
    alone = host.get("NetworkMode") == "none" and not host.get("Binds") and "Mounts" not in host
    _require(alone, "PidMode host with something else")
    spec, victim = order.get("spec"), str(order["victim"])
    told = spec if isinstance(spec, Mapping) else {}
    _require(told.get("container") == victim, "PidMode host for another container than the victim")
    # Undoing touches no process, and comes when the victim may have a new one.
    mine = told.get("pid") is not None and told["pid"] == rights.pid_of(victim)
    text = f"PidMode host for process {told.get('pid')!r}; allowed: the victim's main one"
    _require(mine or order.get("undo") is True, text)


def _namespace(mode: Any, otherwise: str, key: str, rights: Rights) -> None:
    if (mode or "") == otherwise:
        return
    kind, _, id_ = str(mode).partition(":")
    _require(kind == "container", f"{key} {mode!r}; allowed: {otherwise or 'none'}, or container:ID")
    _allowed(id_, rights, key)


def _bind(bind: str, rights: Rights) -> None:
    """The cgroup of an allowed container."""
    source = bind.split(":", maxsplit=1)[0].split("/")
    plain = source[:4] == ["", "sys", "fs", "cgroup"] and not {"..", ".", ""} & set(source[1:])
    ids = [found[0] for part in source if (found := _ID.search(part))]
    _require(plain and bool(ids), f"bind {bind!r}; allowed: the victim's cgroup")
    for id_ in ids:
        _allowed(id_, rights, "bind")


def _allowed(id_: Any, rights: Rights, what: str) -> None:
    _require(
        isinstance(id_, str) and rights.pid_of(id_) is not None,
        f"{what} {id_!r} is no container that opted in",
    )


def _only(given: Any, known: set[str], where: str) -> None:
    _require(isinstance(given, Mapping), f"{where or 'the body'} is no object")
    odd = sorted(set(given) - known)
    _require(not odd, f"{where}{', '.join(odd)} is nothing that helpers have")


def _equal(given: Mapping[str, Any], wanted: Mapping[str, Any], where: str) -> None:
    for key, value in wanted.items():
        _require(given.get(key) == value, f"{where}{key} is {given.get(key)!r}; allowed: {value!r}")


def _text(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    return value if isinstance(value, str) else ""


def _require(good: bool, text: str) -> None:
    if not good:
        raise ForbiddenError("helper", f"no helper: {text}")
