"""The report in a real browser: opened from disk, without a network, wide and narrow, light and dark."""

from __future__ import annotations

import http.server
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import made_up

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="there is no chromium on this machine")
DARK = "--blink-settings=preferredColorScheme=0"
LIGHT = "--blink-settings=preferredColorScheme=1"
WHITE, BLACK = 0xFF, 0x00


class Asked(http.server.BaseHTTPRequestHandler):
    """Stands for every host there is, and remembers who was asked for what."""

    paths: list[str]

    def do_GET(self) -> None:
        self.paths.append(self.path)
        self.send_error(404)

    do_CONNECT = do_GET  # noqa: N815 - the name that it is looked for by

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def network() -> Iterator[tuple[int, list[str]]]:
    """A proxy that everything goes through: its port, and what was asked of it."""
    paths: list[str] = []
    handler = type("Handler", (Asked,), {"paths": paths})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1], paths
    server.shutdown()
    thread.join()
    server.server_close()


def opened(page: Path, port: int, *flags: str) -> str:
    """What the browser writes while it opens the page."""
    assert BROWSER is not None
    command = [
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
        "--enable-logging=stderr", "--disable-background-networking", "--disable-component-update",
        f"--user-data-dir={page.parent / 'profile'}", f"--proxy-server=127.0.0.1:{port}",
        "--proxy-bypass-list=<-loopback>", *flags, page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout + done.stderr


def console(said: str) -> list[str]:
    return [line for line in said.splitlines() if "CONSOLE" in line]


@pytest.mark.parametrize("scheme", [LIGHT, DARK])
@pytest.mark.parametrize("size", ["1200,1600", "390,1600"])
def test_it_opens_without_a_word_and_without_a_request(
    tmp_path: Path, network: tuple[int, list[str]], scheme: str, size: str
) -> None:
    page, shot = tmp_path / "report.html", tmp_path / "shot.png"
    page.write_text(made_up.example(), encoding="utf-8")
    port, asked = network
    said = opened(page, port, scheme, f"--window-size={size}", f"--screenshot={shot}")
    assert console(said) == []
    assert [path for path in asked if "example" in path] == []
    assert shot.stat().st_size > 20_000  # an empty page has less


def test_it_would_be_seen_if_it_asked(tmp_path: Path, network: tuple[int, list[str]]) -> None:
    """The test's own teeth: without its policy, and with a picture and a script from elsewhere."""
    page = tmp_path / "report.html"
    text = re.sub(r"<meta http-equiv[^>]*>", "", made_up.example())
    more = "<img src='http://elsewhere.example/a.png'><script>console.error('a word')</script>"
    page.write_text(text.replace("</main>", f"{more}</main>"), encoding="utf-8")
    port, asked = network
    said = opened(page, port, f"--screenshot={tmp_path / 'shot.png'}")
    assert len(console(said)) >= 1
    assert [path for path in asked if "elsewhere.example" in path]


def test_its_own_policy_lets_nothing_out(tmp_path: Path, network: tuple[int, list[str]]) -> None:
    page = tmp_path / "report.html"
    more = "<img src='http://elsewhere.example/a.png'><script>console.error('a word')</script>"
    page.write_text(made_up.example().replace("</main>", f"{more}</main>"), encoding="utf-8")
    port, asked = network
    said = opened(page, port, f"--screenshot={tmp_path / 'shot.png'}")
    assert "Content Security Policy" in said
    assert "a word" not in said.replace("'a word'", "")
    assert [path for path in asked if "elsewhere.example" in path] == []


def test_nothing_is_wider_than_a_phone(tmp_path: Path, network: tuple[int, list[str]]) -> None:
    """Measured by a script in the page, which a frame of 390 units shows."""
    page, frame = tmp_path / "report.html", tmp_path / "frame.html"
    text = re.sub(r"<meta http-equiv[^>]*>", "", made_up.example())
    script = (
        "<script>parent.postMessage(document.documentElement.scrollWidth + ' of ' + innerWidth, '*')</script>"
    )
    page.write_text(text.replace("</main>", f"</main>{script}"), encoding="utf-8")
    frame.write_text(
        "<script>onmessage = (said) => { document.body.dataset.width = said.data }</script>"
        "<body><iframe width=390 height=800 src=report.html></iframe></body>"
    )
    said = opened(frame, network[0], "--dump-dom")
    found = re.search(r'data-width="(\d+) of (\d+)"', said)
    assert found is not None, said[-500:]
    assert int(found[1]) <= int(found[2]) <= 390
