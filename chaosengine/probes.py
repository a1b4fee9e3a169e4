"""What a chaos engine is asked. A question that it cannot answer has failed: it is never a verdict."""

# The annotations are read by `chaos discover`, which knows no text: so they are not postponed here.
from typing import Any

from chaoslib.types import Configuration, Secrets

from chaosengine.daemon import daemon_of
from chaosengine.following import followed, last

__all__ = ["nothing_injected", "ready", "status", "verdict"]


def verdict(
    experiment: str = "",
    scenario: str = "",
    target: str = "",
    timeout: float = 600.0,
    configuration: Configuration = None,
    secrets: Secrets = None,
) -> str:
    """
    The verdict of an experiment of the engine, waited for until it is there. As a tolerance: "supported".

    One of: supported, not_supported, inconclusive, no_effect, unjudged, steady_state_not_met, failed,
    aborted, interrupted.

    Of the experiment with that id; else of the newest of that scenario and that target; else of the one that
    the action `inject` of this run began last, or, where there is none, of the engine's newest.

    Fails where there is no such experiment, or where it is not over within `timeout` seconds.
    """
    daemon = daemon_of(configuration, secrets)
    if experiment:
        daemon.experiment(experiment)  # one that nobody knows is not waited for
    id_ = experiment or last(daemon, scenario, target)
    row = followed(daemon, id_, lambda row: bool(row["result"]), timeout, "is not over")
    return str(row["verdict"])


def status(configuration: Configuration = None, secrets: Secrets = None) -> dict[str, Any]:
    """
    How the engine stands: whether it runs, is paused or halted, what is in (`open_faults`), what comes next.
    """
    return daemon_of(configuration, secrets).get("status")


def ready(configuration: Configuration = None, secrets: Secrets = None) -> bool:
    """
    Whether all is there that the engine needs: state files, Prometheus, Docker. As a tolerance: true.
    """
    return bool(daemon_of(configuration, secrets).readiness()["ready"])


def nothing_injected(target: str = "", configuration: Configuration = None, secrets: Secrets = None) -> bool:
    """
    Whether no fault of the engine is in (with `target`: in that one). As a tolerance: true.
    """
    faults = daemon_of(configuration, secrets).get("status")["open_faults"]
    return not any(not target or fault["target"] == target for fault in faults)
