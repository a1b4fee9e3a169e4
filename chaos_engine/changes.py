"""Pure: settings that were changed while the daemon ran. They lie over the file and the environment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from chaos_engine.spelling import nearest
from chaos_engine.written import ConfigError, Written, scalar


@dataclass(frozen=True, slots=True)
class Change:
    """What one setting was changed to, by whom, why, and when (wall time)."""

    value: Any
    who: str = ""
    why: str = ""
    at: float = 0.0


Changes = Mapping[str, Change]


def of_fact(fact: Mapping[str, Any] | None) -> dict[str, Change]:
    """Those that the journal keeps."""
    return {key: Change(**kept) for key, kept in ((fact or {}).get("changes") or {}).items()}


def as_fact(changes: Changes) -> dict[str, dict[str, Any]]:
    """As the journal keeps them."""
    return {key: asdict(change) for key, change in changes.items()}


def asked(arguments: Mapping[str, Any], who: str, why: str, at: float) -> dict[str, Change]:
    """From `changes`, a mapping of settings to values. ConfigError: it is none."""
    wanted = arguments.get("changes") or {}
    if not isinstance(wanted, Mapping):
        raise ConfigError([f"changes: {wanted!r} is no mapping; allowed: settings and their values"])
    return {str(key): Change(value, who, why, at) for key, value in wanted.items()}


def kept_after_reset(changes: Changes, reset: object) -> dict[str, Change]:
    """`reset`: true for all, or the names of some. ConfigError: a name that was not changed."""
    if not reset or reset is True:
        return {} if reset else dict(changes)
    names = [str(name) for name in reset] if isinstance(reset, (list, tuple)) else [str(reset)]
    odd = [
        f"reset {n}: was not changed{nearest(n, changes)}; allowed: {_listed(changes)}"
        for n in names if n not in changes
    ]  # fmt: skip
    if odd:
        raise ConfigError(odd)
    return {key: change for key, change in changes.items() if key not in names}


def lay_over(written: Written, changes: Changes, schedule: Iterable[str]) -> None:
    """Put them into the document. `schedule`: the names of its settings. ConfigError names what is none."""
    entries = written.data.get("scenarios") or {}
    labels = entries if isinstance(entries, dict) else {}
    places: dict[str, tuple[str, ...]] = {f"schedule.{name}": ("schedule", name) for name in schedule}
    places |= {f"scenarios.{label}.weight": ("scenarios", str(label), "weight") for label in labels}
    odd = [
        f"settings {key}: is no setting that can be changed while running{nearest(key, places)};"
        f" allowed: {_listed(places)}"
        for key in changes if key not in places
    ]  # fmt: skip
    if odd:
        raise ConfigError(odd)
    for key, change in changes.items():
        _put(written, key, places[key], change.value)


def _put(written: Written, key: str, place: tuple[str, ...], value: Any) -> None:
    data = written.data
    for part in place[:-1]:
        if not isinstance(data.get(part), dict):
            data[part] = {}
        data = data[part]
    data[place[-1]] = scalar(value) if isinstance(value, str) else value
    written.variables[place] = f"settings {key}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
