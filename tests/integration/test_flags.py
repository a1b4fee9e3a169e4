"""A flag that an application reads is switched by a real engine, judged, and restored byte for byte."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scenarios.flagd import default_of, with_default
from tests.integration.engine_process import Place, running

EXAMPLE = Path(__file__).parents[2] / "examples" / "flagd" / "demo.flagd.json"
EXPERIMENT = """
title: the carts work without half of them
scenario: feature_flag
with: {flag: cartFailure, variant: "100%"}
target: {name: cart, flagd_file: FLAGS}
recovery: 3s
steady_state:
  lookback: 2s
  probes: [{http: "URL", every: 200ms, expect: {success: ">= 90%"}}]
hypothesis: steady_state
"""


@contextmanager
def cart(flags: Path) -> Iterator[str]:
    """An application that fails while the flag says so; it reads the file for each request."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            broken = default_of(flags.read_text(), "cartFailure") == "100%"
            self.send_response(500 if broken else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    flags = tmp_path / "demo.flagd.json"
    flags.write_bytes(EXAMPLE.read_bytes())
    with cart(flags) as url:
        text = EXPERIMENT.replace("FLAGS", str(flags)).replace("URL", url)
        made.configure(text, "carts.chaos.yml")
        yield made


def test_it_is_felt_judged_and_restored(place: Place) -> None:
    done = place.call("run", "carts.chaos.yml")
    assert done.returncode == 1, done.stderr
    found = json.loads(place.call("history", "e1", "--json").stdout)
    assert (found["verdict"], found["result"]["witness"]) == ("not_supported", "felt")
    assert found["result"]["recovery"] == "recovered"
    assert (place.folder / "demo.flagd.json").read_bytes() == EXAMPLE.read_bytes()


def test_somebody_elses_choice_ends_it_and_stays(place: Place) -> None:
    flags = place.folder / "demo.flagd.json"
    file = place.folder / "carts.chaos.yml"
    file.write_text(file.read_text().replace("recovery: 3s", "recovery: 8s"))  # time for several looks
    with running(place, "run", "carts.chaos.yml") as engine:
        engine.says("Marked injection")  # before that it would be no change, but an injection that failed
        chosen = with_default(flags.read_text(), "cartFailure", "50%")
        flags.write_text(chosen)
        engine.popen.wait(60)
    assert flags.read_text() == chosen
    found = json.loads(place.call("history", "e1", "--json").stdout)
    assert found["result"]["cleanup"] == "clean"
    assert "changed_to" in json.dumps(found["result"]["details"])


def test_an_unknown_flag_is_refused_before_anything_happens(place: Place) -> None:
    text = (place.folder / "carts.chaos.yml").read_text().replace("cartFailure", "cartFailur")
    (place.folder / "odd.chaos.yml").write_text(text)
    done = place.call("run", "odd.chaos.yml")
    assert done.returncode == 2
    assert "unknown flag 'cartFailur'; did you mean 'cartFailure'?" in done.stderr
    assert "Traceback" not in done.stderr
