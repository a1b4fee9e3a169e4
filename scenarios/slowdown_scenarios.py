"""Every request of the application waits before it is answered."""

from __future__ import annotations

from pathlib import Path
from random import Random, SystemRandom
from typing import Any, ClassVar

from pydantic import field_validator

from chaos_engine import durations
from scenarios.base import Parameters
from scenarios.state_file import MOST_DELAY, StateFileParameters, StateFileScenario, write_by_hand

DELAY = (10.0, 30.0)


class SlowdownParameters(StateFileParameters):
    """`delay`: one duration, or a range from which each injection draws, such as 10-30s."""

    delay: tuple[float, float] = DELAY

    @field_validator("delay", mode="before")
    @classmethod
    def _range(cls, value: object) -> tuple[float, float]:
        low, high = durations.parse_range(value)
        if not 0 < low <= high <= MOST_DELAY:
            raise ValueError(f"{value!r} is no delay; allowed: above 0, at most {MOST_DELAY:g}s")
        return low, high


class Slowdown(StateFileScenario):
    """Draws its delay anew for each injection."""

    name = "slowdown"
    mode = "slow"
    parameters: ClassVar[type[Parameters]] = SlowdownParameters

    def draw(self, parameters: Any, rng: Random) -> dict[str, Any]:
        """The delay, in seconds, to a tenth where the range allows it."""
        low, high = parameters.delay
        delay = min(high, max(low, round(rng.uniform(low, high), 1)))
        return {**super().draw(parameters, rng), "delay": delay}


def inject_slowdown(state_file: Path, delay: float | None = None) -> dict[str, Any]:
    """By hand: delay every request by `delay` seconds (default: drawn from 10 to 30)."""
    return write_by_hand(state_file, "slow", SystemRandom().randint(10, 30) if delay is None else delay)
