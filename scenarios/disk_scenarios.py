"""The disk of a container: a folder of it gets full."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any, ClassVar

from pydantic import model_validator

from chaos_engine.containers import ContainerError
from chaos_engine.model import Fault, Observation, Seen
from chaos_engine.ports import World
from scenarios.amounts import Percent, SizeOrNone
from scenarios.asking import AskingScenario, own_processes
from scenarios.base import Parameters, Preparation
from scenarios.container import Restart, Victim
from scenarios.helper import HelperParameters
from scenarios.helper_container import HelperError, Surface, is_running, name_of
from scenarios.helper_end import clear_helpers, restarted, undone_by_another, was_killed
from scenarios.paths import Path

TARGET = "/left"  # where a helper has the files of a container that does not run


class DiskFillParameters(HelperParameters):
    """`path`: a folder of the container, in its own layer, a volume or a tmpfs.

    `percent`: how full it is then (90%); or `leave`: what is left (100MB). `reserve`: what is left of the
    host's file system in any case; by default 1 GB or 5 % of it, whichever is more.
    """

    path: Path = "/tmp"  # noqa: S108
    percent: Percent | None = None
    leave: SizeOrNone | None = None
    reserve: SizeOrNone | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> DiskFillParameters:
        if (self.percent is None) == (self.leave is None):
            raise ValueError("allowed: one of percent: 95%, leave: 100MB")
        return self


class DiskFill(AskingScenario):
    """A file of ours leaves little room. It outlives a restart, as a full disk does."""

    name = "disk_fill"
    parameters: ClassVar[type[Parameters]] = DiskFillParameters
    restart = Restart.NOTHING
    work = "disk_fill"
    outlives = True

    def surface(self, parameters: Any) -> Surface:
        """Its files, whoever they belong to."""
        del parameters
        return Surface(pid="victim", capabilities=("SYS_PTRACE", "DAC_OVERRIDE"))

    def spec(self, victim: Victim, parameters: Any, rng: Random, world: World) -> Mapping[str, Any]:
        """RefusedError: it is not alone in its process namespace."""
        own_processes(victim, world.containers)
        return {
            "path": parameters.path,
            "name": f".chaos-engine-{rng.getrandbits(32):08x}",
            "share": parameters.percent,
            "leave": parameters.leave,
            "reserve": parameters.reserve,
        }

    def plan(self, victims: tuple[Victim, ...], parameters: Any, rng: Random, world: World) -> Preparation:
        """Also where the file is found when the container does not run."""
        made = super().plan(victims, parameters, rng, world)
        helpers = [{**each, "left": _place(each, world)} for each in made.undo["helpers"]]
        return Preparation(made.parameters, {**made.undo, "helpers": helpers}, made.resources)

    def observe(self, fault: Fault, world: World) -> Seen:
        """A restart ends the helper and leaves the file: another helper takes it over."""
        orphans = [each for each in fault.undo["helpers"] if was_killed(fault, each, world)]
        if not orphans or _is_emptied(fault, orphans, world):
            return super().observe(fault, world)
        runs = all(is_running(each["victim"], world) for each in orphans)
        return Seen(Observation.BLIND, again=runs)

    def is_left(self, fault: Fault, world: World) -> bool:
        """Cleared, it has no helper; one that runs was started after that."""
        names = (name_of(fault, each["victim"]) for each in fault.undo["helpers"])
        return any(is_running(name, world) for name in names)

    def clear(self, fault: Fault, world: World) -> None:
        """HelperError: a file is still there."""
        helpers = fault.undo["helpers"]
        running = [each for each in helpers if is_running(each["victim"], world)]
        errors = [_removed(fault, each, world) for each in helpers if each not in running]
        clear_helpers(replace(fault, undo={**fault.undo, "helpers": running}), world)
        if any(errors):
            raise HelperError("; ".join(filter(None, errors)))


def _is_emptied(fault: Fault, orphans: list[Mapping[str, Any]], world: World) -> bool:
    """What was in memory has gone with the restart, and is not to be there again."""
    lost = {victim.id for victim in restarted(fault, world)}
    gone = all(each["victim"] in lost and not each["left"] for each in orphans)
    return gone and fault.parameters["on_restart"] == "cleared"


def _place(helper: Mapping[str, Any], world: World) -> dict[str, Any] | None:
    found = world.containers.inspect(helper["victim"])
    return place_of(helper["spec"]["folder"], found) if found else None


def _removed(fault: Fault, helper: Mapping[str, Any], world: World) -> str:
    """Out of the files of one that does not run; an error, or nothing."""
    world.containers.remove(name_of(fault, helper["victim"]))  # it has died with its victim
    place = helper.get("left")
    if not place:
        return ""
    there = world.containers.inspect(helper["victim"]) is not None
    spec = {**helper["spec"], "root": TARGET, "folder": place["folder"]}
    body = helper["body"]
    host = {k: v for k, v in body["HostConfig"].items() if k != "PidMode"} | {
        "Mounts": [_mount(place, there)]
    }
    other = {**helper, "spec": spec, "body": {**body, "HostConfig": host}}
    try:
        return undone_by_another(fault, other, world)
    except ContainerError as error:
        if not there and "does not exist" in str(error):  # it was removed, and its files with it
            return ""
        raise


def _mount(place: Mapping[str, Any], there: bool) -> dict[str, Any]:
    """A volume by its name only where it surely exists: the Engine would make it anew."""
    if there and place["volume"]:
        return {"Type": "volume", "Source": place["volume"], "Target": TARGET}
    return {"Type": "bind", "Source": place["source"], "Target": TARGET}


def place_of(folder: str, inspection: Mapping[str, Any]) -> dict[str, Any] | None:
    """Where a folder of a container is on the host; None: nowhere, when it does not run."""
    mounts = {each["Destination"]: each for each in inspection["Mounts"]}
    memory = {point: {"Type": "tmpfs"} for point in (*(inspection["HostConfig"].get("Tmpfs") or ()), "/dev")}
    mounted = {**memory, **mounts}
    around = [point for point in mounted if f"{folder}/".startswith(f"{point.rstrip('/')}/")]
    if not around:
        layer = (inspection.get("GraphDriver", {}).get("Data") or {}).get("UpperDir")
        return {"source": layer, "volume": "", "folder": folder} if layer else None
    point = max(around, key=len)
    if mounted[point]["Type"] == "tmpfs":
        return None
    rest = folder[len(point.rstrip("/")) :] or "/"
    return {"source": mounted[point]["Source"], "volume": mounted[point].get("Name", ""), "folder": rest}
