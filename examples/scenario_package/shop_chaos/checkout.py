"""The checkout closes: a mode of the failure state that the shop's own reader knows."""

from __future__ import annotations

import json
import time
from pathlib import Path
from random import Random
from typing import Any, ClassVar

from scenarios.base import Parameters
from scenarios.state_file import StateFileParameters, StateFileScenario


class CheckoutParameters(StateFileParameters):
    """`message`: what customers read meanwhile."""

    message: str = "We are counting the till."


class CheckoutClosed(StateFileScenario):
    """No order is taken."""

    name = "checkout_closed"
    mode = "checkout_closed"
    parameters: ClassVar[type[Parameters]] = CheckoutParameters

    def draw(self, parameters: Any, rng: Random) -> dict[str, Any]:
        """The state has the message, too."""
        return {**super().draw(parameters, rng), "message": parameters.message}


def inject_partial_outage(state_file: Path) -> None:
    """The short form: whoever reads the state decides what it means."""
    state = {"mode": "partial_outage", "delay": 0, "timestamp": time.time(), "injected_by": "chaos-engine"}
    state_file.write_text(json.dumps(state))
