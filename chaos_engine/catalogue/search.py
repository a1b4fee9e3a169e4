"""Which entries words mean: all of the words, anywhere in what an entry says of itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from chaos_engine.catalogue.model import Entry
from chaos_engine.spelling import nearest

_WORD = re.compile(r"[a-z0-9_]+")


def found(entries: Iterable[Entry], words: Sequence[str]) -> tuple[Entry, ...]:
    """Those in which every word is found, as a whole or a part, in whatever case."""
    asked = [word.lower() for word in words]
    return tuple(entry for entry in entries if all(word in _text(entry) for word in asked))


def exact(entries: Iterable[Entry], words: Sequence[str]) -> Entry | None:
    """The one that is named, by its name or the end of its path; or the only one that the words find."""
    entries = tuple(entries)
    asked = words[0].lower() if len(words) == 1 else ""
    named = [entry for entry in entries if asked and f".{entry.path}".lower().endswith(f".{asked}")]
    matching = named or found(entries, words)
    return matching[0] if words and len(matching) == 1 else None


def suggestion(entries: Iterable[Entry], words: Sequence[str]) -> str:
    """`; did you mean 'latency'?` for the first word that no entry knows; or nothing."""
    texts = [_text(entry) for entry in entries]
    odd = [word.lower() for word in words if not any(word.lower() in text for text in texts)]
    known = {part for text in texts for part in _WORD.findall(text)}
    return next((hint for word in odd if (hint := nearest(word, known))), "")


def _text(entry: Entry) -> str:
    arguments = (f"{one.name} {one.type} {one.documentation}" for one in entry.arguments)
    said = (
        entry.kind, entry.family, entry.path, entry.package, entry.needs, entry.documentation, *arguments
    )  # fmt: skip
    return " ".join(said).lower()
