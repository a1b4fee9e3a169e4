"""Whether each step of a ramp could have been written as a value of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chaos_engine.container_fields import as_replicas
from chaos_engine.entries import Entry, check_parameters
from chaos_engine.refusals import Draft
from chaos_engine.spelling import nearest

REPLICAS = "replicas"


def check_ramp(draft: Draft, entry: Entry) -> None:
    """Note what is wrong with it."""
    ramp = entry.document.ramp
    if ramp is None or entry.machine is not None:
        return
    place = ("scenarios", entry.label, "ramp")
    known = {*entry.scenario.parameters.model_fields, REPLICAS}
    if ramp.parameter not in known:
        hint, allowed = nearest(ramp.parameter, known), ", ".join(sorted(known))
        draft.wrong((*place, "parameter"), f"{ramp.parameter!r} is no parameter{hint}; allowed: {allowed}")
        return
    for index, value in enumerate(ramp.steps):
        for text in _wrong(draft, entry, ramp.parameter, value):
            draft.wrong((*place, "steps", index), text)


def _wrong(draft: Draft, entry: Entry, parameter: str, value: Any) -> Iterator[str]:
    if parameter != REPLICAS:
        own = Draft(draft.written)
        check_parameters(own, (), entry.scenario, {**entry.document.own, parameter: value}, also=())
        yield from (problem.partition(f"{parameter}: ")[2] or problem for problem in own.problems)
        return
    bare = [target.name for target in entry.targets if target.containers is None]
    if bare:
        yield f"{bare[0]} has no containers; allowed: replicas of targets that have some"
    try:
        as_replicas(value)
    except ValueError as error:
        yield str(error)
