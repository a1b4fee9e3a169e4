"""The examples of docs/api.md, typed as they stand."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.integration.api.caller import TOKEN, answering
from tests.integration.engine_process import ROOT, Place

SETTINGS = """
schedule: {every: 1h, startup_wait: 1h, recovery: 300ms, min_interval: 0s}
targets: {target-app: {state_file: STATE}}
"""
EXAMPLES = [
    line.partition("   #")[0].strip()
    for line in (ROOT / "docs" / "api.md").read_text().splitlines()
    if line.startswith("curl ")
]
# What there is none of yet, and which status says so.
EXPECTED = {"/api/history/e1": "404", "/api/approvals/a1": "404"}


def test_the_examples_of_the_guide_work(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.configure(SETTINGS)
    assert len(EXAMPLES) >= 18
    with answering(place) as (_, caller):
        for example in EXAMPLES:
            path = example.partition("$CHAOS_URL")[2].partition('"')[0]
            command = f"{example} -o answer -w '%{{http_code}}' --max-time 15"
            if path == "/api/events":
                command = command.replace("--max-time 15", "--max-time 1")
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=tmp_path, text=True, capture_output=True, timeout=30, check=False,
                env={**place.env, "CHAOS_URL": caller.url, "CHAOS_API_TOKEN": TOKEN},
            )  # fmt: skip
            status = EXPECTED.get(path, "200")
            assert done.stdout == status, (example, (tmp_path / "answer").read_text())


def test_every_path_has_an_example() -> None:
    from chaos_engine.web.app import document

    shown = " ".join(EXAMPLES)
    assert [path for path in document()["paths"] if path.split("{")[0] not in shown] == []
