"""What an activity's run says, in one line; and whether it is known to have done what it is for."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

BAD_REQUEST = 400
ENOUGH = 2000  # characters to make a line of


def outcome_of(activity: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, Any]:
    """`status`, `duration`, `said`, and `exit` of a process, `code` of a response."""
    provider, output = provider_of(activity), run.get("output")
    found = {
        "status": run.get("status", "failed"),  # none: it was interrupted, or raised what it should not
        "duration": run.get("duration"),
        "said": said_by(provider, run),
    }
    if provider == "process" and isinstance(output, Mapping):
        found["exit"] = output["status"]
    if provider == "http" and isinstance(output, Mapping):
        found["code"] = output["status"]
    return found


def went_well(outcome: Mapping[str, Any]) -> bool:
    """Also its exit status, and the response's code."""
    said_no = outcome.get("exit", 0) != 0 or outcome.get("code", 0) >= BAD_REQUEST
    return outcome["status"] == "succeeded" and not said_no


def said_by(provider: str, run: Mapping[str, Any]) -> str:
    """The exception's last line, or the output."""
    if run.get("status") != "succeeded":
        return failure_of(run)
    output = run.get("output")
    if provider == "process" and isinstance(output, Mapping):
        return shown(output["stderr"] or output["stdout"] if output["status"] else output["stdout"])
    if provider == "http" and isinstance(output, Mapping):
        return shown(output["body"])
    return "" if output is None else shown(output)


def shown(output: object) -> str:
    """The words of others may not even be words."""
    try:
        return str(output)[:ENOUGH]
    except Exception as error:  # noqa: BLE001
        return type(error).__name__


def failure_of(run: Mapping[str, Any]) -> str:
    """What was raised: what is in the run, or what is just passing by."""
    if run.get("exception"):
        last = str(run["exception"][-1]).strip().splitlines()[-1]
        return last.removeprefix("chaoslib.exceptions.ActivityFailed: ")
    passing = sys.exc_info()[1]
    return described(passing) if passing is not None else ""


def described(error: BaseException) -> str:
    """As the last line of a traceback."""
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def provider_of(activity: Mapping[str, Any]) -> str:
    """`python`, `process` or `http`."""
    return str(activity.get("provider", {}).get("type", ""))
