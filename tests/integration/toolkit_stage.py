"""Experiments of the Chaos Toolkit whose actions leave marks in a folder."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

from chaos_engine.journal import Journal
from tests.integration.engine_process import ROOT, Place

ACTIVITIES = '''
"""Activities that can be seen from outside."""
import time
from pathlib import Path

def put(path):
    Path(path).write_text("hurt")

def take(path):
    Path(path).unlink(missing_ok=True)

def is_whole(path):
    return not Path(path).exists()

def is_well(path):
    return Path(path).read_text().strip() == "well"

def write(path, text):
    Path(path).write_text(text)

def wait(seconds):
    time.sleep(seconds)

def fail(until=""):
    if not until or not Path(until).exists():
        raise RuntimeError("it cannot be done")

__all__ = ["put", "take", "is_whole", "is_well", "write", "wait", "fail"]
'''


def activity(name: str, func: str, kind: str = "action", **arguments: Any) -> dict[str, Any]:
    provider = {"type": "python", "module": "marks", "func": func, "arguments": arguments}
    return {"type": kind, "name": name, "provider": provider}


class Stage(Place):
    """A place with those activities. `mark` is there while it is hurt; `health` is what the gate reads."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (folder / "modules").mkdir()
        (folder / "modules" / "marks.py").write_text(ACTIVITIES)
        self.environment["PYTHONPATH"] = f"{ROOT}:{folder / 'modules'}"
        self.health.write_text("well")

    @property
    def mark(self) -> Path:
        return self.folder / "hurt"

    @property
    def health(self) -> Path:
        return self.folder / "health"

    def probe(self, **more: Any) -> dict[str, Any]:
        """Whether the health is well."""
        return activity("health", "is_well", "probe", path=str(self.health)) | {"tolerance": True, **more}

    def experiment(self, name: str = "az.json", **changes: Any) -> str:
        """One that hurts for a moment. Changes with a `None` take a key away."""
        whole: dict[str, Any] = {
            "title": "it stays well", "description": "while it is hurt",
            "steady-state-hypothesis": {"title": "well", "probes": [self.probe()]},
            "method": [self.hurts()],
            "rollbacks": [activity("heal", "take", path=str(self.mark))],
        }  # fmt: skip
        whole = {key: value for key, value in {**whole, **changes}.items() if value is not None}
        (self.folder / name).write_text(json.dumps(whole))
        return name

    def hurts(self, pause: float = 0.0) -> dict[str, Any]:
        found = activity("hurt", "put", path=str(self.mark))
        return found | {"pauses": {"after": pause}} if pause else found

    @property
    def last(self) -> dict[str, Any]:
        """The newest experiment, as the journal has it."""
        with closing(Journal(self.data)) as journal:
            found = journal.find(journal.history(1)[0]["id"])
        assert found is not None
        return found
