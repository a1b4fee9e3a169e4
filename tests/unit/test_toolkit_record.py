"""The record of a run of the Chaos Toolkit: which of its lines are waited for."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from chaos_engine.toolkit import record

EVENTS: list[tuple[str, dict[str, Any], bool]] = [
    ("hypothesis-started", {}, False),
    ("activity-started", {"kind": "probe"}, False),
    ("activity-ended", {"kind": "probe"}, False),
    ("method-started", {}, False),
    ("activity-started", {"kind": "action"}, True),
    ("activity-ended", {"kind": "action"}, False),
    ("rollbacks-started", {}, False),
    ("activity-started", {"kind": "action"}, True),
    ("rollbacks-ended", {}, True),
    ("ended", {}, True),
]


def test_an_action_is_on_disk_before_it_begins_and_no_look_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", lambda file: synced.append(os.fstat(file).st_size))
    written = record.Record(tmp_path)
    for event, more, on_disk in EVENTS:
        synced.clear()
        written.write(event, **more)
        size = (tmp_path / "record.jsonl").stat().st_size
        assert synced == ([size] if on_disk else []), event
    lines = (tmp_path / "record.jsonl").read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines] == [event for event, _, _ in EVENTS]
