"""What the latency proxy carries: late in one direction, in order, whole, and to its end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from chaos_engine.helper.carrier import Carried, Lateness

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
DELAY = 0.3


async def _pair() -> tuple[Ends, Ends]:
    ours, theirs = socket.socketpair()
    return await asyncio.open_connection(sock=ours), await asyncio.open_connection(sock=theirs)


@asynccontextmanager
async def carried(
    lateness: Lateness, *, outward: bool
) -> AsyncIterator[tuple[Ends, Ends, asyncio.Task[None]]]:
    """Opener and asked one, with the carrier in between."""
    opener, one = await _pair()
    asked, other = await _pair()
    task = asyncio.create_task(Carried(one, other, lateness, outward).carry())
    try:
        yield opener, asked, task
    finally:
        task.cancel()
        await asyncio.wait([task])
        for end in (opener, asked):
            end[1].close()


async def _took(sender: Ends, receiver: Ends, text: bytes = b"hello") -> float:
    began = asyncio.get_running_loop().time()
    sender[1].write(text)
    assert await receiver[0].readexactly(len(text)) == text
    return asyncio.get_running_loop().time() - began


def _run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 30))


def test_one_direction_is_late_and_the_other_is_not() -> None:
    async def story(*, outward: bool) -> None:
        async with carried(Lateness(DELAY, 0, 1), outward=outward) as (opener, asked, _):
            there, back = await _took(opener, asked), await _took(asked, opener)
            late, soon = (there, back) if outward else (back, there)
            assert late >= DELAY * 0.99
            assert soon < DELAY

    _run(story(outward=True))
    _run(story(outward=False))


def test_jitter_changes_no_order_and_a_seed_draws_the_same() -> None:
    async def story() -> None:
        one, two = Lateness(0.05, 0.05, 7), Lateness(0.05, 0.05, 7)
        drawn = [one.draw() for _ in range(50)]
        assert drawn == [two.draw() for _ in range(50)]
        assert min(drawn) < 0.03
        assert max(drawn) > 0.07
        async with carried(Lateness(0.05, 0.05, 7), outward=True) as (opener, asked, _):
            for number in range(100):
                opener[1].write(number.to_bytes(4, "big"))
                await asyncio.sleep(0.001)
            got = await asked[0].readexactly(400)
            assert got == b"".join(number.to_bytes(4, "big") for number in range(100))

    _run(story())


def test_pieces_travel_at_the_same_time() -> None:
    async def story() -> None:
        async with carried(Lateness(DELAY, 0, 1), outward=True) as (opener, asked, _):
            began = asyncio.get_running_loop().time()
            for _ in range(20):
                opener[1].write(b"x" * 1000)
                await asyncio.sleep(0.005)
            await asked[0].readexactly(20_000)
            assert asyncio.get_running_loop().time() - began < 10 * DELAY  # not 20 of them

    _run(story())


def test_half_a_connection_may_be_closed() -> None:
    async def story() -> None:
        async with carried(Lateness(0.05, 0, 1), outward=True) as (opener, asked, task):
            opener[1].write(b"question")
            opener[1].write_eof()
            assert await asked[0].read() == b"question"
            asked[1].write(b"answer")
            asked[1].write_eof()
            assert await opener[0].read() == b"answer"
            await asyncio.wait_for(asyncio.shield(task), 5)

    _run(story())


def test_what_waits_goes_on_when_the_delay_is_lifted() -> None:
    async def story() -> None:
        lateness = Lateness(20, 0, 1)
        async with carried(lateness, outward=True) as (opener, asked, _):
            opener[1].write(b"hello")
            await asyncio.sleep(0.1)
            lateness.lift()
            assert await asyncio.wait_for(asked[0].readexactly(5), 5) == b"hello"
            assert await _took(opener, asked) < 5

    _run(story())


def test_idle_is_what_has_been_answered() -> None:
    async def story() -> None:
        opener, one = await _pair()
        asked, other = await _pair()
        carrier = Carried(one, other, Lateness(0, 0, 1), outward=True)
        task = asyncio.create_task(carrier.carry())
        later = asyncio.get_running_loop().time() + 100
        await _took(opener, asked)
        assert not carrier.idle(later)
        await _took(asked, opener)
        await asyncio.sleep(0.05)
        assert carrier.idle(later)
        task.cancel()
        await asyncio.wait([task])
        for end in (opener, asked):
            end[1].close()

    _run(story())
