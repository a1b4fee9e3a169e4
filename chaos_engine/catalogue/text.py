"""The catalogue for people: a table of a line each, by family; and the whole page of one entry."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from chaos_engine.catalogue.model import Argument, Entry

_CUT = "…"
_MOST = 8  # names of others on a page


def table(entries: Iterable[Entry], width: int | None) -> Iterator[tuple[str, bool]]:
    """Lines, and whether each is a family's. `width`: a line is cut there; None: it is told whole."""
    for index, (family, group) in enumerate(groupby(entries, lambda entry: entry.family)):
        members = tuple(group)
        longest = max(len(entry.name) for entry in members)
        if index:
            yield "", False
        yield _cut(family, width), True
        for entry in members:
            yield _cut(f"  {entry.name:<{longest}}  {entry.kind:<9} {entry.summary}".rstrip(), width), False


def page(entry: Entry, others: Sequence[Entry] = ()) -> Iterator[tuple[str, bool]]:
    """All that is known of one, and the names of the others that were found. As above."""
    yield f"{entry.name}: {entry.kind}", True
    yield from ((line, False) for line in _facts(entry))
    if entry.documentation:
        yield "", False
        yield from ((f"  {line}".rstrip(), False) for line in entry.documentation.splitlines())
    if entry.arguments:
        yield "", False
        yield "arguments" if entry.module and entry.version else "parameters", True
    said = ""
    for one in entry.arguments:
        yield f"  {one.name}{_notes(one)}", False
        if one.documentation not in ("", said):  # one sentence may be about several
            yield f"      {one.documentation}", False
        said = one.documentation
    if others:
        yield "", False
        yield _also(others), False


def _facts(entry: Entry) -> Iterator[str]:
    of = " ".join(part for part in (entry.package, entry.version) if part)
    facts = {"family": entry.family, "needs": entry.needs, "undone": entry.undone, "module": entry.module,
             "package": of}  # fmt: skip
    yield from (f"  {word:<8} {text}" for word, text in facts.items() if text)


def _also(others: Sequence[Entry]) -> str:
    names = list(dict.fromkeys(entry.name for entry in others))
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return f"also found in: {', '.join(names[:_MOST])}{more}"


def _notes(one: Argument) -> str:
    needed = ["required"] if one.required else []
    default = [] if one.required or one.default is None else [f"default {_shown(one.default)}"]
    notes = ", ".join(part for part in (one.type, *needed, *default) if part)
    return f"  ({notes})" if notes else ""


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _cut(line: str, width: int | None) -> str:
    return line if width is None or len(line) <= width else line[: width - 1].rstrip() + _CUT
