"""The stream of events: what the log says, as it happens (text/event-stream)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response
from pydantic_core import to_json
from sse_starlette.sse import EventSourceResponse

from chaos_engine.web.facts import Facts, RefusalError, facts_of
from chaos_engine.web.plainness import plain
from chaos_engine.web.refusing import refusals
from chaos_engine.web.ring import Entry, Ring

MOST_STREAMS = 256
PING = 15.0  # seconds between signs of life
SLOW = 10.0  # seconds in which a client must take what is sent, or be dropped
GATHER = 0.05  # seconds: what happens at once is sent at once

_TEXT = {"type": "string"}
EVENT = {"type": "object", "properties": {"id": _TEXT, "event": _TEXT, "data": _TEXT}, "required": ["data"]}

router = APIRouter(prefix="/api", tags=["see"])


@router.get(
    "/events",
    response_class=EventSourceResponse,
    responses={
        200: {"content": {"text/event-stream": {"schema": EVENT}}},
        **refusals(400, 421, 422, 429, 500, 503),
    },
)
async def events(request: Request, last_event_id: Annotated[str, Header(max_length=100)] = "") -> Response:
    """Everything that happens from now on; with the id of the last event seen, from there on.

    An event's name is its kind (`inject`, `cleared`, …), its data `{at, level, kind, text, fields}`.
    `missed` comes first where some are no longer kept, `end` when the engine ends.
    """
    facts, streams = facts_of(request), request.app.state.streams
    if len(streams) >= MOST_STREAMS:
        raise RefusalError(503, f"{MOST_STREAMS} streams are open, and more are not served")
    return EventSourceResponse(_followed(facts, streams, last_event_id), ping=int(PING), send_timeout=SLOW)


async def _followed(facts: Facts, streams: set[object], last_event_id: str) -> AsyncIterator[bytes]:
    this = object()
    streams.add(this)
    try:
        async for chunk in _chunks(facts.ring, last_event_id):
            yield chunk
    finally:
        streams.discard(this)


async def _chunks(ring: Ring, last_event_id: str) -> AsyncIterator[bytes]:
    known = ring.number_of(last_event_id)
    seen = known if known is not None else 0 if last_event_id else ring.last
    yield b"retry: 2000\r\n: these are the events of a chaos engine\r\n\r\n"
    if last_event_id and known is None:  # of an engine that has ended: what came in between is not known
        yield _MISSED
    while True:
        over = ring.ended  # before looking: what came last is still told
        entries, missed = ring.after(seen)
        if missed:
            yield _MISSED
        if entries:
            seen = entries[-1].number
            yield b"".join(_told(ring.boot, entry) for entry in entries)
        if over:
            yield b"event: end\r\ndata: {}\r\n\r\n"
            return
        await ring.news(seen)
        await asyncio.sleep(0 if ring.ended else GATHER)


_MISSED = b"event: missed\r\ndata: {}\r\n\r\n"


def _told(boot: str, entry: Entry) -> bytes:
    happening = entry.happening
    data = {
        "at": happening.at, "level": happening.level, "kind": happening.kind,
        "text": happening.text, "fields": dict(happening.fields),
    }  # fmt: skip
    text = to_json(plain(data), inf_nan_mode="null", serialize_unknown=True)
    name = happening.kind or "line"
    return b"id: %s-%d\r\nevent: %s\r\ndata: %s\r\n\r\n" % (boot.encode(), entry.number, name.encode(), text)
