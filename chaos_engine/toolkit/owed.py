"""The rollbacks that chaoslib did not play, or not to their end."""

from __future__ import annotations

import logging
from typing import Any

from chaoslib.caching import cache_activities
from chaoslib.control import cleanup_global_controls
from chaoslib.run import EventHandlerRegistry, apply_rollbacks, get_background_pools

from chaos_engine.toolkit.outcome import described
from chaos_engine.toolkit.places import Activity, Places
from chaos_engine.toolkit.record import short
from chaos_engine.toolkit.watch import Watch, labels

logger = logging.getLogger("chaostoolkit")


def are_owed(watch: Watch, strategy: str) -> bool:
    """After a run, however it ended. `default`: whenever the method began."""
    if strategy == "default":
        return watch.method_began
    asked = strategy == "always" or (strategy == "deviated" and watch.journal["deviated"])
    return asked and not watch.at_once


def play(watch: Watch) -> list[str]:
    """Each of them, whatever becomes of the others. Returns the names of those that did not go well."""
    watch.start_rollbacks(watch.experiment)
    rollbacks = watch.rollbacks or Places([], {})
    cache_activities(watch.experiment)  # for those that are a `ref`
    while left := rollbacks.left_indexes():
        attempt(watch, rollbacks.left())
        if rollbacks.left_indexes() == left:
            first_one(watch, rollbacks, left[0])
    return rollbacks.failed()


def first_one(watch: Watch, rollbacks: Places, index: int) -> None:
    """It did not even begin: a control may have kept it from it."""
    cleanup_global_controls()
    watch.experiment = bare(watch.experiment)
    rollbacks.replace(index, bare(rollbacks.declared[index]))
    error = attempt(watch, [rollbacks.declared[index]])
    if index not in rollbacks.begun:
        rollbacks.begun.add(index)
        found = labels("rollbacks", index, rollbacks.declared[index])
        said = short(described(error)) if error else "it did not begin"
        watch.record.write("activity-ended", **found, status="failed", duration=None, said=said)


def attempt(watch: Watch, left: list[Activity]) -> BaseException | None:
    """Some of them, in their order, until one raises what it should not."""
    experiment = {**watch.experiment, "rollbacks": left}
    registry = EventHandlerRegistry()
    registry.register(watch)
    runs: list[dict[str, Any]] = []
    _, pool = get_background_pools({"rollbacks": left})
    try:
        apply_rollbacks(
            experiment, watch.configuration, watch.secrets, pool, experiment.get("dry"), registry, runs
        )
    except BaseException as error:  # the others are played all the same
        logger.error("A rollback failed unexpectedly: %s", described(error), exc_info=True)
        return error
    finally:
        watch.journal.setdefault("rollbacks", []).extend(runs)
    return None


def bare(part: dict[str, Any]) -> dict[str, Any]:
    """Without controls."""
    return {key: value for key, value in part.items() if key != "controls"}
