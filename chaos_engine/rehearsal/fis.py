"""FIS that takes its time: moto's FIS keeps the records, the course of an experiment is ours."""

from __future__ import annotations

from collections.abc import Callable

from moto.fis import urls
from moto.fis.models import FISBackend, fis_backends

from chaos_engine.rehearsal.fis_backend import TURN, RehearsedFis
from chaos_engine.rehearsal.fis_responses import FisResponse, InvalidPageError

OWN_PATHS = ("{0}/safetyLevers/(?P<id>[^/]+)$", "{0}/safetyLevers/(?P<id>[^/]+)/state$")


class Fis:
    """Goes on with every experiment of every account and region."""

    def tick(self, now: float) -> None:
        """One step of each experiment."""
        for _, _, backend in list(fis_backends.iter_backends()):
            with TURN:
                if isinstance(backend, RehearsedFis):
                    backend.tick(now)


def install(clock: Callable[[], float]) -> Fis:
    """Hook into moto, before its FIS was asked for the first time. `clock`: epoch seconds."""
    RehearsedFis.clock = staticmethod(clock)
    fis_backends.backend = RehearsedFis
    for path in (*urls.url_paths, *OWN_PATHS):
        urls.url_paths[path] = FisResponse.dispatch
    for page in FISBackend.PAGINATION_MODEL.values():
        page["fail_on_invalid_token"] = InvalidPageError
    return Fis()
