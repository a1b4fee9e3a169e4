"""One experiment three times: by the command `chaos`, by ours strictly, by ours.

Each is a process of its own. `forked` ones come from a server that has imported the command, and ours,
already: that is what most of their time would go to.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, cast

ROOT = Path(__file__).parents[2]
ROOM = ROOT / "chaos_engine" / "toolkit" / "__main__.py"
CHAOS = Path(sys.executable).parent / "chaos"
MODULES = Path(__file__).parent / "toolkit_modules"
PATIENCE = 60
AT_A_TIME = 6
FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(["chaostoolkit.cli", "chaos_engine.toolkit.run_mode"])
Document = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """`options` as in a spec; `files` are in the folder it runs in; `same` false: only strictly the same."""

    name: str
    experiment: Document
    options: Document = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    same: bool = True

    def with_options(self, name: str, **options: Any) -> Case:
        return replace(self, name=f"{self.name}, {name}", options={**self.options, **options})


@dataclass(frozen=True)
class Ran:
    """What one of them left behind."""

    folder: Path
    code: int
    said: str

    @property
    def journal(self) -> Document:
        return dict(json.loads((self.folder / "out.json").read_text()))

    @property
    def journalled(self) -> str | None:
        """The journal's text, without what differs from run to run; None: there is none, or a half of one."""
        try:
            return masked((self.folder / "out.json").read_text()) if self.journal else None
        except (OSError, ValueError):
            return None

    @property
    def notes(self) -> list[str]:
        return lines(self.folder / "notes.txt")

    @property
    def heard(self) -> list[str]:
        return lines(self.folder / "heard.txt")

    @property
    def record(self) -> list[Document]:
        return [json.loads(line) for line in lines(self.folder / "run" / "record.jsonl")]

    def told(self, event: str) -> list[Document]:
        return [line for line in self.record if line["event"] == event]

    @property
    def verdict(self) -> tuple[Any, Any, Any]:
        ended = self.record[-1]
        assert ended["event"] == "ended", self.said
        return ended["status"], ended["deviated"], ended["exit_code"]


@dataclass(frozen=True)
class Order:
    """A program with its arguments, to be run in a folder."""

    program: list[str]
    arguments: list[str]
    folder: Path
    case: Case

    def ran(self, code: int | None) -> Ran:
        assert code is not None, self.case.name
        return Ran(self.folder, code, (self.folder / "said.txt").read_text())


@dataclass(frozen=True)
class Three:
    """The same, side by side."""

    case: Case
    theirs: Ran
    strict: Ran
    ours: Ran


def prepared(folder: Path, case: Case) -> Path:
    folder.mkdir(parents=True)
    for name, text in case.files.items():
        (folder / name).write_text(text)
    (folder / "e.json").write_text(json.dumps(case.experiment))
    return folder


def chaos(folder: Path, case: Case) -> Order:
    """The command that the Chaos Toolkit has."""
    prepared(folder, case)
    asked = dict(case.options)
    settings = ["--settings", str(folder / asked.pop("settings", "none.yaml"))]
    options = [word for key, value in asked.items() for word in words(key, value)]
    arguments = [
        "--no-version-check",
        "--no-log-file",
        *settings,
        "run",
        "--journal-path",
        "out.json",
        *options,
    ]
    return Order([str(CHAOS)], [*arguments, "e.json"], folder, case)


def words(key: str, value: Any) -> Iterator[str]:
    """An option, as on the command line."""
    option = "--" + key.replace("_", "-")
    if isinstance(value, bool):
        yield from [option] * value
    else:
        for one in value if isinstance(value, list) else [value]:
            yield from (option, str(one))


def ours(folder: Path, case: Case, *, strict: bool = False) -> Order:
    """The same by the room."""
    prepared(folder, case)
    laid_out(folder, case, strict=strict)
    return Order([sys.executable, str(ROOM)], ["run", "run"], folder, case)


def by_ours(folder: Path, case: Case, *, forked: bool = True) -> Ran:
    """To its end."""
    return (forks if forked else commands)([ours(folder, case)])[0]


def laid_out(folder: Path, case: Case, **more: Any) -> Path:
    """The spec, in the folder of the run."""
    spec: Document = {"source": "e.json", "experiment": case.experiment, "journal_path": "out.json", **more}
    spec |= {**case.options, "settings": str(folder / case.options.get("settings", "none.yaml"))}
    (folder / "run").mkdir(exist_ok=True)
    (folder / "run" / "spec.json").write_text(json.dumps(spec))
    return folder / "run"


def surroundings(case: Case) -> dict[str, str]:
    return {"PYTHONPATH": str(MODULES), "PYTHONWARNINGS": "ignore", **case.environment}


def commands(orders: list[Order]) -> list[Ran]:
    """As anybody would run them, a few at a time."""
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return list(pool.map(command, orders))


def command(order: Order) -> Ran:
    with (order.folder / "said.txt").open("w") as said:
        done = subprocess.run(
            [*order.program, *order.arguments],
            cwd=order.folder,
            env={**os.environ, **surroundings(order.case)},
            timeout=PATIENCE,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    return order.ran(done.returncode)


def forks(orders: list[Order]) -> list[Ran]:
    """The same from the server; from one thread alone, which is how it can tell how each ended."""
    codes: dict[int, int | None] = {}
    running: dict[int, tuple[int, BaseProcess]] = {}
    for number, order in enumerate(orders):
        child = FORKS.Process(target=perform, args=(order,))
        child.start()
        running[child.sentinel] = (number, child)
        while len(running) == AT_A_TIME or (running and number == len(orders) - 1):
            ended = wait(list(running), PATIENCE)
            assert ended, f"{[orders[which].case.name for which, _ in running.values()]}: none has ended"
            for sentinel in ended:
                which, over = running.pop(cast("int", sentinel))
                over.join()
                codes[which] = over.exitcode
                over.close()
    return [order.ran(codes[number]) for number, order in enumerate(orders)]


def perform(order: Order) -> None:
    """In the forked process: as the program would."""
    os.chdir(order.folder)
    said = os.open("said.txt", os.O_WRONLY | os.O_CREAT, 0o600)
    os.dup2(said, 1)
    os.dup2(said, 2)
    os.environ |= surroundings(order.case)
    sys.path.insert(0, os.environ["PYTHONPATH"])
    warnings.simplefilter("ignore")
    sys.argv = [order.program[-1], *order.arguments]
    if order.program[-1] == str(CHAOS):
        import chaostoolkit.cli

        sys.exit(chaostoolkit.cli.cli())
    from chaos_engine.toolkit import run_mode

    sys.exit(run_mode.main(order.arguments[1:]))


def all_three(base: Path, cases: list[Case], *, forked: bool = True) -> list[Three]:
    """Of each case."""
    folders = [(base / str(number), case) for number, case in enumerate(cases)]
    theirs = [chaos(folder / "theirs", case) for folder, case in folders]
    strict = [ours(folder / "strict", case, strict=True) for folder, case in folders]
    own = [ours(folder / "ours", case) for folder, case in folders]
    done = (forks if forked else commands)([*theirs, *strict, *own])
    each = len(cases)
    return [
        Three(*row) for row in zip(cases, done[:each], done[each : 2 * each], done[2 * each :], strict=True)
    ]


def masked(text: str) -> str:
    """Without times, and the one frame that a signal goes through here.

    A hypothesis that is asked continuously is asked as often as time allows.
    """
    frameless = re.sub(r"\n[^\n]*chaos_engine/toolkit/interruption\.py[^\n]*", "", text)
    timeless = re.sub(r'("(?:start|end|duration|Date)": )("[^"]*"|[\d.e-]+)', r"\1*", frameless)
    during = re.compile(r'("during": \[).*?(\n    \])', re.DOTALL)
    return during.sub(lambda found: found[1] + "".join(dict.fromkeys(rounds(found[0]))) + found[2], timeless)


def rounds(during: str) -> list[str]:
    """Each iteration's text."""
    return re.findall(r"\n      \{.*?\n      \}", during, re.DOTALL)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
