"""Turns the failure state into trouble: WSGI middleware for any framework, without a dependency.

Made to be copied together with `failure_state.py` and `middleware.py` (mend the imports below). It goes
inside whatever counts and times requests, so that hurt requests are counted:

    app.wsgi_app = FailureStateMiddleware(app.wsgi_app, "/chaos/failure_state.json")  # Flask
    application = FailureStateMiddleware(get_wsgi_application())  # Django

A crash does what it does under ASGI (see `middleware.py`). A slow request holds its thread, or its worker, as
a slow dependency would: with few of them the others wait too.
"""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from target_app.failure_state import HEALTHY, FailureState, FailureStateReader
from target_app.middleware import ASK_EVERY, CONFIG_ERROR, take_down

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]


class FailureStateMiddleware:
    """Hurts requests as the failure state says; `exempt` paths pass.

    `reader_or_path`: None reads `FAILURE_STATE_FILE`. `crash` is what ends the app; tests give their own.
    """

    def __init__(
        self,
        app: App,
        reader_or_path: FailureStateReader | str | os.PathLike[str] | None = None,
        exempt: Iterable[str] = ("/health", "/metrics"),
        *,
        crash: Callable[[], object] | None = None,
    ) -> None:
        given = reader_or_path
        self._reader = given if isinstance(given, FailureStateReader) else FailureStateReader(given)
        self._app = app
        self._exempt = frozenset(path.rstrip("/") for path in exempt)
        self._crash = crash or take_down

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request, as WSGI has it."""
        state = self._reader.state()
        if state is HEALTHY or _path(environ).rstrip("/") in self._exempt:
            return self._app(environ, start_response)
        if state.mode == "crash":
            self._crash()
        if state.mode == "slow":
            self._endure(state)
            return self._app(environ, start_response)
        return _answer_config_error(start_response)

    def _endure(self, state: FailureState) -> None:
        """Wait `state.delay` seconds, or until about 25 ms after the state was cleared or expired."""
        needed_until = time.monotonic() + state.delay
        while self._reader.state() is state and (left := needed_until - time.monotonic()) > 0:
            time.sleep(min(ASK_EVERY, left))


def _path(environ: Mapping[str, Any]) -> str:
    return f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}"


def _answer_config_error(start_response: StartResponse) -> Iterable[bytes]:
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(CONFIG_ERROR)))]
    start_response("500 Internal Server Error", headers)
    return [CONFIG_ERROR]
