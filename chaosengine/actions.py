"""What a chaos engine is asked to do. Each action fails, with the engine's own words, where it does not."""

# The annotations are read by `chaos discover`, which knows no text: so they are not postponed here.
import time
from typing import Any

from chaoslib.exceptions import ActivityFailed
from chaoslib.types import Configuration, Secrets

from chaosengine.daemon import Daemon, daemon_of
from chaosengine.following import POLL, Row, followed, remember

__all__ = ["clear", "halt", "inject", "pause", "resume"]

WHO = "Chaos Toolkit"
_NOT_IN = ("failed", "interrupted", "steady_state_not_met")


def inject(
    scenario: str,
    target: str,
    hold: str = "",
    now: bool = False,
    wait: bool = True,
    timeout: float = 300.0,
    reason: str = "",
    configuration: Configuration = None,
    secrets: Secrets = None,
) -> dict[str, Any]:
    """
    Inject one fault: a scenario, by its name or its key in the engine's settings, into one of its targets.

    `hold`: how long the fault stays in, such as 30s (default: the engine's recovery time). The engine clears
    it then, whatever becomes of this run. `now`: without asking first whether the system is in steady state.

    Returns once the fault is in. An injection that is refused has failed, so has one that is not in within
    `timeout` seconds. With `wait: false` it returns once the engine has taken the order: the gate may still
    keep the fault out.

    Answers with the experiment of the engine, whose verdict the probe `verdict` waits for.
    """
    daemon = daemon_of(configuration, secrets)
    asked: dict[str, Any] = {"scenario": scenario, "target": target, "now": now, "who": WHO, "reason": reason}
    if hold:
        asked["for"] = hold
    id_ = str(daemon.post("inject", asked)["experiment"])
    remember(daemon, id_)
    if not wait:
        return {"experiment": id_, "scenario": scenario, "target": target}
    row = followed(daemon, id_, _in_or_over, timeout, "is not in (and may still come: `clear` ends it)")
    return _injected(row)


def clear(
    timeout: float = 60.0, reason: str = "", configuration: Configuration = None, secrets: Secrets = None
) -> dict[str, Any]:
    """
    Clear every fault of the engine that is in, those of its own schedule too.

    Returns once the engine has seen that they are out; has failed where one is not within `timeout` seconds.
    Nothing to clear is a success: it may be a rollback.
    """
    daemon = daemon_of(configuration, secrets)
    cleared = daemon.post("clear", {"who": WHO, "reason": reason})
    _await_out(daemon, cleared["faults"], timeout)
    return cleared


def pause(reason: str = "", configuration: Configuration = None, secrets: Secrets = None) -> dict[str, Any]:
    """
    Let the engine's own schedule start nothing until `resume`. What is in stays in; `inject` still works.
    """
    return _switched("pause", reason, configuration, secrets)


def halt(reason: str = "", configuration: Configuration = None, secrets: Secrets = None) -> dict[str, Any]:
    """
    Clear what is in, and have the engine inject nothing at all until `resume`.
    """
    return _switched("halt", reason, configuration, secrets)


def resume(reason: str = "", configuration: Configuration = None, secrets: Secrets = None) -> dict[str, Any]:
    """
    Lift `pause` and `halt`.
    """
    return _switched("resume", reason, configuration, secrets)


def _switched(kind: str, reason: str, configuration: Configuration, secrets: Secrets) -> dict[str, Any]:
    return daemon_of(configuration, secrets).post(kind, {"who": WHO, "reason": reason})


def _in_or_over(row: Row) -> bool:
    return row["injected_at"] is not None or bool(row["result"])


def _injected(row: Row) -> dict[str, Any]:
    """ActivityFailed: it is over, and the fault never was in, or nobody knows."""
    if row["injected_at"] is None or row["verdict"] in _NOT_IN:
        result = row["result"] or {}
        why = result.get("reason") or "no reason is told"
        raise ActivityFailed(f"experiment {row['id']} did not inject: {row['verdict']}: {why}")
    kept = ("scenario", "target", "phase", "injected_at", "verdict")
    return {"experiment": row["id"], **{key: row[key] for key in kept}}


def _await_out(daemon: Daemon, faults: list[str], timeout: float) -> None:
    ends = time.monotonic() + float(timeout)
    while left := [fault["id"] for fault in daemon.get("status")["open_faults"] if fault["id"] in faults]:
        if time.monotonic() > ends:
            raise ActivityFailed(f"not cleared within {float(timeout):g} s: {', '.join(left)}")
        time.sleep(POLL)
