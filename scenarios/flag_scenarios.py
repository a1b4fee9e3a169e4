"""A feature flag that an application reads gets another default variant (OpenFeature flagd, in a file)."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any, ClassVar

from pydantic import Field

from chaos_engine.model import Fault, Observation, Seen, Target
from chaos_engine.ports import World
from chaos_engine.spelling import nearest
from scenarios.base import Parameters, Preparation, Scenario
from scenarios.flagd import default_of, flags_of, variants_of, with_default
from scenarios.selection import RefusedError


class FlagParameters(Parameters):
    """`flag` is switched to `variant`."""

    flag: str = Field(min_length=1)
    variant: str = Field(min_length=1)


class FeatureFlag(Scenario):
    """The variant that was the default before is in the undo; nobody else's later choice is overwritten."""

    name = "feature_flag"
    parameters: ClassVar[type[Parameters]] = FlagParameters

    def refusal(self, target: Target) -> str | None:
        """It needs a file of flags."""
        return None if target.flagd_file else f"target {target.name!r} has no flagd_file"

    def preflight(self, target: Target, parameters: Any, world: World) -> str | None:
        """What preparing would refuse now."""
        try:
            self.prepare(target, parameters, Random(0), world)  # noqa: S311
        except RefusedError as error:
            return str(error)
        return None

    def prepare(self, target: Target, parameters: Any, rng: Random, world: World) -> Preparation:
        """RefusedError: no such file, flag or variant; it is switched off, or has that variant already."""
        del rng
        path = _path(target)
        flag = _flag(path, parameters.flag, world)
        before = _checked(path, parameters, flag)
        shown = {"flag": parameters.flag, "variant": parameters.variant}
        if flag.get("targeting"):
            shown["note"] = "it has targeting rules: the default is for those whom none of them meets"
        undo = {"flagd_file": str(path), "flag": parameters.flag, "before": before}
        return Preparation(shown, undo, (f"flag:{path}#{parameters.flag}",))

    def inject(self, fault: Fault, world: World) -> None:
        """Only from the variant that it had when this was prepared. RefusedError: somebody was faster."""
        flag, before, variant = fault.undo["flag"], fault.undo["before"], fault.parameters["variant"]

        def switched(text: str) -> str:
            found = default_of(text, flag)
            if found not in (before, variant):
                raise RefusedError(f"flag {flag!r} was changed to {found!r} meanwhile")
            return with_default(text, flag, variant)

        path = _path(fault.target)
        world.flags.change(path, switched)
        if _now(fault, world) != variant:
            raise RefusedError(f"{path}: flag {flag!r} was not switched: the file or the flag has vanished")

    def observe(self, fault: Fault, world: World) -> Seen:
        """GONE where it has another variant; whether the injected one is felt, only a client can tell."""
        found = _now(fault, world)
        if found == fault.parameters["variant"]:
            return Seen(Observation.BLIND)
        changed = {} if found == fault.undo["before"] else {"changed_to": found or "nothing"}
        return Seen(Observation.GONE, details=changed)

    def clear(self, fault: Fault, world: World) -> None:
        """Back to the variant before, where it still has ours. ValueError: the file cannot be read now."""
        flag, before, variant = fault.undo["flag"], fault.undo["before"], fault.parameters["variant"]

        def restored(text: str) -> str:
            return with_default(text, flag, before) if default_of(text, flag) == variant else text

        path = _path(fault.target)
        world.flags.change(path, restored)
        found = _now(fault, world)
        if found == variant:
            raise RuntimeError(f"{path}: flag {flag!r} still is {variant!r} after it was cleared")
        if found != before:
            world.tell(f"{path}: flag {flag!r} is {found!r} by somebody else's doing, and is left so")


def _checked(path: Path, parameters: FlagParameters, flag: Any) -> str:
    """The variant before. RefusedError: this one cannot be injected."""
    known, before = variants_of(flag), flag.get("defaultVariant")
    where = f"{path}: flag {parameters.flag!r}"
    if parameters.variant not in known:
        hint = nearest(parameters.variant, known)
        allowed = ", ".join(sorted(known)) or "none: it has no variants"
        raise RefusedError(f"{where} has no variant {parameters.variant!r}{hint}; allowed: {allowed}")
    if flag.get("state") == "DISABLED":
        raise RefusedError(f"{where} is DISABLED: nobody would see the variant")
    if not isinstance(before, str):
        raise RefusedError(f"{where} has no defaultVariant, so there is none to come back to")
    if before == parameters.variant:
        raise RefusedError(f"{where} is {before!r} already")
    return before


def _flag(path: Path, name: str, world: World) -> Any:
    try:
        text = world.flags.read(path)
        if text is None:
            raise RefusedError(f"{path}: there is no such file")
        flags = flags_of(text)
    except (OSError, ValueError) as error:
        raise RefusedError(f"{path}: {error}") from None
    if name not in flags:
        allowed = ", ".join(sorted(flags)) or "none: it has no flags"
        raise RefusedError(f"{path}: unknown flag {name!r}{nearest(name, flags)}; allowed: {allowed}")
    return flags[name]


def _now(fault: Fault, world: World) -> str | None:
    text = world.flags.read(_path(fault.target))
    return None if text is None else default_of(text, fault.undo["flag"])


def _path(target: Target) -> Path:
    if target.flagd_file is None:
        raise ValueError(f"target {target.name!r} has no flagd_file")
    return target.flagd_file
