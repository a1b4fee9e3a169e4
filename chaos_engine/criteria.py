"""Pure: how many criteria of a hypothesis must hold, and what follows from those that did not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from chaos_engine.model import Judgement, Outcome


@dataclass(frozen=True, slots=True)
class Criteria:
    """The answers to the probes of a hypothesis, and the share of them (0..1) that must hold."""

    judgements: tuple[Judgement, ...]
    wanted: float = 1.0


def needed(share: float, total: int) -> int:
    """The fewest criteria that are at least that share (0..1) of them all."""
    return math.ceil(Fraction(str(share)) * total)  # as it was written: 0.07 of 100 are 7, and not 8


def outcome(criteria: Criteria) -> Outcome:
    """Of them all. What is not answered holds nothing; it leaves open what it could still decide."""
    least = needed(criteria.wanted, len(criteria.judgements))
    held, missing = _held(criteria), _missing(criteria)
    if len(held) >= least:
        return Outcome.PASS
    return missing[0].outcome if len(held) + len(missing) >= least else Outcome.BROKEN


def decisive(criteria: Criteria) -> tuple[Judgement, ...]:
    """Those for whose sake the outcome is no pass."""
    found = outcome(criteria)
    if found is Outcome.PASS:
        return ()
    return _broken(criteria) if found is Outcome.BROKEN else _missing(criteria)


def missed(criteria: Criteria) -> tuple[Judgement, ...]:
    """Those that did not hold, or were not answered."""
    return tuple(judgement for judgement in criteria.judgements if judgement.outcome is not Outcome.PASS)


def told(criteria: Criteria) -> str:
    """`8 of 10 criteria held (80% wanted)`; empty where every one of them is wanted, or there is none."""
    if criteria.wanted >= 1 or not criteria.judgements:
        return ""
    silent = len(_missing(criteria))
    held = f"{len(_held(criteria))} of {len(criteria.judgements)} criteria held"
    return f"{held}{f', {silent} without an answer' if silent else ''} ({show(criteria.wanted)} wanted)"


def show(share: float) -> str:
    """As people write it: 0.8 -> 80%."""
    return f"{share * 100:g}%"


def _held(criteria: Criteria) -> tuple[Judgement, ...]:
    return tuple(judgement for judgement in criteria.judgements if judgement.outcome is Outcome.PASS)


def _broken(criteria: Criteria) -> tuple[Judgement, ...]:
    return tuple(judgement for judgement in criteria.judgements if judgement.outcome is Outcome.BROKEN)


def _missing(criteria: Criteria) -> tuple[Judgement, ...]:
    return tuple(judgement for judgement in criteria.judgements if judgement.outcome.missing)
