"""Pure: the settings that hold, as they are shown, kept and compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chaos_engine import durations
from chaos_engine.config import Settings

DURATIONS = ("every", "startup_wait", "recovery", "min_interval")


def schedule(settings: Settings) -> dict[str, Any]:
    """The schedule's settings by name; durations in seconds."""
    rules = settings.rules
    return {
        "every": rules.every, "startup_wait": rules.startup_wait, "recovery": settings.hold,
        "enabled": rules.enabled, "windows": list(rules.windows), "timezone": rules.timezone,
        "max_concurrent": rules.max_concurrent, "min_interval": rules.min_interval,
        "max_per_hour": rules.max_per_hour, "max_per_day": rules.max_per_day, "seed": settings.seed,
        "when_not_recovered": rules.strain_factor, "resume": settings.resume,
    }  # fmt: skip


def weights(settings: Settings) -> dict[str, float]:
    """The weights asked for."""
    return {choice.label: choice.weight for choice in settings.rules.choices}


def flat(settings: Settings) -> dict[str, Any]:
    """Every setting that can be changed while running, by the name that it is changed by."""
    found = {f"schedule.{name}": value for name, value in schedule(settings).items()}
    return found | {f"scenarios.{label}.weight": weight for label, weight in weights(settings).items()}


def difference(old: Settings, new: Settings) -> dict[str, dict[str, Any]]:
    """What has changed: name to old and new value. Of experiments only that they have."""
    before, after = flat(old), flat(new)
    names = dict.fromkeys((*before, *after))
    changed = {
        name: {"old": before.get(name), "new": after.get(name)}
        for name in names if before.get(name) != after.get(name)
    }  # fmt: skip
    return changed | _experiments(old, new)


def _experiments(old: Settings, new: Settings) -> dict[str, dict[str, Any]]:
    """A hold that the schedule sets is told there."""
    changed = {}
    for key in dict.fromkeys((*old.experiments, *new.experiments)):
        before, after = old.experiments.get(key), new.experiments.get(key)
        if before != after and (before is None or after is None or old.hold == new.hold):
            was, is_ = (None if e is None else e.title for e in (before, after))
            changed[f"scenarios.{key[0]} on {key[1]}"] = {"old": was, "new": is_}
    return changed


def said(changed: Mapping[str, Mapping[str, Any]]) -> str:
    """`schedule.every 180s -> 60s, …`."""
    told = (
        f"{name} {shown(name, change['old'])} -> {shown(name, change['new'])}"
        for name, change in changed.items()
    )
    return ", ".join(told) or "nothing is different"


def shown(name: str, value: Any) -> str:
    """A value as people write it."""
    if value is None:
        return "none"
    if name.removeprefix("schedule.") in DURATIONS:
        return durations.show(value)
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
