"""A small project for network faults: two servers that keep connections open, and a client with a pool."""

from __future__ import annotations

import json
import subprocess
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from chaos_engine.model import Observation
from tests.docker.small import Hurt, Project, docker

SERVER = """
import http.server, socketserver, time
class Shop(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    def do_GET(self):
        what, _, number = self.path.strip("/").partition("/")
        if what == "after": time.sleep(float(number))
        body = b"x" * (int(number) if what == "bytes" else 2)
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        left = int(self.headers["Content-Length"])
        while left: left -= len(self.rfile.read1(min(left, 65536)))
        self.do_GET()
    def log_message(self, *_): pass
class Server(socketserver.ThreadingTCPServer): allow_reuse_address = True; request_queue_size = 64
Server(("", 8000), Shop).serve_forever()
"""

# A line in is a path: asked on the one connection that it keeps, and made anew after an error.
CLIENT = """
import http.client, json, sys, time
connection = None
for line in sys.stdin:
    began, made = time.monotonic(), connection is None
    try:
        if made: connection = http.client.HTTPConnection(sys.argv[1], 8000, timeout=float(sys.argv[2]))
        connection.request("GET", line.strip())
        answer = connection.getresponse(); told = {"status": answer.status, "bytes": len(answer.read())}
    except Exception as error: told = {"error": type(error).__name__}; connection.close(); connection = None
    print(json.dumps({**told, "made": made, "took": time.monotonic() - began}), flush=True)
"""

COMPOSE = f"""
x-server: &server
  image: python:3.13-slim
  command:
    - python
    - -u
    - -c
    - |
{textwrap.indent(SERVER, "      ")}
  restart: unless-stopped
  stop_grace_period: 1s
  init: true
services:
  web: *server
  other: *server
  client:
    image: python:3.13-slim
    command: [sleep, infinity]
    init: true
    stop_grace_period: 1s
"""


@dataclass(frozen=True, slots=True)
class Pooled:
    """A client's one connection, which it keeps."""

    process: subprocess.Popen[str]

    def ask(self, path: str = "/") -> dict[str, Any]:
        """What it got, `took` seconds; `made`: on a new connection; `error`: its name."""
        self.send(path)
        return self.got()

    def send(self, path: str) -> None:
        """Ask, and do not wait."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()

    def got(self) -> dict[str, Any]:
        """The next answer."""
        assert self.process.stdout is not None
        return dict(json.loads(self.process.stdout.readline()))


@contextmanager
def pooled(
    project: Project, service: str = "client", host: str = "web", timeout: float = 8.0
) -> Iterator[Pooled]:
    """In the container of `service`; its connection is open already."""
    command = ["docker", "exec", "-i", project.container(service), "python", "-u", "-c", CLIENT]
    with subprocess.Popen(
        [*command, host, str(timeout)], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        made = Pooled(process)
        try:
            assert made.ask()["status"] == 200
            yield made
        finally:
            process.kill()


def python(project: Project, code: str, service: str = "client") -> str:
    """What a program in the container prints."""
    return docker("exec", project.container(service), "python", "-c", textwrap.dedent(code)).strip()


def felt(hurt: Hurt, patience: float = 15.0) -> dict[str, Any]:
    """Its details, as soon as the kernel shows that it acts."""
    ends = time.monotonic() + patience
    while (seen := hurt.observe()).observation is not Observation.FELT:
        assert time.monotonic() < ends, seen
        time.sleep(0.2)
    return dict(seen.details)
