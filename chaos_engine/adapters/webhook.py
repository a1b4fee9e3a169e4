"""HTTP requests that tell somebody something."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from chaos_engine import __version__
from chaos_engine.adapters.courier import NotDeliveredError

if TYPE_CHECKING:
    import requests  # noqa: TID251

RETRIES = 2
PAUSE = 0.5  # seconds before the second retry; urllib3 makes the first at once
BUSY = (429, 502, 503, 504)


@dataclass(frozen=True)
class Webhook:
    """One address. `timeout`: seconds for connecting, and again for the answer.

    Tried again where it could not be reached, or was busy; not where it only did not answer in time: it may
    have taken the notice. Redirects are not followed: they would be told the secrets.
    """

    url: str = field(repr=False)
    method: str
    headers: Mapping[str, str] = field(repr=False)
    timeout: float

    def send(self, body: str) -> None:
        """NotDeliveredError: it did not arrive, as far as can be known."""
        from requests import exceptions  # noqa: PLC0415, TID251

        headers = {"Content-Type": "application/json", "User-Agent": f"chaos-engine/{__version__}"}
        try:
            with self._session.request(
                self.method, self.url, data=body.encode(), headers={**headers, **self.headers},
                timeout=self.timeout, allow_redirects=False, stream=True,
            ) as answer:  # fmt: skip
                status = answer.status_code
        except exceptions.Timeout:
            raise NotDeliveredError(f"{self.place} has not answered within {self.timeout:g} s") from None
        except exceptions.RequestException as error:  # its text has the whole address in it
            raise NotDeliveredError(f"{self.place}: {type(error).__name__}") from None
        if not 200 <= status < 300:  # noqa: PLR2004
            raise NotDeliveredError(f"{self.place} answers HTTP {status}")

    @property
    def place(self) -> str:
        """Where it is, without what may be a secret."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")

    @cached_property
    def _session(self) -> requests.Session:
        import requests  # noqa: PLC0415, TID251
        from requests.adapters import HTTPAdapter  # noqa: PLC0415, TID251
        from urllib3.util.retry import Retry  # noqa: PLC0415

        retry = Retry(
            total=RETRIES, read=False, redirect=0, status_forcelist=BUSY, allowed_methods=None,
            backoff_factor=PAUSE, raise_on_status=False, respect_retry_after_header=False,
        )  # fmt: skip
        logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # else it tells addresses
        session = requests.Session()
        session.trust_env = False  # neither a .netrc nor a proxy: the address is what is asked
        session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=retry))
        return session
