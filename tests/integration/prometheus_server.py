"""A real Prometheus in a container, and a target whose metrics a test sets."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

IMAGE = "prom/prometheus:v2.53.3"
_numbers = itertools.count(1)


class Exporter:
    """An HTTP server on loopback that serves `metrics`; while `down`, it answers 503."""

    def __init__(self) -> None:
        self.metrics: dict[str, float] = {}
        self.down = False
        self.scrapes = 0
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                exporter.scrapes += 1
                body = exporter.page().encode()
                self.send_response(503 if exporter.down else 200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def page(self) -> str:
        """Prometheus' text format."""
        return "".join(f"{series} {value}\n" for series, value in list(self.metrics.items()))

    def close(self) -> None:
        """Stop, and free the port."""
        self._server.shutdown()
        self._server.server_close()


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def config(jobs: Mapping[str, int], interval: str = "500ms") -> str:
    """A prometheus.yml that scrapes these ports on loopback, with the rules in `rules.yml`."""
    scraped = "".join(
        f"  - job_name: {job}\n    static_configs: [{{targets: ['127.0.0.1:{port}']}}]\n"
        for job, port in jobs.items()
    )
    every = ", ".join(
        f"{what}: {interval}" for what in ("scrape_interval", "scrape_timeout", "evaluation_interval")
    )
    return f"global: {{{every}}}\nrule_files: [rules.yml]\nscrape_configs:\n{scraped}"


@contextmanager
def prometheus(prometheus_yml: str, rules_yml: str = "groups: []\n") -> Iterator[str]:
    """Run Prometheus with this configuration; gives its URL once it is ready, and removes it in the end."""
    with tempfile.TemporaryDirectory(prefix="chaos-test-prom-") as folder:
        _write(Path(folder), prometheus_yml, rules_yml)
        port = free_port()
        name = f"chaos-test-prom-{os.getpid()}-{next(_numbers)}"
        _start(name, port, folder)
        try:
            _wait_until_ready(f"http://127.0.0.1:{port}", name)
            yield f"http://127.0.0.1:{port}"
        finally:
            subprocess.run(["docker", "rm", "--force", "--volumes", name], capture_output=True, check=False)


def _write(folder: Path, prometheus_yml: str, rules_yml: str) -> None:
    folder.chmod(0o755)  # Prometheus runs as nobody
    for name, text in (("prometheus.yml", prometheus_yml), ("rules.yml", rules_yml)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o644)


def _start(name: str, port: int, folder: str) -> None:
    docker = ["docker", "run", "--detach", "--network", "host", "--name", name]
    mount = ["--mount", f"type=bind,source={folder},target=/etc/prometheus,readonly"]
    flags = [
        "--config.file=/etc/prometheus/prometheus.yml",
        "--storage.tsdb.path=/prometheus",
        f"--web.listen-address=127.0.0.1:{port}",
        "--scrape.discovery-reload-interval=100ms",  # else the first scrape comes after 10 s, not 5
    ]
    subprocess.run([*docker, *mount, IMAGE, *flags], check=True, capture_output=True, text=True)


def _wait_until_ready(url: str, name: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/-/ready", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    logs = subprocess.run(["docker", "logs", name], capture_output=True, text=True, check=False)
    raise RuntimeError(f"Prometheus did not start:\n{logs.stdout}{logs.stderr}")
