"""A control that notes what it sees, and interrupts where it is told to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chaoslib.exceptions import InterruptExecution


def configure_control(**_: Any) -> None:
    heard("configured")


def cleanup_control() -> None:
    heard("cleaned up")


def before_experiment_control(context: Any, interrupt: str = "", **_: Any) -> None:
    heard("before the experiment")
    stop(interrupt, "experiment")


def after_experiment_control(context: Any, state: Any, **_: Any) -> None:
    heard(f"after the experiment: {state['status']}, {len(state['rollbacks'])} rollbacks")


def before_activity_control(context: Any, interrupt: str = "", **_: Any) -> None:
    heard(f"before {context['name']}")
    stop(interrupt, context["name"])


def after_activity_control(context: Any, state: Any, **_: Any) -> None:
    heard(f"after {context['name']}: {(state or {}).get('status')}")


def before_loading_experiment_control(context: str) -> None:
    heard("loading")


def after_loading_experiment_control(context: str, state: Any) -> None:
    heard(f"loaded: {state['title']}")


def stop(where: str, here: str) -> None:
    if where == here:
        raise InterruptExecution(f"stopped at {here}")


def heard(what: str) -> None:
    with Path("heard.txt").open("a") as file:
        file.write(what + "\n")


def notify(_channel: Any, payload: Any) -> None:
    heard(f"notified of {payload['name']}")
