"""`export` and `import`: the journal as a file of text, and back."""

from __future__ import annotations

import gzip
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from chaos_engine.adapters import folder
from chaos_engine.archive_lines import ArchiveError
from chaos_engine.console import records
from chaos_engine.taking_in import Taken
from chaos_engine.written import ConfigError


def export(file: Path | None) -> None:
    """Write the journal to a file (compressed where it ends in .gz), or to the standard output."""
    if not records.exists():
        raise ConfigError([f"{folder.of_environment()}: there is no journal to export"])
    with records.journal() as journal, _written(file) as stream:
        for line in journal.export(time.time()):
            stream.write(f"{line}\n")


@contextmanager
def _written(file: Path | None) -> Iterator[TextIO]:
    """Beside its name until it is whole: a file that is there is complete."""
    if file is None:
        yield sys.stdout
        return
    part = file.with_name(f"{file.name}.part")
    try:
        with _opened(part, "wt", compressed=file.suffix == ".gz") as stream:
            yield stream
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _opened(file: Path, mode: str, *, compressed: bool) -> TextIO:
    if compressed:
        return gzip.open(file, mode, encoding="utf-8")  # type: ignore[return-value]
    return file.open(mode, encoding="utf-8")  # type: ignore[return-value]


def take_in(file: Path, *, renumber: bool) -> None:
    """Take a file into the journal of the data folder, which no engine may hold. ConfigError says why not."""
    data = folder.of_environment()
    folder.prepare(data)
    lock = folder.FolderLock(data)
    try:
        with records.journal() as journal, _opened(file, "rt", compressed=file.suffix == ".gz") as stream:
            taken = journal.take_in(stream, renumber=renumber)
            other = taken.owner != journal.owner
    except (ArchiveError, UnicodeDecodeError, gzip.BadGzipFile, EOFError) as error:
        raise ConfigError([f"{file}: {error}"]) from None
    finally:
        lock.release()
    _tell(taken, other=other)


def _tell(taken: Taken, *, other: bool) -> None:
    whose = f"engine {taken.owner}" if other else "this engine"
    counted = ", ".join(f"{taken.counted[kind]} {kind}s" for kind in ("experiment", "fault", "note", "event"))
    click.echo(f"took in {counted}, of {whose}")
    if taken.here:
        click.echo(f"{taken.here} experiments were here already")
    if taken.renumbered:
        click.echo(f"{taken.renumbered} experiments have new numbers")
    for id_ in taken.unfinished:
        click.echo(f"{id_} had no result yet: not taken in", err=True)
    for fault in taken.open_faults:
        click.echo(f"{fault} was open at the export: not taken in, and nothing here clears it", err=True)
