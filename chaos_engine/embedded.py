"""Chaos from within a program: an engine in a process of its own, which this module starts and asks.

Nothing of the engine is imported here: names such as `scenarios` belong to the program. When the program
dies, however it dies, the engine sees its input end, and clears.
"""

from __future__ import annotations

import atexit
import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

START_PATIENCE = 60.0  # seconds: a busy machine loads it slowly
CLEAR_PATIENCE = 60.0  # seconds for a clearing before it is called late; the engine goes on with it
LOG_LINES = 2000
LAST = ("ended", "refused", "died", "planned", "ready")  # answers after which there is no other
_HERE = str(Path(__file__).parents[1])


class ChaosError(Exception):
    """What was asked for cannot be, or was not: the message is what the engine says."""


@dataclass(frozen=True, slots=True)
class Injection:
    """A fault that is in: its id in the history, and the wall time at which it ends by itself."""

    experiment: str
    deadline: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an experiment.

    `passed`: it is what exits with 0. `word`: the verdict, or `left`. `text`: the evidence.
    """

    experiment: str
    title: str
    verdict: str
    word: str
    passed: bool
    reason: str
    ended_by: str
    text: str
    properties: Mapping[str, str] = field(default_factory=dict)


def fault(
    scenario: str,
    target: str | None,
    state_file: str | os.PathLike[str] | None,
    hold: str | float,
    parameters: Mapping[str, Any],
) -> dict[str, Any]:
    """The request for one fault."""
    request: dict[str, Any] = {"scenario": scenario, "hold": hold, "with": parameters}
    if target is not None:
        request["target"] = target
    if state_file is not None:
        request["state_file"] = str(Path(state_file).absolute())
    return request


class Embedded:
    """The engine's process, started when it is first needed.

    `data`: its data folder, and nobody else's. `config`: settings whose targets and scenarios may be
    named. `cwd`: what relative paths are relative to. `dry`: say what would be done, and do nothing.
    """

    def __init__(
        self, data: Path, *, config: Path | None = None, cwd: Path | None = None, dry: bool = False
    ) -> None:
        self.log: deque[str] = deque(maxlen=LOG_LINES)
        self._data, self._config, self._cwd, self._dry = data, config, cwd or Path.cwd(), dry
        self._process: subprocess.Popen[str] | None = None
        self._answers: dict[int, queue.SimpleQueue[dict[str, Any]]] = {}
        self._number = 0
        self._owner = os.getpid()

    # --- what it can do ---

    @contextmanager
    def inject(
        self,
        scenario: str,
        *,
        target: str | None = None,
        state_file: str | os.PathLike[str] | None = None,
        hold: str | float = "60s",
        **parameters: Any,
    ) -> Iterator[Injection]:
        """The fault is in while the block runs, for `hold` at most; it is cleared whatever ends the block.

        ChaosError: it could not be injected, it ended before the block did, or it could not be cleared.
        """
        number = self._begin(fault(scenario, target, state_file, hold, parameters))
        with self._ended_if_it_raises(number):
            yield self._injected(number, scenario)
        ended = self._end(number, planned=True)
        if ended["ended_by"] == "time":
            raise ChaosError(
                f"{scenario} ended before the block did, after {hold}: a longer hold= keeps it in"
            )
        if ended["word"] in ("failed", "left", "interrupted"):
            raise ChaosError(f"{scenario}: {ended['word']}: {ended['reason']}")

    def run(self, file: str | os.PathLike[str]) -> Outcome:
        """Run the experiment of a file to its end. ChaosError: it is refused."""
        number = self._begin({"file": os.fspath(file)})
        with self._ended_if_it_raises(number):
            answer = self._last_answer(number)
        return Outcome(**{name: answer[name] for name in Outcome.__dataclass_fields__})

    def plan(self, request: Mapping[str, Any]) -> str:
        """What a request would do; nothing is done. ChaosError: it is refused."""
        return str(self._answer(self._begin(request))["text"])

    def close(self) -> None:
        """Clear what is in, and end the process."""
        process = self._process
        if process is None or os.getpid() != self._owner:  # a fork of the program has no engine
            return
        self._process = None
        atexit.unregister(self.close)
        assert process.stdin is not None  # noqa: S101
        try:
            process.stdin.close()
            process.wait(CLEAR_PATIENCE)
        except (OSError, subprocess.TimeoutExpired):
            process.kill()  # what is in ends by itself, or is cleared by whoever starts next
            process.wait()

    # --- requests and answers ---

    def _begin(self, request: Mapping[str, Any]) -> int:
        self._start()
        self._number += 1
        self._answers[self._number] = queue.SimpleQueue()
        self._write({"do": "begin", "request": self._number, **request})
        return self._number

    def _injected(self, number: int, scenario: str) -> Injection:
        answer = self._answer(number)
        if answer["event"] != "injected":
            raise ChaosError(f"{scenario} was not injected: {answer['reason']}")
        return Injection(answer["experiment"], answer["deadline"])

    def _answer(self, number: int, patience: float | None = None) -> dict[str, Any]:
        """The next answer. ChaosError: it is a refusal, or there will be none."""
        try:
            answer = self._answers[number].get(timeout=patience)
        except queue.Empty:
            raise ChaosError(f"not cleared within {patience:g} s; the engine goes on with it") from None
        if answer["event"] in LAST:
            del self._answers[number]
        if answer["event"] in ("refused", "died"):
            raise ChaosError("\n".join(answer["problems"]))
        return answer

    def _last_answer(self, number: int, patience: float | None = None) -> dict[str, Any]:
        while (answer := self._answer(number, patience))["event"] not in LAST:
            pass
        return answer

    @contextmanager
    def _ended_if_it_raises(self, number: int) -> Iterator[None]:
        """Also on Ctrl-C. What cannot be cleared then is noted, and hides nothing."""
        try:
            yield
        except BaseException as error:
            try:
                if number in self._answers:
                    self._end(number, planned=False)
            except ChaosError as worse:
                error.add_note(f"chaos-engine: {worse}")
            raise

    def _end(self, number: int, *, planned: bool) -> dict[str, Any]:
        """Take out what a request put in; returns when it is out."""
        self._write({"do": "end", "of": number, "planned": planned})
        return self._last_answer(number, CLEAR_PATIENCE)

    def _write(self, request: Mapping[str, Any]) -> None:
        process = self._process
        if process is None or process.stdin is None:
            raise ChaosError("the engine has ended: it was closed")
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
        except (OSError, ValueError) as error:
            raise ChaosError(f"the engine has ended: {self._last_words()}") from error

    # --- the process ---

    def _start(self) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                return
            self.close()  # it died: the next one clears what it left
        self._answers[0] = queue.SimpleQueue()
        command = [sys.executable, "-P", "-m", "chaos_engine", "host"]
        command += ["--config", str(self._config)] if self._config else []
        command += ["--dry-run"] if self._dry else []
        process = subprocess.Popen(  # noqa: S603 - our own program
            command, cwd=self._cwd, env=self._environment(), text=True, encoding="utf-8",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the program, which ends its blocks in order
        )  # fmt: skip
        self._process = process
        atexit.register(self.close)
        for read in (self._read_answers, self._read_log):
            threading.Thread(target=read, args=(process,), daemon=True).start()
        try:
            self._answer(0, START_PATIENCE)
        except BaseException:
            self.close()
            raise

    def _environment(self) -> dict[str, str]:
        """Its own packages first: the program's PYTHONPATH may hold others of the same names."""
        path = os.environ.get("PYTHONPATH")
        ours = {"PYTHONPATH": os.pathsep.join((_HERE, path))} if path else {}
        return {**os.environ, "CHAOS_DATA_DIR": str(self._data), **ours}

    def _read_answers(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None  # noqa: S101
        for line in process.stdout:
            answer = json.loads(line)
            waiting = self._answers.get(answer["request"])
            if waiting is not None:
                waiting.put(answer)
        process.stdout.close()
        for waiting in tuple(self._answers.values()):
            waiting.put({"event": "died", "problems": [f"the engine has ended: {self._last_words()}"]})

    def _read_log(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None  # noqa: S101
        self.log.extend(line.rstrip("\n") for line in process.stderr)
        process.stderr.close()

    def _last_words(self) -> str:
        return self.log[-1] if self.log else "it said nothing"
