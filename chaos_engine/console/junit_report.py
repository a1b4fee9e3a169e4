"""`run FILE… --junit out.xml`: one test for each file, there from the beginning, and red until it is green.

Whatever ends the run, the file says what became of each experiment, and of those that were not run.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePath

from chaos_engine.adapters import report_file
from chaos_engine.console import evidence
from chaos_engine.course import Finished
from chaos_engine.junit import Case, document
from chaos_engine.model import Verdict
from chaos_engine.written import ConfigError

SUITE = "chaos-engine"
NOT_RUN = "not_run"


class JunitReport:
    """The file. Without a path it is nothing at all."""

    def __init__(self, path: Path | None, files: Sequence[Path]) -> None:
        """Write it, with every test not yet run. ConfigError: it cannot be written there."""
        self._path = path
        self._began = time.time()
        self._cases = [_not_run(file) for file in files]
        if path is not None:
            _check(path, files)
            self._write()

    def named(self, titles: Sequence[str]) -> None:
        """The files have been read: the tests have the names of the experiments."""
        pairs = zip(self._cases, titles, strict=True)
        self._cases = [replace(case, name=title) for case, title in pairs]
        self._write()

    def ended(self, index: int, finished: Finished | None, seconds: float) -> None:
        """What became of one of them. None: nothing, it was not begun."""
        if finished is not None:
            self._cases[index] = _judged(self._cases[index], finished, seconds)
            self._write()

    @contextmanager
    def told(self) -> Iterator[None]:
        """What stops the run is told by the tests that were not run."""
        try:
            yield
        except Exception as error:
            told = (replace(c, text=str(error)) if c.type == NOT_RUN else c for c in self._cases)
            self._cases = list(told)
            self._write()
            raise

    def _write(self) -> None:
        if self._path is not None:
            report_file.write(self._path, document(SUITE, self._cases, self._began))


def _check(path: Path, files: Sequence[Path]) -> None:
    refusal = report_file.refusal(path)
    if path.resolve() in {file.resolve() for file in files}:
        refusal = f"{str(path)!r} is one of the files to run"
    if refusal:
        raise ConfigError([f"--junit: {refusal}"])


def _not_run(file: Path) -> Case:
    message = "not run: what ended the run came before it"
    return Case(file.name, _classname(file), "error", NOT_RUN, message, properties={"file": str(file)})


def _judged(case: Case, finished: Finished, seconds: float) -> Case:
    word = evidence.word_of(finished)
    failure = word == Verdict.NOT_SUPPORTED.value
    return replace(
        case,
        kind="pass" if evidence.passed(finished) else "failure" if failure else "error",
        type=word,
        message=f"{word}: {finished.result.reason}",
        text=evidence.text_of(finished),
        seconds=seconds,
        properties={**case.properties, **evidence.properties_of(finished)},
    )


def _classname(file: Path) -> str:
    """Servers take dots for a tree of packages: `slow/shop.chaos.yml` is `slow.shop`."""
    parts = [part for part in PurePath(file).parts[:-1] if part.strip("./\\")]
    return ".".join((*parts, file.name.partition(".")[0] or file.name))
