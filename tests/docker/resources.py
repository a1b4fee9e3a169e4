"""A small project whose containers have limits, a tmpfs and a volume; and what the kernel shows of them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from chaos_engine.model import Observation
from tests.docker.small import Hurt, Project

COMPOSE = """
services:
  web:
    image: python:3.13-slim
    command: [python, -u, -m, http.server, "8000", --directory, /tmp]
    init: true
    cpus: 0.8
    mem_limit: 128m
    memswap_limit: 128m
    restart: unless-stopped
    stop_grace_period: 1s
    tmpfs: ["/scratch:size=32m"]
    volumes: ["data:/data"]
  pool:
    image: python:3.13-slim
    command: [sh, -c, "while :; do sleep 1001; done"]
    user: "1234"
    cpus: 0.3
    stop_grace_period: 1s
  client:
    image: python:3.13-slim
    command: [sleep, infinity]
    init: true
    stop_grace_period: 1s
    volumes: ["data:/data"]  # so that it is still there when the other one is not
volumes:
  data: {driver_opts: {type: tmpfs, device: tmpfs, o: "size=32m"}}
"""
# What the kernel shows of a container, from inside: its limits, its files, the names of its processes.
STATE = """
import json, pathlib
P = pathlib.Path
first = {"cpu": "cpu/cpu.cfs_quota_us", "memory": "memory/memory.limit_in_bytes"}
second = {"cpu": "cpu.max", "memory": "memory.max"}
names = second if P("/sys/fs/cgroup/cgroup.controllers").exists() else first
limits = {k: P("/sys/fs/cgroup", n).read_text().strip() for k, n in names.items()}
files = [sorted(map(str, P(f).iterdir())) for f in ("/tmp", "/scratch", "/data") if P(f).is_dir()]
alive = []
for path in P("/proc").glob("[0-9]*/stat"):
    name, rest = path.read_text().split("(", 1)[1].rsplit(")", 1)
    if rest.split()[0] not in "ZX" and int(path.parent.name) != __import__("os").getpid():
        alive.append(name)
print(json.dumps([limits, files, sorted(alive)]))
"""
BUSY = """
import time
ends = time.monotonic() + 2
while time.monotonic() < ends: pass
print(time.process_time())
"""


def run(small: Project, code: str, service: str = "web") -> str:
    return small.compose("exec", "-T", service, "python", "-c", code)


def state(small: Project, service: str = "web") -> Any:
    return json.loads(run(small, STATE, service))


def until(what: Callable[[], bool]) -> None:
    ends = time.monotonic() + 20
    while not what():
        assert time.monotonic() < ends
        time.sleep(0.2)


def felt(hurt: Hurt) -> Any:
    until(lambda: hurt.observe().observation is Observation.FELT)
    return hurt.observe().details
