"""Pure: whether the body of a new container is that of an allowed one, but for its environment.

A container is recreated so, with a variable changed. Nothing else may be different: neither what it may do,
nor what it sees of the host.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chaos_engine.containers import FAULT, ORIGINAL, OWNER, PROJECT
from chaos_engine.docker_proxy.refusal import ForbiddenError

MARKS = {OWNER, FAULT, ORIGINAL}  # labels of ours, by which a copy is known
_APART = {"Env", "Labels", "HostConfig", "NetworkingConfig"}
# The Engine makes these up for each container; who leaves them out gets new ones.
_GIVEN = {"Hostname", "Domainname", "MacAddress"}
_VOLUMES = {"Binds", "Mounts", "VolumesFrom"}
_SOCKETS = ("docker.sock", "containerd.sock", "podman.sock")


def check(body: Mapping[str, Any], original: Mapping[str, Any]) -> None:
    """ForbiddenError: it differs from the original's inspection, or the original is too mighty."""
    _check_might(original)
    config = original["Config"]
    plain = {k: v for k, v in body.items() if k not in _APART}
    if plain.get("Image") == original["Image"]:  # by its id, since a tag may move
        plain["Image"] = config["Image"]
    if plain.get("Entrypoint") == [""]:  # so that the image's is not taken, where there was none
        plain["Entrypoint"] = None
    _same(plain, config, "", _APART | _GIVEN)
    _environment(body.get("Env"))
    _labels(body.get("Labels") or {}, config.get("Labels") or {})
    host = body.get("HostConfig") or {}
    kept = {k: v for k, v in host.items() if k not in _VOLUMES}
    _same(kept, original["HostConfig"], "HostConfig.", _VOLUMES)
    _volumes(host, original)
    networks = (body.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}
    odd = sorted(set(networks) - set(original["NetworkSettings"]["Networks"]))
    _require(not odd, f"network {', '.join(odd)} is none of its own")
    _require(
        set(body.get("NetworkingConfig") or {}) <= {"EndpointsConfig"}, "NetworkingConfig has something else"
    )


def is_alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two inspections are the same container of Compose, one of them under another name."""
    labels, others = one["Config"].get("Labels") or {}, other["Config"].get("Labels") or {}
    plain = {k: v for k, v in labels.items() if k not in MARKS}
    return bool(labels.get(PROJECT)) and plain == {k: v for k, v in others.items() if k not in MARKS}


def _check_might(original: Mapping[str, Any]) -> None:
    """What can do anything anyhow is not started with an environment of somebody's choice."""
    host = original["HostConfig"]
    mighty = [key for key in ("Privileged", "Devices") if host.get(key)]
    mighty += [key for key in ("PidMode", "IpcMode", "UTSMode") if host.get(key) == "host"]
    mighty += [cap for cap in host.get("CapAdd") or () if cap in ("ALL", "SYS_ADMIN", "CAP_SYS_ADMIN")]
    sources = [str(mount.get("Source", "")) for mount in original.get("Mounts") or ()]
    mighty += [f"mount of {s}" for s in sources if s == "/" or s.endswith(_SOCKETS)]
    _require(not mighty, f"it is not recreated, since it has {', '.join(mighty)}")


def _same(given: Mapping[str, Any], kept: Mapping[str, Any], where: str, but: set[str]) -> None:
    different = sorted(key for key, value in given.items() if key not in kept or kept[key] != value)
    _require(not different, f"{where}{', '.join(different)} is not as it was")
    left_out = sorted(key for key, value in kept.items() if value and key not in given and key not in but)
    _require(not left_out, f"{where}{', '.join(left_out)} is left out")


def _environment(given: Any) -> None:
    texts = isinstance(given, list) and all(isinstance(each, str) for each in given)
    _require(given is None or texts, "Env is no list of texts")


def _labels(given: Mapping[str, Any], kept: Mapping[str, Any]) -> None:
    plain = {key: value for key, value in given.items() if key not in MARKS}
    _require(plain == {k: v for k, v in kept.items() if k not in MARKS}, "Labels are not as they were")


def _volumes(host: Mapping[str, Any], original: Mapping[str, Any]) -> None:
    """What it had mounted, however it is said: volumes that the Engine had named may be named."""
    was = original["HostConfig"]
    named = [m for m in original.get("Mounts") or () if m.get("Type") == "volume" and m.get("Name")]
    places = {f"{m['Name']}:{m['Destination']}": bool(m.get("RW")) for m in named}
    for bind in host.get("Binds") or ():
        known = bind in (was.get("Binds") or ()) or _is_bound(str(bind), places)
        _require(known, f"bind {bind!r} is none of its own")
    for mount in host.get("Mounts") or ():
        known = mount in (was.get("Mounts") or ()) or _is_named(mount, places)
        _require(known, f"mount {mount!r} is none of its own")
    odd = [each for each in host.get("VolumesFrom") or () if each not in (was.get("VolumesFrom") or ())]
    _require(not [each for each in odd if each != original["Id"]], f"VolumesFrom {odd!r}")


def _is_bound(bind: str, places: Mapping[str, bool]) -> bool:
    volume, path, mode = [*bind.split(":", 2), "", ""][:3]
    writable = places.get(f"{volume}:{path}")
    return writable is not None and (mode == "ro" or (writable and mode in ("", "rw", "z")))


def _is_named(mount: Any, places: Mapping[str, bool]) -> bool:
    """`places`: volume and path, and whether it may be written to."""
    if not isinstance(mount, Mapping) or set(mount) - {"Type", "Source", "Target", "ReadOnly"}:
        return False
    writable = places.get(f"{mount.get('Source')}:{mount.get('Target')}")
    good = writable is not None and (writable or mount.get("ReadOnly") is True)
    return good and mount.get("Type") == "volume"


def _require(good: bool, text: str) -> None:
    if not good:
        raise ForbiddenError("copy", f"no copy of a container that opted in: {text}")
