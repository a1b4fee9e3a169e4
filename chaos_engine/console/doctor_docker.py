"""`doctor`'s part for Docker: the Engine, the helpers' image, each target's containers, what works here."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from chaos_engine.adapters.real_world import world_of
from chaos_engine.config import Settings
from chaos_engine.console.findings import BAD, NOTE, OK, Finding
from chaos_engine.console.preflight import refusals
from chaos_engine.containers import ContainerError
from chaos_engine.found_targets import census_of
from chaos_engine.ports import World
from scenarios.abilities import abilities
from scenarios.census import Counted
from scenarios.helper import HelperScenario
from scenarios.helper_container import HelperError


def examine(settings: Settings, world: World | None = None) -> Iterator[Finding]:
    """Everything that has to do with containers."""
    if not settings.hurts_containers:
        yield Finding("docker", OK, "not needed by this configuration")
        return
    world = world or world_of()
    try:
        info = world.containers.engine()
    except ContainerError as error:
        yield Finding("docker", BAD, str(error))
        return
    yield from _engine(info)
    try:
        yield from _image(settings, world)
        yield from (_target(each) for each in census_of(settings, world.containers).targets)
        yield from _steps(settings, world)
        yield from _ways(world)
    except ContainerError as error:
        yield Finding("docker", BAD, str(error))


def _engine(info: Mapping[str, Any]) -> Iterator[Finding]:
    cgroup = f"cgroup v{info.get('CgroupVersion', '?')} with the driver {info.get('CgroupDriver', '?')}"
    version = f"Engine {info.get('ServerVersion', '?')} on {info.get('OperatingSystem', '?')}"
    yield Finding("docker", OK, f"{version}, kernel {info.get('KernelVersion', '?')}, {cgroup}")
    if info.get("OSType", "linux") != "linux":
        yield Finding("docker", BAD, f"containers of {info['OSType']} cannot be hurt; allowed: linux")
    if any("name=rootless" in str(option) for option in info.get("SecurityOptions") or ()):
        yield Finding("docker", NOTE, "it is rootless: what needs the host's processes or cgroups fails")
    if not os.environ.get("DOCKER_HOST", "").startswith("tcp://"):
        yield Finding(
            "docker", NOTE, "its socket is open to this process: that is root on the host (see docker-proxy)"
        )


def _image(settings: Settings, world: World) -> Iterator[Finding]:
    used = {step.scenario for each in settings.experiments.values() for step in each.steps}
    needed = sorted(name for name in used if isinstance(settings.scenarios[name], HelperScenario))
    if not needed:
        return
    image = world.containers.image()
    if world.containers.has_image(image):
        yield Finding("helper image", OK, image)
    else:
        text = f"the Engine has no {image}, and {', '.join(needed)} need it; CHAOS_HELPER_IMAGE names another"
        yield Finding("helper image", BAD, text)


def _target(target: Counted) -> Finding:
    what = f"containers of {target.name}"
    if target.refusal:
        return Finding(what, BAD, target.refusal)
    names = ", ".join(each.container.name for each in target.candidates if not each.why_not)
    if names:
        return Finding(what, OK, f"{target.eligible} of {len(target.candidates)} may be hurt now: {names}")
    why = "; ".join(f"{each.container.name}: {each.why_not}" for each in target.candidates)
    return Finding(what, BAD, f"none may be hurt now: {why}")


def _steps(settings: Settings, world: World) -> Iterator[Finding]:
    """Each is prepared, as before an injection; that changes nothing."""
    for experiment in settings.experiments.values():
        if not any(step.target.containers for step in experiment.steps):
            continue
        told = list(dict.fromkeys(refusals(experiment, settings, world)))
        what = f"{experiment.label} on {', '.join(experiment.targets)}"
        if told:
            said = (text.removeprefix(f"{settings.source}: ").partition(": ")[2] or text for text in told)
            yield Finding(what, BAD, "; ".join(said))
        else:
            yield Finding(what, OK, "could be injected now")


def _ways(world: World) -> Iterator[Finding]:
    """What this kernel can do; a way that it cannot go is no fault of the configuration."""
    try:
        found = abilities(world)
    except (ContainerError, HelperError) as error:
        yield Finding("ways", NOTE, f"could not be tried: {error}")
        return
    for name, lacks in found.items():
        yield Finding(f"way {name}", NOTE if lacks else OK, lacks or "works here")
