"""The small parts of the API: its access, rates, ring of events, and what it does not tell."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from chaos_engine.console.api import _listener
from chaos_engine.happenings import Happening
from chaos_engine.web.access import access_of, host_of
from chaos_engine.web.plainness import plain
from chaos_engine.web.rates import Rate, Rates
from chaos_engine.web.ring import Ring
from chaos_engine.web.seldom import Seldom
from chaos_engine.web.server import bound
from chaos_engine.written import ConfigError

ROOT = Path(__file__).parents[2]


# --- access ---


def test_the_default_is_this_machine_alone_and_nobody_may_change() -> None:
    found = access_of({})
    assert found
    assert (found.host, found.port, found.asked, found.token) == ("127.0.0.1", 8700, False, "")
    assert found.hosts == {"localhost", "127.0.0.1", "::1"}


def test_off_is_off() -> None:
    assert access_of({"CHAOS_API_LISTEN": "off"}) is None
    assert access_of({"CHAOS_API_LISTEN": " OFF "}) is None


@pytest.mark.parametrize(
    ("text", "host", "address"),
    [("0.0.0.0:8701", "0.0.0.0", "0.0.0.0:8701"), ("[::1]:80", "::1", "[::1]:80"),
     ("Engine:1", "engine", "engine:1")],
)  # fmt: skip
def test_addresses(text: str, host: str, address: str) -> None:
    found = access_of({"CHAOS_API_LISTEN": text, "CHAOS_API_TOKEN": " x\n"})
    assert found
    assert (found.host, found.address, found.asked, found.token) == (host, address, True, "x")
    assert host in found.hosts


def test_hosts_replace_the_usual_ones() -> None:
    found = access_of({"CHAOS_API_HOSTS": "Engine, [::1],10.0.0.1"})
    assert found
    assert found.hosts == {"engine", "::1", "10.0.0.1"}


@pytest.mark.parametrize(
    "environment",
    [
        {"CHAOS_API_LISTEN": "8700"},
        {"CHAOS_API_LISTEN": "localhost"},
        {"CHAOS_API_LISTEN": "a b:1"},
        {"CHAOS_API_LISTEN": "::1:8700"},
        {"CHAOS_API_LISTEN": "localhost:65536"},
        {"CHAOS_API_HOSTS": "engine:8700"},
        {"CHAOS_API_HOSTS": "a,,b"},
        {"CHAOS_API_TOKEN": "a b"},
        {"CHAOS_API_TOKEN": "a", "CHAOS_API_TOKEN_FILE": "/dev/null"},
        {"CHAOS_API_TOKEN_FILE": "/dev/null"},
        {"CHAOS_API_TOKEN_FILE": "/no/such"},
    ],
)
def test_bad_values_are_named(environment: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as refused:
        access_of(environment)
    assert all(problem.startswith("environment CHAOS_API_") for problem in refused.value.problems)


@pytest.mark.parametrize(
    ("header", "host"),
    [("Engine:8700", "engine"), ("[::1]:80", "::1"), ("127.0.0.1", "127.0.0.1"), ("", ""), ("a:b", ""),
     ("a@b", ""), ("::1", ""), ("a/b", ""), ("a b", "")],
)  # fmt: skip
def test_hosts_of_headers(header: str, host: str) -> None:
    assert host_of(header) == host


def test_an_address_in_use_is_an_os_error_and_a_name_without_one_is_refused() -> None:
    access = access_of({"CHAOS_API_LISTEN": "127.0.0.1:0"})
    assert access
    with bound(access) as first:
        taken = access_of({"CHAOS_API_LISTEN": f"127.0.0.1:{first.getsockname()[1]}"})
        assert taken
        with pytest.raises(OSError, match="in use"):
            bound(taken)
    nowhere = access_of({"CHAOS_API_LISTEN": "no-such-host.invalid:1"})
    assert nowhere
    with pytest.raises(ConfigError, match="cannot be found"):
        bound(nowhere)


def test_a_default_that_is_taken_is_no_reason_not_to_run() -> None:
    told: list[str] = []

    class Log:
        def info(self, event: str, **fields: object) -> None:
            told.append(event)

        debug = warning = error = info

    access = access_of({"CHAOS_API_LISTEN": "127.0.0.1:0"})
    assert access
    with bound(access) as first:
        taken = replace(access, port=first.getsockname()[1])
        assert _listener(replace(taken, asked=False), Log()) is None
        assert "No API: 127.0.0.1:8700 is in use by another process" in told[0]
        with pytest.raises(ConfigError, match="is in use by another process"):
            _listener(taken, Log())


# --- rates ---


def test_so_many_at_once_and_so_many_a_second() -> None:
    rates = Rates(Rate(2.0, 3))
    assert [rates.take("a", 10.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert rates.take("b", 10.0) == 0.0  # another's bucket
    assert rates.take("a", 10.5) == 0.0
    assert rates.take("a", 10.5) == 0.5
    assert [rates.take("a", 1000.0) for _ in range(4)].count(0.0) == 3  # never more than the burst


def test_the_quietest_are_forgotten_first() -> None:
    rates = Rates(Rate(1.0, 1), most_names=2)
    assert rates.take("a", 0.0) == 0.0
    for name in ("b", "c"):
        rates.take(name, 0.0)
    assert rates.take("c", 0.0) == 1.0
    assert rates.take("a", 0.0) == 0.0


def test_what_is_dear_is_found_out_seldom() -> None:
    kept: Seldom[int] = Seldom()
    looks = iter(range(1000))

    def dear() -> int:
        time.sleep(0.1)
        return next(looks)

    assert [kept.get(dear) for _ in range(50)] == [0] * 50
    kept._until = 0.0
    assert kept.get(dear) == 1


# --- events ---


def happening(text: str) -> Happening:
    return Happening(1.0, "info", "skip", text, {})


def texts(ring: Ring, number: int) -> tuple[list[str], bool]:
    entries, missed = ring.after(number)
    return [entry.happening.text for entry in entries], missed


def test_the_ring_keeps_the_newest_and_says_what_is_gone() -> None:
    ring = Ring("boot", capacity=3)
    assert texts(ring, 0) == ([], False)
    for number in range(1, 6):
        ring(happening(str(number)))
    assert texts(ring, 5) == ([], False)
    assert texts(ring, 3) == (["4", "5"], False)
    assert texts(ring, 2) == (["3", "4", "5"], False)
    assert texts(ring, 1) == (["3", "4", "5"], True)


@pytest.mark.parametrize(
    ("id_", "number"),
    [("boot-1", 1), ("boot-0", 0), ("boot-2", None), ("other-1", None), ("boot-", None), ("boot", None),
     ("", None), ("boot--1", None), ("boot-\u0661", None), ("boot-" + "9" * 500, None)],
)  # fmt: skip
def test_ids_of_events(id_: str, number: int | None) -> None:
    ring = Ring("boot")
    ring(happening("one"))
    assert ring.number_of(id_) == number


def test_many_who_wait_are_woken_from_another_thread() -> None:
    ring = Ring("boot")

    def hundred() -> None:
        for _ in range(100):
            ring(happening("x"))

    async def follow() -> int:
        seen = 0
        while seen < 100:
            await ring.news(seen)
            seen = ring.last
        return seen

    async def crowd() -> list[int]:
        engine = threading.Thread(target=hundred)
        followers = [asyncio.create_task(follow()) for _ in range(50)]
        await asyncio.sleep(0)
        engine.start()
        return await asyncio.wait_for(asyncio.gather(*followers), 20)

    assert asyncio.run(crowd()) == [100] * 50
    ring(happening("nobody is there any more, and the loop has ended"))
    ring.end()
    assert ring.last == 101


# --- secrets, the document ---


def test_what_may_be_secret_is_not_told() -> None:
    told = plain(
        {"url": "https://me:secret@host/x", "headers": [["Authorization", "secret"]], "n": [1, "http://a@b/"]}
    )
    assert told == {"url": "https://host/x", "headers": [["Authorization", "…"]], "n": [1, "http://b/"]}
    assert plain({"headers": {"X-Key": "secret"}}) == {"headers": {"X-Key": "…"}}


def test_the_published_document_is_current() -> None:
    from chaos_engine.web.app import document

    published = json.loads((ROOT / "docs" / "openapi.json").read_text())
    assert published == document(), "python -m chaos_engine.web > docs/openapi.json writes it anew"
