"""Who comes in: Host header, rate, token and size of a request, before anything else is looked at."""

from __future__ import annotations

import asyncio
import hmac
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chaos_engine.web.access import ANY, HOSTS, TOKEN, Access, host_of
from chaos_engine.web.facts import RefusalError
from chaos_engine.web.rates import Rate, Rates

MOST_BYTES = 16 * 1024  # of a request's body
BODY_PATIENCE = 10.0  # seconds in which it must have come
SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")  # methods that change nothing
EVENTS = "/api/events"


@dataclass(frozen=True, slots=True)
class Limits:
    """For each address that asks. Streams are counted apart; so are changes, which no reader crowds out."""

    reading: Rate
    streams: Rate
    changing: Rate


USUAL = Limits(reading=Rate(20.0, 100), streams=Rate(5.0, 300), changing=Rate(5.0, 30))


class Door:
    """An ASGI middleware. What it refuses is JSON with a sentence, as everything else."""

    def __init__(self, app: ASGIApp, access: Access, limits: Limits) -> None:
        self._app = app
        self._access = access
        self._rates = {
            "reading": Rates(limits.reading),
            "streams": Rates(limits.streams),
            "changing": Rates(limits.changing),
            "guessing": Rates(limits.changing),  # tokens
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it in, or say why not."""
        if scope["type"] != "http":
            return
        try:
            self._check(scope)
            receive = await _bounded(scope, receive)
        except _TurnedAwayError as turned:
            answer = JSONResponse({"error": turned.sentence, "rule": ""}, turned.status, turned.headers)
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        headers, client = Headers(scope=scope), (scope.get("client") or ("",))[0]
        self._check_host(headers.getlist("host"))
        if scope["method"] in SAFE:
            self._count("streams" if scope["path"] == EVENTS else "reading", client)
            return
        self._check_token(headers.get("authorization", ""), client)
        self._count("changing", client)

    def _check_host(self, given: list[str]) -> None:
        host = host_of(given[0]) if len(given) == 1 else ""
        if not host:
            raise _TurnedAwayError(400, "the request has no Host header that names a host")
        if ANY not in self._access.hosts and host not in self._access.hosts:
            raise _TurnedAwayError(
                421, f"this engine is not {host!r}; {HOSTS} lists the names that it answers to"
            )

    def _check_token(self, authorization: str, client: str) -> None:
        token = self._access.token
        if not token:
            raise _TurnedAwayError(
                403, f"changing is off: the engine was started without {TOKEN} (or {TOKEN}_FILE)"
            )
        scheme, _, given = authorization.partition(" ")
        # As bytes, which may be compared in constant time whatever they are; headers are latin-1.
        right = hmac.compare_digest(given.strip().encode("latin-1", "replace"), token.encode())
        if scheme.lower() == "bearer" and right:
            return
        self._count("guessing", client)
        said = (
            "the token is not the engine's"
            if given
            else "changing needs the header Authorization: Bearer TOKEN"
        )
        raise _TurnedAwayError(401, said, {"WWW-Authenticate": "Bearer"})

    def _count(self, kind: str, client: str) -> None:
        wait = self._rates[kind].take(client, time.monotonic())
        if wait:
            seconds = str(math.ceil(wait))
            said = f"too many requests; the next one is answered in {seconds} s"
            raise _TurnedAwayError(429, said, {"Retry-After": seconds})


class _TurnedAwayError(RefusalError):
    def __init__(self, status: int, sentence: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, sentence)
        self.headers = headers


async def _bounded(scope: Scope, receive: Receive) -> Receive:
    """The whole body, if it is short and comes soon. Streams that only listen have none."""
    if scope["method"] in SAFE:
        return receive
    length = Headers(scope=scope).get("content-length", "")
    too_long = _TurnedAwayError(413, f"the body is longer than {MOST_BYTES} bytes")
    if length.isdecimal() and (len(length) > len(str(MOST_BYTES)) or int(length) > MOST_BYTES):
        raise too_long
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_PATIENCE):
            while (message := await receive())["type"] == "http.request":
                body += message.get("body", b"")
                if len(body) > MOST_BYTES:
                    raise too_long
                if not message.get("more_body"):
                    break
    except TimeoutError:
        raise _TurnedAwayError(408, f"the body did not come within {BODY_PATIENCE:g} s") from None
    return _replayed(bytes(body), receive)


def _replayed(body: bytes, receive: Receive) -> Receive:
    messages: Iterator[Message] = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def again() -> Message:
        return next(messages, None) or await receive()

    return again
