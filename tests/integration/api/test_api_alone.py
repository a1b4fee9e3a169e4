"""The API of an engine that does not answer, or whose journal cannot be read: it says so, in time."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from chaos_engine.adapters import folder
from chaos_engine.config import load_settings
from chaos_engine.happenings import Happening
from chaos_engine.journal import Journal
from chaos_engine.model import Fault, Now, Target
from chaos_engine.web import commanding, streaming
from chaos_engine.web.app import application
from chaos_engine.web.facts import Facts
from chaos_engine.web.readers import Readers
from chaos_engine.web.ring import Ring
from tests.integration.api.stage import ANY_RATE, SETTINGS, TOKEN, access

HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def facts(tmp_path: Path) -> Iterator[Facts]:
    data = tmp_path / "data"
    folder.prepare(data)
    (tmp_path / "chaos.yml").write_text(SETTINGS.replace("STATE", str(tmp_path / "state.json")))
    settings = load_settings(tmp_path / "chaos.yml", {})
    reading, asking = Readers(data, "reading"), Readers(data, "asking")
    yield Facts(
        data=data, access=access(), settings=lambda: settings, registry=CollectorRegistry(),
        ring=Ring("boot"), reconciled=lambda: True, reading=reading, asking=asking,
    )  # fmt: skip
    reading.close()
    asking.close()


def asked(app: FastAPI, method: str, path: str, **more: Any) -> httpx.Response:
    async def call() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers=HEADERS
        ) as client:
            return await client.request(method, path, **more)

    return asyncio.run(call())


def test_a_frozen_engine_is_503_and_never_obeys_later(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commanding, "PATIENCE", 0.3)
    answer = asked(application(facts, ANY_RATE), "POST", "/api/halt")
    assert answer.status_code == 503
    assert "did not answer" in answer.json()["error"]
    assert "the command was withdrawn" in answer.json()["error"]
    journal = Journal(facts.data)
    assert journal.take(time.time()) == []
    journal.close()


def test_one_that_took_it_and_fell_silent_may_still_obey(
    facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commanding, "PATIENCE", 1.0)

    def take() -> None:
        journal = Journal(facts.data)
        while not journal.take(time.time()):
            time.sleep(0.01)
        journal.close()

    engine = threading.Thread(target=take)
    engine.start()
    answer = asked(application(facts, ANY_RATE), "POST", "/api/clear")
    engine.join(20)
    assert answer.status_code == 503
    assert "it took it, and may still obey" in answer.json()["error"]


def test_silent_is_not_alive_nor_ready(facts: Facts) -> None:
    app = application(facts, ANY_RATE)
    assert asked(app, "GET", "/healthz").status_code == 503
    folder.beat(facts.data)
    assert asked(app, "GET", "/healthz").json()["alive"] is True
    assert asked(app, "GET", "/readyz").json() == {"ready": True, "lacks": []}
    os.utime(facts.data / folder.HEARTBEAT, (time.time() - 60,) * 2)
    silent = asked(app, "GET", "/healthz")
    assert (silent.status_code, silent.json()["alive"]) == (503, False)
    assert "has been silent for 60 s" in asked(app, "GET", "/readyz").json()["lacks"][0]


def test_what_was_left_in_is_not_ready(facts: Facts, tmp_path: Path) -> None:
    folder.beat(facts.data)
    journal = Journal(facts.data)
    now = Now(time.time(), 0.0)
    fault = Fault(
        "e1-0", "e1", "crash", Target("shop"), {}, {}, (), journal.owner, 0, now, now.plus(60)
    )  # fmt: skip
    journal.arm(fault)
    not_yet = asked(application(replace(facts, reconciled=lambda: False), ANY_RATE), "GET", "/readyz")
    assert len(not_yet.json()["lacks"]) == 2
    app = application(facts, ANY_RATE)
    left = asked(app, "GET", "/readyz")
    assert left.json()["lacks"] == ["crash on shop (e1-0) is still to be cleared"]
    journal.cleared(fault, time.time())
    journal.close()
    assert asked(app, "GET", "/readyz").status_code == 200


def test_a_journal_that_is_none_is_503_with_its_reason(facts: Facts) -> None:
    (facts.data / "journal.db").write_text("not a database, whatever it is called")
    app = application(facts, ANY_RATE)
    for path in ("/api/status", "/api/history", "/api/settings"):
        answer = asked(app, "GET", path)
        assert answer.status_code == 503
        assert "the journal cannot be used just now" in answer.json()["error"]
    assert asked(app, "POST", "/api/halt").status_code == 503


def test_a_defect_is_a_sentence_and_no_traceback(facts: Facts) -> None:
    def broken() -> Any:
        raise ZeroDivisionError("secret")

    answer = asked(application(replace(facts, settings=broken), ANY_RATE), "GET", "/api/scenarios")
    assert (answer.status_code, answer.json()["error"]) == (500, "a defect of the API: ZeroDivisionError")


def test_a_stream_too_many_is_refused(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "MOST_STREAMS", 0)
    refused = asked(application(facts, ANY_RATE), "GET", "/api/events")
    assert (refused.status_code, "more are not served" in refused.json()["error"]) == (503, True)


def test_who_falls_behind_is_told_that_events_are_gone(facts: Facts) -> None:
    ring = Ring("boot", capacity=2)
    for number in range(5):
        ring(Happening(1.0, "info", "", f"line {number}", {"odd": float("nan"), "path": Path("x")}))
    ring.end()
    told = asked(
        application(replace(facts, ring=ring), ANY_RATE),
        "GET",
        "/api/events",
        headers={"Last-Event-ID": "boot-1"},
    )
    assert "event: missed" in told.text
    assert "line 2" not in told.text
    assert '"odd":null,"path":"x"' in told.text
    assert "event: line\r\n" in told.text
    assert told.text.endswith("event: end\r\ndata: {}\r\n\r\n")
