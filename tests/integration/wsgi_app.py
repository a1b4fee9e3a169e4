"""A small WSGI application behind the middleware, on real servers: threads, or forked workers."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from target_app.wsgi_middleware import FailureStateMiddleware


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {os.getppid()}".encode()]


class _Quiet(WSGIRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        """Nothing."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


def _serve(listening: socket.socket) -> None:
    server = _Server(("127.0.0.1", 0), _Quiet, bind_and_activate=False)
    server.socket.close()
    server.socket = listening
    server.server_name, server.server_port = "127.0.0.1", listening.getsockname()[1]
    server.setup_environ()
    server.set_app(FailureStateMiddleware(application))
    server.serve_forever(0.05)


def main(workers: int) -> None:
    """No workers: this process serves. Otherwise so many do, which it forks, and replaces when they die."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(64)
    print(listening.getsockname()[1], flush=True)
    if not workers:
        _serve(listening)
    for _ in range(workers):
        _fork(listening)
    while True:
        os.wait()
        _fork(listening)


def _fork(listening: socket.socket) -> None:
    if os.fork() == 0:
        _serve(listening)


if __name__ == "__main__":
    main(int(sys.argv[1]))
