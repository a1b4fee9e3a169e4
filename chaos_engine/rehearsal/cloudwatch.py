"""CloudWatch of the rehearsal: hooks our backend and operations into moto's server."""

from __future__ import annotations

from collections.abc import Callable

from moto.cloudwatch import urls
from moto.cloudwatch.models import cloudwatch_backends

from chaos_engine.rehearsal.cloudwatch_backend import RehearsedCloudWatch
from chaos_engine.rehearsal.cloudwatch_responses import RehearsedResponse


class CloudWatchTicker:
    """What the server calls some five times a second."""

    def tick(self, now: float) -> None:
        """Alarms that are due are evaluated, in every account and region. `now` is Unix seconds."""
        for regions in list(cloudwatch_backends.values()):
            for backend in list(regions.values()):
                if isinstance(backend, RehearsedCloudWatch):
                    backend.tick(now)


def install(clock: Callable[[], float]) -> CloudWatchTicker:
    """Before the server's first request; `clock` gives Unix seconds. What was kept before is forgotten."""
    RehearsedCloudWatch.clock = staticmethod(clock)
    cloudwatch_backends.clear()
    cloudwatch_backends.backend = RehearsedCloudWatch
    urls.url_paths["{0}/$"] = RehearsedResponse.dispatch
    return CloudWatchTicker()
