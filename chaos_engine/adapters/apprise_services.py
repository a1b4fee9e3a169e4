"""Services that Apprise knows. Imported only where they are asked for: it is 25 MB."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import apprise

from chaos_engine.adapters.courier import NotDeliveredError

RETRIES, PAUSE = 2, 1.0  # Apprise's own: so many more tries, so many seconds apart
_KINDS = {
    "info": apprise.NotifyType.INFO,
    "warning": apprise.NotifyType.WARNING,
    "error": apprise.NotifyType.FAILURE,
}


class Services:
    """Those behind some addresses, told one after another. ValueError: Apprise does not know an address."""

    def __init__(self, urls: Sequence[str]) -> None:
        logging.getLogger("apprise").addHandler(logging.NullHandler())  # it would tell addresses
        logging.getLogger("apprise").propagate = False
        asset = apprise.AppriseAsset(
            app_id="Chaos Engine", default_service_retry=RETRIES, default_service_wait=PAUSE, async_mode=False
        )
        self._services = [_service(number, url, asset) for number, url in enumerate(urls, 1)]
        self._asset = asset

    @property
    def names(self) -> tuple[str, ...]:
        """What they are, without their secrets."""
        return tuple(str(service.service_name) for service in self._services)

    def send(self, title: str, text: str, level: str) -> None:
        """NotDeliveredError names those that did not take it."""
        deaf = [str(each.service_name) for each in self._services if not self._told(each, title, text, level)]
        if deaf:
            raise NotDeliveredError(f"Apprise could not deliver to {', '.join(deaf)}")

    def _told(self, service: apprise.NotifyBase, title: str, text: str, level: str) -> bool:
        one = apprise.Apprise(service, asset=self._asset)
        return bool(one.notify(body=text, title=title, notify_type=_KINDS.get(level, _KINDS["error"])))


def _service(number: int, url: str, asset: apprise.AppriseAsset) -> apprise.NotifyBase:
    service = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    if service is None:
        raise ValueError(f"address {number} is none that Apprise knows")
    return service
