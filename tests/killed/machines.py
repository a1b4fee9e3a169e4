"""What an engine runs on: processes of this machine, or containers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from contextlib import ExitStack
from typing import Any

import psutil
import yaml

from tests.integration.engine_process import Place, Process
from tests.killed.matrix import PLUGINS, ROOT, Case

IMAGE = f"chaos-engine:killed-{os.getpid()}"


class Processes:
    """`python engine.py`, and the janitor beside it."""

    quiet = 6.0

    def __init__(self, case: Case, place: Place, undo: ExitStack) -> None:
        self._case, self._place, self._undo = case, place, undo

    def begin(self) -> None:
        if self._case.ending.has_janitor:
            self._undo.callback(self._place.start("janitor").close)
        self.again()

    def again(self) -> None:
        self._engine = Process(self._place, (), (str(ROOT / "engine.py"),))
        self._undo.callback(self._engine.close)

    def struck(self) -> bool:
        if self._case.ending.signal == "STOP":
            return psutil.Process(self._engine.popen.pid).status() == psutil.STATUS_STOPPED
        return self.ended()

    def ended(self) -> bool:
        return self._engine.popen.poll() is not None

    def thaw(self) -> None:
        self._engine.popen.send_signal(signal.SIGCONT)

    def said(self) -> str:
        return self._engine.said[-400:]


class Containers:
    """Engine and janitor of docker-compose.yml, with their limits; the folder is mounted where it is."""

    quiet = 15.0  # at a tenth of a core

    def __init__(self, case: Case, place: Place, undo: ExitStack) -> None:
        self._case, self._place, self._undo = case, place, undo
        self.project = f"chaos-killed-{os.getpid()}-{time.monotonic_ns() % 10**9}"
        self._file = place.folder / "compose.yml"

    def begin(self) -> None:
        for folder in (self._place.folder, self._place.data, self._place.state_file.parent):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o777)  # the engine has a user of its own
        shutil.copytree(PLUGINS, self._place.folder / "plugins", ignore=shutil.ignore_patterns("__pycache__"))
        settings = self._place.folder / "chaos.yml"
        settings.write_text(settings.read_text().replace(f"plugins: {PLUGINS}", "plugins: ./plugins"))
        self._file.write_text(yaml.safe_dump(self._document()))
        self._undo.callback(lambda: self._compose("down", "--timeout=0", "--volumes"))
        self._compose("up", "--detach", "--no-build")
        self._container = self._compose("ps", "--all", "--quiet", "engine").strip()

    def _document(self) -> dict[str, Any]:
        """The two services as they are shipped, but for where they look, and who begins again."""
        shipped = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
        names = ("engine", "janitor") if self._case.ending.has_janitor else ("engine",)
        return {"services": {name: self._service(shipped[name], name) for name in names}}

    def _service(self, shipped: dict[str, Any], name: str) -> dict[str, Any]:
        place = self._place
        environment = {
            "CHAOS_CONFIG": str(place.folder / "chaos.yml"), "CHAOS_DATA_DIR": str(place.data),
            "CHAOS_API_LISTEN": "off",
        }  # fmt: skip
        if name == "engine":
            environment |= place.environment
        kept = {k: v for k, v in shipped.items() if k not in ("build", "depends_on", "ports")}
        return kept | {
            "image": IMAGE,
            "init": True,  # to process 1 the kernel brings no KILL of its own, nor a STOP
            "restart": "unless-stopped" if self._case.ending.is_started_again else "no",
            "environment": environment,
            "volumes": [f"{place.folder}:{place.folder}"],
            "network_mode": "host",  # the probed service is one of this machine
        }

    def again(self) -> None:
        """The restart policy does it."""

    def struck(self) -> bool:
        if self._case.ending.signal == "STOP":
            said = self._docker("top", self._container, "-o", "pid,stat").splitlines()
            return any(line.split()[1].startswith("T") for line in said[1:])
        state = self._inspect()
        return bool(state["RestartCount"]) or not state["State"]["Running"]

    def ended(self) -> bool:
        return not (state := self._inspect()["State"])["Running"] and not state["Restarting"]

    def thaw(self) -> None:
        """The init hands it on."""
        self._docker("kill", "--signal=CONT", self._container)

    def said(self) -> str:
        return self._docker("logs", "--tail=8", self._container)

    def _inspect(self) -> Any:
        return json.loads(self._docker("inspect", self._container))[0]

    def _compose(self, *arguments: str) -> str:
        return _done(
            "docker", "compose", "--ansi=never", "-p", self.project, "-f", str(self._file), *arguments
        )

    def _docker(self, *arguments: str) -> str:
        return _done("docker", *arguments)


def build() -> None:
    """The image that `Containers` run."""
    _done("docker", "build", "--quiet", "--tag", IMAGE, "--target", "engine", str(ROOT), patience=600)


def forget() -> None:
    """Remove it."""
    _done("docker", "image", "rm", IMAGE)


def _done(*command: str, patience: float = 120.0) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=patience, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)} exits {done.returncode}: {done.stderr[-400:]}")
    return done.stdout + (done.stderr if command[1] == "logs" else "")
