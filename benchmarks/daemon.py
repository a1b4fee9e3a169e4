"""What the daemon costs: its plan, its memory, its idle time, and its start and stop in Compose limits."""

from __future__ import annotations

import http.server
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.table import Row, show

ROOT = Path(__file__).parents[1]
IMAGE = "chaos-engine:bench"
LIMITS = ("--cpus", "0.1", "--memory", "128m")
SETTLE, WATCH = 4.0, 20.0  # seconds
# The same imports, leaving as Python does by default.
NAIVE_DAEMON = """
import signal, sys, time
from chaos_engine.console import run
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("Next injection", flush=True)
while True:
    time.sleep(0.1)
"""
NAIVE_PLAN = """
import random, time
now, due, n = time.time(), 60, 0
for second in range(30 * 86400):
    if second >= due:
        random.choices(["crash", "slowdown", "config_error"], [0.3, 0.4, 0.3])
        due += 180
"""
NAIVE_WAIT = "import time\nwhile True: time.sleep(0.01)"


def rows() -> list[Row]:
    """Every measurement; about two minutes."""
    return [plan(), *idle(), *in_compose_limits()]


def plan() -> Row:
    """30 days, the process's start included, against looking at every second."""
    ours = _seconds([sys.executable, "-m", "chaos_engine", "plan", "--days", "30", "--seed", "1", "--json"])
    naive = _seconds([sys.executable, "-c", NAIVE_PLAN])
    return Row("plan --days 30, with the start of Python", ours, "s", naive, naive / ours)


def _seconds(command: list[str]) -> float:
    def once() -> float:
        began = time.perf_counter()
        subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        return time.perf_counter() - began

    return min(once() for _ in range(3))


# --- idle -----------------------------------------------------------------------------------


def idle() -> list[Row]:
    """Memory against a bare interpreter, processor time against a loop that wakes every 10 ms."""
    bare = _watch([sys.executable, "-c", NAIVE_WAIT], {})
    found = []
    kinds = (
        ("no probes", False, "off"),
        ("one http probe, 2 a second", True, "off"),
        ("one http probe, and the API", True, "127.0.0.1:0"),
    )
    for name, probed, listen in kinds:
        with _settings(probed=probed) as settings:
            environment = {**settings, "CHAOS_API_LISTEN": listen}
            memory, share = _watch([sys.executable, "-m", "chaos_engine", "run"], environment)
        found.append(
            Row(f"resident memory, {name}", memory, "MB; naive: bare Python", bare[0], memory / bare[0])
        )
        found.append(
            Row(
                f"idle, {name}", share * 100, "% of a core; naive: 10 ms loop", bare[1] * 100, bare[1] / share
            )
        )
    return found


def _watch(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Resident MB and share of a core."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        time.sleep(SETTLE)
        looked = psutil.Process(process.pid)
        before = sum(looked.cpu_times()[:2])
        time.sleep(WATCH)
        return looked.memory_info().rss / 2**20, (sum(looked.cpu_times()[:2]) - before) / WATCH
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


@contextmanager
def _settings(*, probed: bool) -> Iterator[dict[str, str]]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        probes = (
            f"[{{http: 'http://127.0.0.1:{server.server_port}/', expect: {{status: 200}}}}]"
            if probed
            else "[]"
        )
        file = Path(folder, "chaos.yml")
        file.write_text(
            f"targets: {{shop: {{state_file: {folder}/state.json}}}}\nsteady_state: {{probes: {probes}}}\n"
            "schedule: {startup_wait: 1h}\n"
        )
        yield {"CHAOS_CONFIG": str(file), "CHAOS_DATA_DIR": str(Path(folder, "data"))}
    server.shutdown()


class _Quiet(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


# --- in the limits of the Compose stack -----------------------------------------------------


def in_compose_limits() -> list[Row]:
    """Start and stop at 0.1 CPU and 128 MB, against leaving the way Python does by itself."""
    if (
        not shutil.which("docker")
        or subprocess.run(["docker", "info"], capture_output=True, check=False).returncode
    ):
        print("start and stop in the Compose limits: left out, no Docker Engine answers")
        return []
    build = ["docker", "build", "-q", "-t", IMAGE, "--target", "engine", "."]
    subprocess.run(build, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    ours = _start_and_stop([IMAGE, "run"])
    naive = _start_and_stop(["--entrypoint", "python", IMAGE, "-c", NAIVE_DAEMON])
    return [
        Row(
            "start at 0.1 CPU and 128 MB, to the first line", ours[0], "s; naive: the imports alone", naive[0]
        ),
        Row("stop at 0.1 CPU, SIGTERM to exit", ours[1], "s; naive: sys.exit", naive[1], naive[1] / ours[1]),
    ]


def _start_and_stop(arguments: list[str]) -> tuple[float, float]:
    began = time.perf_counter()
    started = subprocess.run(
        ["docker", "run", "-d", *LIMITS, "--read-only", "--tmpfs", "/tmp:mode=1777", *arguments],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    name = started.stdout.strip()
    try:
        while "Next injection" not in _logs(name):
            time.sleep(0.1)
        up = time.perf_counter() - began
        time.sleep(2)
        began = time.perf_counter()
        subprocess.run(["docker", "kill", "-s", "TERM", name], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["docker", "wait", name], check=True, stdout=subprocess.DEVNULL)
        return up, time.perf_counter() - began
    finally:
        subprocess.run(["docker", "rm", "-f", "-v", name], check=False, stdout=subprocess.DEVNULL)


def _logs(name: str) -> str:
    said = subprocess.run(["docker", "logs", name], check=False, capture_output=True, text=True)
    return said.stdout + said.stderr


if __name__ == "__main__":
    show("The daemon", rows())
