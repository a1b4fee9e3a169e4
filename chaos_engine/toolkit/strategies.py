"""Whose word counts: the command line's, then the experiment's, then the settings'."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chaos_engine.toolkit.spec import Spec

logger = logging.getLogger("chaostoolkit")

DEFAULT = "default"


@dataclass(frozen=True)
class Strategies:
    """As they are called on the command line."""

    hypothesis: str
    rollbacks: str


def strategies_of(spec: Spec, settings: dict[str, Any], experiment: Mapping[str, Any]) -> Strategies:
    """Also writes them into the settings, where chaoslib looks for the rollbacks' one.

    An experiment with a `runtime` hides the settings' one, even where it is silent.
    """
    runtime = settings.setdefault("runtime", {})
    said = experiment.get("runtime")
    for part, asked in (("rollbacks", spec.rollback_strategy), ("hypothesis", spec.hypothesis_strategy)):
        chosen = runtime.setdefault(part, {})
        chosen.setdefault("strategy", DEFAULT)
        if said:
            chosen["strategy"] = said.get(part, {}).get("strategy", DEFAULT)
        if asked is not None:
            chosen["strategy"] = asked
    return Strategies(spelled(runtime["hypothesis"]["strategy"]), runtime["rollbacks"]["strategy"])


def spelled(strategy: str) -> str:
    """What earlier versions wrote."""
    if strategy == "continously":
        logger.warning("'continously' is an old spelling of 'continuously'")
        return "continuously"
    return strategy
