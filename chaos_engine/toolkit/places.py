"""Which of the declared activities it is that chaoslib tells of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Activity = dict[str, Any]
HYPOTHESIS = "steady-state-hypothesis"


class Places:
    """The activities of the method, or the rollbacks: each begins once."""

    def __init__(self, declared: list[Activity], experiment: Mapping[str, Any]) -> None:
        self.declared = list(declared)
        self._meant = [referred(activity, experiment) for activity in declared]
        self.begun: set[int] = set()
        self.well: set[int] = set()  # ended, and known to have done what it is for

    def begin(self, activity: Activity) -> int | None:
        """Its index; None: it is none of them."""
        for index, meant in enumerate(self._meant):
            if meant is activity and index not in self.begun:
                self.begun.add(index)
                return index
        return None

    def left(self) -> list[Activity]:
        """What has not begun."""
        return [self.declared[index] for index in self.left_indexes()]

    def left_indexes(self) -> list[int]:
        """Where they are."""
        return [index for index in range(len(self.declared)) if index not in self.begun]

    def replace(self, index: int, activity: Activity) -> None:
        """Another form of the same."""
        self.declared[index] = self._meant[index] = activity

    def failed(self) -> list[str]:
        """The names of those that are not known to have gone well."""
        return [named(meant) for index, meant in enumerate(self._meant) if index not in self.well]


def referred(activity: Activity, experiment: Mapping[str, Any]) -> Activity:
    """Itself, or what its `ref` names: as in chaoslib the last one of that name."""
    if not activity.get("ref"):
        return activity
    lot = [other for _, other in activities(experiment, "method", HYPOTHESIS)]
    same = [other for other in lot if other.get("name") == activity["ref"]]
    return same[-1] if same else activity


def activities(experiment: Mapping[str, Any], *sections: str) -> Iterator[tuple[str, Activity]]:
    """Those that are mappings, with their paths."""
    for section in sections:
        part = experiment.get(section)
        path = section
        if section == HYPOTHESIS:
            part, path = (
                (part.get("probes"), f"{section}.probes") if isinstance(part, Mapping) else (None, section)
            )
        for index, activity in enumerate(part if isinstance(part, list) else []):
            if isinstance(activity, dict):
                yield f"{path}[{index}]", activity


def named(activity: Mapping[str, Any]) -> str:
    """What to call it."""
    return str(activity.get("name") or activity.get("ref") or "")
