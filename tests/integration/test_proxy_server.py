"""The proxy's HTTP: what comes in torn, doubled, too large or in disguise, and what comes out."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from chaos_engine.docker_proxy.gate import Gate
from chaos_engine.docker_proxy.scope import Scope
from chaos_engine.docker_proxy.server import Listening, server
from chaos_engine.docker_proxy.upstream import Upstream
from tests.unit.engine_twin import IMAGE, PROXY, WEB, EngineTwin

TARGET = b"/v1.41/containers/web/stop"


@dataclass
class Proxy:
    """It runs, in front of a twin."""

    address: tuple[str, int]
    twin: EngineTwin
    refused: list[str] = field(default_factory=list)

    def say(self, text: bytes) -> bytes:
        """All that it answers to these very bytes, until it closes or is silent."""
        told = b""
        with socket.create_connection(self.address, timeout=5) as client:
            client.sendall(text)
            client.shutdown(socket.SHUT_WR)
            while part := client.recv(65536):
                told += part
        return told

    def statuses(self, text: bytes) -> list[int]:
        """The status of each answer."""
        return [int(part[:3]) for part in self.say(text).split(b"HTTP/1.1 ")[1:]]


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    twin = EngineTwin()
    gate = Gate(twin, Scope(own=PROXY), frozenset({IMAGE}), frozenset({"partition"}))
    refused: list[str] = []
    made = server(Listening(host="127.0.0.1"), gate, lambda rule, _, __: refused.append(rule))
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield Proxy(made.server_address[:2], twin, refused)  # type: ignore[arg-type]
    finally:
        made.shutdown()
        thread.join()
        made.server_close()


def request(line: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    return b"\r\n".join((line, b"Host: docker", *headers, b"", body))


def test_several_calls_on_one_connection(proxy: Proxy) -> None:
    connection = http.client.HTTPConnection(*proxy.address, timeout=5)
    for _ in range(3):
        connection.request("GET", "/v1.41/containers/json?all=1")
        answer = connection.getresponse()
        assert answer.status == 200
        assert len(json.loads(answer.read())) == 4
    connection.request("POST", "/v1.41/containers/web/exec", body=b"{}")
    answer = connection.getresponse()
    told = json.loads(answer.read())
    assert (answer.status, told["rule"], answer.getheader("Connection")) == (403, "call", "close")
    assert told["message"] == "docker-proxy: call: it is no call of ours"
    connection.close()
    assert proxy.refused == ["call"]


EXEC = request(b"POST /v1.41/containers/web/restart HTTP/1.1", b"Content-Length: 0")


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (request(b"POST " + TARGET + b" HTTP/1.1", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"), 403),
        (
            request(
                b"POST " + TARGET + b" HTTP/1.1",
                b"Content-Length: 4",
                b"Transfer-Encoding: chunked",
                body=b"0\r\n\r\n" + EXEC,
            ),
            403,
        ),
        (
            request(
                b"POST " + TARGET + b" HTTP/1.1",
                b"Content-Length: 0",
                b"Content-Length: %d" % len(EXEC),
                body=EXEC,
            ),
            403,
        ),
        (request(b"POST " + TARGET + b" HTTP/1.1", b"Content-Length: -1", body=EXEC), 403),
        (request(b"POST " + TARGET + b" HTTP/1.1", b"Content-Length: +0", body=EXEC), 403),
        (request(b"POST " + TARGET + b" HTTP/1.1", b"Content-Length: 0, 0", body=EXEC), 403),
        (request(b"POST " + TARGET + b" HTTP/1.1", b"Content-Length : 0", body=EXEC), 403),
        (request(b"POST /v1.41/containers/create?name=a HTTP/1.1", b"Content-Length: 99999999"), 413),
        (request(b"POST /v1.41/containers/create?name=a HTTP/1.1", b"Content-Length: 9", body=b"{}"), 403),
        (request(b"POST /v1.41/containers/create?name=a HTTP/1.1", b"Content-Length: 2", body=b"{]"), 403),
        (
            request(
                b"POST /v1.41/containers/create?name=a HTTP/1.1",
                b"Content-Length: 100000",
                body=b"[" * 100000,
            ),
            403,
        ),
        (request(b"POST /v1.41/exec/a/start HTTP/1.1", b"Connection: Upgrade", b"Upgrade: tcp"), 403),
        (request(b"GET /v1.41/containers/json HTTP/1.1", b"Upgrade: h2c"), 403),
        (request(b"GET /v1.41/containers/json HTTP/1.1", b"Connection: keep-alive, Upgrade"), 403),
        (request(b"GET http://docker/v1.41/containers/json HTTP/1.1"), 403),
        (request(b"CONNECT docker:2375 HTTP/1.1"), 403),
        (request(b"PUT /v1.41/containers/web/archive HTTP/1.1", b"Content-Length: 0"), 403),
        (request(b"BREW /v1.41/containers/json HTTP/1.1"), 501),
        (b"GET /v1.41/containers/json\r\n\r\n", 403),
        (b"GET /v1.41/containers/json HTTP/2.0\r\n\r\n", 505),
        (b"\x16\x03\x01\x00\x05hello\r\n\r\n", 400),
        (b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n", 414),
    ],
)
def test_what_is_torn_or_in_disguise_is_refused_and_the_connection_closed(
    proxy: Proxy, text: bytes, status: int
) -> None:
    told = proxy.say(text + EXEC)
    assert proxy.twin.asked == []
    if told.startswith(b"HTTP/"):  # what is no HTTP/1 gets the text alone
        assert f" {status} ".encode() in told.split(b"\r\n", 1)[0]
    assert told.count(b'"rule"') == 1
    assert len(proxy.refused) == 1


def test_a_body_that_nobody_wants_is_not_taken_for_a_request(proxy: Proxy) -> None:
    text = request(
        b"POST " + TARGET + b" HTTP/1.1", b"Content-Length: %d" % len(EXEC), b"Connection: close", body=EXEC
    )
    assert proxy.statuses(text) == [204]
    assert [(path, body) for _, path, body in proxy.twin.asked] == [(f"/v1.41/containers/{WEB}/stop", None)]


def test_a_client_that_waits_to_be_asked_for_its_body(proxy: Proxy) -> None:
    with socket.create_connection(proxy.address, timeout=5) as client:
        line = b"POST /v1.41/networks/shop_default/connect HTTP/1.1"
        content = json.dumps({"Container": "web"}).encode()
        headers = (b"Content-Length: %d" % len(content), b"Expect: 100-continue")
        client.sendall(request(line, *headers))
        assert client.recv(100).startswith(b"HTTP/1.1 100")
        client.sendall(content)
        assert client.recv(100).startswith(b"HTTP/1.1 204")


def test_where_the_engine_is_not_there(tmp_path: Path) -> None:
    gate = Gate(Upstream(tmp_path / "none.sock"), Scope(), frozenset(), frozenset())
    made = server(Listening(path=tmp_path / "proxy.sock"), gate, lambda *_: None)
    thread = threading.Thread(target=made.handle_request)
    thread.start()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / "proxy.sock"))
        client.sendall(request(b"GET /version HTTP/1.1", b"Connection: close"))
        told = b"".join(iter(lambda: client.recv(65536), b""))
    thread.join()
    made.server_close()
    assert b" 502 " in told
    assert b"No such file or directory" in told
    assert (tmp_path / "proxy.sock").stat().st_mode & 0o777 == 0o660
