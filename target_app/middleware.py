"""Turns the failure state into trouble: ASGI middleware for any framework, without a dependency.

Made to be copied together with `failure_state.py` (mend the import below). It goes inside whatever counts
and times requests, so that hurt requests are counted:

    app = Metrics(FailureStateMiddleware(app, "/chaos/failure_state.json"))

What a crash does, on the next request:

- One process: it exits at once with code 3, without clean-up; open connections are reset.
- Workers: the main process and all its workers are killed (SIGKILL), wherever that is possible.
- Workers below a main process that is pid 1 of a container: the kernel keeps SIGKILL from it. Gunicorn ends
  with code 3 when a worker exits with 3. Uvicorn gets SIGTERM, and ends with code 0 within a second: there
  `restart: unless-stopped` or `always` acts, `on-failure` does not. With `init: true` it is killed as above.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final

from target_app.failure_state import HEALTHY, FailureState, FailureStateReader, main_process

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# Gunicorn and uvicorn take a worker's exit code 3 as "cannot boot", and stop instead of replacing it.
CRASH_EXIT_CODE: Final = 3
ASK_EVERY: Final = 0.02

CONFIG_ERROR: Final = json.dumps(
    {"error": "configuration error", "detail": "required environment variable DATABASE_URL is missing"}
).encode()


class FailureStateMiddleware:
    """Hurts HTTP requests as the failure state says; websockets, lifespan and `exempt` paths pass.

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
        reader = given if isinstance(given, FailureStateReader) else FailureStateReader(given)
        self._app = app
        self._state = reader.state
        self._exempt = frozenset(path.rstrip("/") for path in exempt)
        self._crash = crash or take_down
        self._slowness = Slowness(reader)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, as ASGI has it."""
        if scope["type"] == "http":
            state = self._state()
            if state is not HEALTHY and scope["path"].rstrip("/") not in self._exempt:
                await self._hurt(state, scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _hurt(self, state: FailureState, scope: Scope, receive: Receive, send: Send) -> None:
        if state.mode == "crash":
            self._crash()
        elif state.mode == "config_error":
            await _answer_config_error(send)
        else:
            await self._slowness.endure(state)
            await self._app(scope, receive, send)


class Slowness:
    """Lets requests wait out a slow state, each for its delay, and all go on as soon as the state is over."""

    def __init__(self, reader: FailureStateReader) -> None:
        self._reader = reader
        self._watched = HEALTHY
        self._needed_until = 0.0
        self._over: asyncio.Task[None] | None = None

    async def endure(self, state: FailureState) -> None:
        """Wait `state.delay` seconds, or until about 25 ms after the state was cleared or expired."""
        self._needed_until = time.monotonic() + state.delay
        await asyncio.wait({self._watch(state)}, timeout=state.delay)

    def _watch(self, state: FailureState) -> asyncio.Task[None]:
        """The one task that asks the reader on behalf of all who wait."""
        over, loop = self._over, asyncio.get_running_loop()
        if over is None or over.done() or over.get_loop() is not loop or self._watched is not state:
            self._watched = state
            self._over = over = loop.create_task(self._until_over(state))
        return over

    async def _until_over(self, state: FailureState) -> None:
        while self._reader.state() is state and time.monotonic() < self._needed_until:
            await asyncio.sleep(ASK_EVERY)


async def _answer_config_error(send: Send) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(CONFIG_ERROR))]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": CONFIG_ERROR})


def take_down() -> None:
    """End the app's main process, its workers and this process, as a crash would; does not return."""
    main, me = main_process(), os.getpid()
    # Listed before the main process dies, killed after it: it could replace them, and they hold its port.
    workers = _children(main) if main != 1 else []
    if main != me:
        _kill(main)
    for worker in workers:
        if worker != me:
            _kill(worker)
    os._exit(CRASH_EXIT_CODE)


def _kill(pid: int) -> None:
    # Pid 1 of a container gets only signals that it handles. Gunicorn's exit code is better without.
    if pid == 1 and "gunicorn" in sys.modules:
        return
    try:
        os.kill(pid, signal.SIGTERM if pid == 1 else signal.SIGKILL)
    except OSError:
        return  # gone, or another user's; this process ends all the same


def _children(pid: int) -> list[int]:
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:  # noqa: PTH123
            return [int(child) for child in file.read().split()]
    except OSError:
        return []
