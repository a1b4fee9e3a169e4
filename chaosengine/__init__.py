"""A Chaos Toolkit extension: experiments use the faults of a running chaos engine, and ask its verdicts."""

import logging
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from chaoslib.discovery.discover import discover_actions, discover_probes, initialize_discovery_result
from chaoslib.exceptions import ActivityFailed
from chaoslib.types import Discovery

from chaosengine.daemon import daemon_of

__all__ = ["__version__", "discover"]

try:
    __version__ = version("chaos-engine")
except PackageNotFoundError:  # run from its sources
    __version__ = "unknown"
logger = logging.getLogger("chaostoolkit")


def discover(discover_system: bool = True) -> Discovery:
    """What this extension offers; and, where a daemon answers, its scenarios and targets."""
    logger.info("Discovering capabilities from chaos-engine")
    discovery = initialize_discovery_result("chaos-engine", __version__, "chaos-engine")
    discovery["activities"].extend(discover_actions("chaosengine.actions"))
    discovery["activities"].extend(discover_probes("chaosengine.probes"))
    if discover_system:
        discovery["system"] = _system()
    return discovery


def _system() -> dict[str, Any] | None:
    """Of the daemon that the environment names, or the one on this machine."""
    daemon = daemon_of(None, None)
    try:
        known, targets = daemon.get("scenarios")["known"], daemon.get("targets")["targets"]
    except ActivityFailed as error:
        logger.warning(f"Its system is not looked at: {error}")
        return None
    return {"url": daemon.url, "scenarios": known, "targets": [target["name"] for target in targets]}
