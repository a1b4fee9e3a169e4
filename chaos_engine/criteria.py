"""Pure: how many criteria of a hypothesis must hold, and what follows from those that did not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from chaos_engine.model import Judgement, Outcome


def needed(share: float, total: int) -> int:
    """The fewest criteria that are at least that share (0..1) of them all."""
    return math.ceil(Fraction(str(share)) * total)  # as it was written: 0.07 of 100 are 7, and not 8


@dataclass(frozen=True, slots=True)
class Criteria:
    """The answers to the probes of a hypothesis, and the share of them (0..1) that must hold."""

    judgements: tuple[Judgement, ...]
    wanted: float = 1.0

    @property
    def outcome(self) -> Outcome:
        """Of them all. What is not answered holds nothing; it leaves open what it could still decide."""
        least = needed(self.wanted, len(self.judgements))
        if len(self._held) >= least:
            return Outcome.PASS
        if len(self._held) + len(self._missing) < least:
            return Outcome.BROKEN
        return self._missing[0].outcome

    @property
    def decisive(self) -> tuple[Judgement, ...]:
        """Those for whose sake the outcome is no pass."""
        outcome = self.outcome
        if outcome is Outcome.PASS:
            return ()
        return self._broken if outcome is Outcome.BROKEN else self._missing

    @property
    def told(self) -> str:
        """`8 of 10 criteria held (80% wanted)`; empty where every one of them is wanted, or there is none."""
        if self.wanted >= 1 or not self.judgements:
            return ""
        held = f"{len(self._held)} of {len(self.judgements)} criteria held"
        unanswered = f", {len(self._missing)} without an answer" if self._missing else ""
        return f"{held}{unanswered} ({show(self.wanted)} wanted)"

    @property
    def missed(self) -> tuple[Judgement, ...]:
        """Those that did not hold, or were not answered."""
        return tuple(judgement for judgement in self.judgements if judgement.outcome is not Outcome.PASS)

    @property
    def _held(self) -> tuple[Judgement, ...]:
        return tuple(judgement for judgement in self.judgements if judgement.outcome is Outcome.PASS)

    @property
    def _broken(self) -> tuple[Judgement, ...]:
        return tuple(judgement for judgement in self.judgements if judgement.outcome is Outcome.BROKEN)

    @property
    def _missing(self) -> tuple[Judgement, ...]:
        return tuple(judgement for judgement in self.judgements if judgement.outcome.missing)


def show(share: float) -> str:
    """As people write it: 0.8 -> 80%."""
    return f"{share * 100:g}%"
