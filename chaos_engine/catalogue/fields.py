"""The fields of a model as arguments: their types in the words in which they are written."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterator
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from chaos_engine import durations
from chaos_engine.catalogue.model import Argument

# What a field calls good, tried on its own validators: the words, and examples of which one must pass.
_FORMS = {
    "size": ("64MB", "8GB"),
    "rate": ("2mbit",),
    "duration range": ("1-2s",),
    "duration": ("500ms", "2s", "5m", "1h"),
    "percentage": ("15%", "99%"),
}
_BESIDE = {"duration": {"size", "duration range"}, "rate": {"size"}}  # where those hold, it is not meant
_TEXTS = ("zz-top", "zz_top", "/zz-top", "^zz-top$")
_PLAIN = {bool: "true or false", int: "whole number", float: "number", str: "text"}
_LIMITS = {"gt": "above", "ge": "from", "le": "at most", "lt": "below"}
_SENTENCE = re.compile(r"(?<=[.;])\s+(?=`)|\n\s*\n")


def arguments(model: type[BaseModel]) -> tuple[Argument, ...]:
    """One a field, in the order of the model; the model's own before those that it has from others."""
    inherited = {name for base in model.__mro__[1:] for name in getattr(base, "__annotations__", {})}
    ordered = sorted(model.model_fields, key=lambda name: name in inherited)
    return tuple(_argument(model, name, model.model_fields[name]) for name in ordered)


def remarks(model: type[BaseModel]) -> str:
    """The sentences that name none of the fields: what holds for the whole."""
    keys = [field.alias or name for name, field in model.model_fields.items()]
    named = {sentence for key in keys for sentence in _naming(key, documentation(model))}
    return " ".join(one for one in _sentences(documentation(model)) if one not in named)


def documentation(model: type[BaseModel]) -> str:
    """What the model and those that it is made of say of their fields; nothing, where none has any."""
    texts = [_own_text(cls) for cls in model.__mro__ if "model_fields" in dir(cls) and cls is not BaseModel]
    return "\n".join(dict.fromkeys(text for text in texts if text))


def _own_text(cls: type) -> str:
    text = cls.__dict__.get("__doc__") or ""
    return "\n".join(line.strip() for line in text.strip().splitlines()) if "`" in text else ""


def _argument(model: type[BaseModel], name: str, field: FieldInfo) -> Argument:
    key = field.alias or name
    form = type_of(model, key, field)
    required = field.is_required()
    default = None if required else written(model, key, field.get_default(call_default_factory=True), form)
    return Argument(key, form, default, required, said_of(key, documentation(model)))


def said_of(key: str, text: str) -> str:
    """The sentences that name it."""
    named = (sentence.rstrip(";") for sentence in _naming(key, text))
    return " ".join(sentence for sentence in named if sentence != f"`{key}`")


def _naming(key: str, text: str) -> list[str]:
    return [sentence for sentence in _sentences(text) if re.search(rf"`{re.escape(key)}[`:]", sentence)]


def _sentences(text: str) -> list[str]:
    return [" ".join(sentence.split()) for sentence in _SENTENCE.split(text)]


def type_of(model: type[BaseModel], key: str, field: FieldInfo) -> str:
    """In words: `duration`, `"in" or "out"`, `whole number, from 1`."""
    kinds = _alternatives(field.annotation)
    words = _forms(model, key, kinds) or [_words(one) for one in kinds]
    bounds = _bounds(field)
    return " or ".join(dict.fromkeys(words)) + (f", {bounds}" if bounds else "")


def _forms(model: type[BaseModel], key: str, kinds: list[Any]) -> list[str]:
    """How it is written, where that is no plain text and no plain number."""
    if bool in kinds or any(get_origin(one) is Literal for one in kinds) or _accepts(model, key, _TEXTS):
        return []
    found = {form for form, examples in _FORMS.items() if _accepts(model, key, examples)}
    meant = [form for form in _FORMS if form in found and not _BESIDE.get(form, set()) & found]
    number = float in kinds and str in kinds  # CPUs, or a share of them
    return ["number", *meant] if number and meant else meant


def _alternatives(annotation: Any) -> list[Any]:
    annotation = _bare(annotation)
    if get_origin(annotation) in (Union, types.UnionType):
        return [one for part in get_args(annotation) for one in _alternatives(part) if one is not type(None)]
    return [annotation]


def _bare(annotation: Any) -> Any:
    """Without what Annotated adds."""
    return _bare(annotation.__origin__) if hasattr(annotation, "__metadata__") else annotation


def _words(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Literal:
        return " or ".join(f'"{one}"' if isinstance(one, str) else _word(one) for one in get_args(annotation))
    if origin in (tuple, list):
        inner = get_args(annotation)
        return f"list of {_words_inside(inner[0])}" if inner else "list"
    return _words_inside(origin or annotation)


def _words_inside(annotation: Any) -> str:
    annotation = _bare(annotation)
    return _PLAIN.get(annotation) or ("mapping" if annotation is not Any else "anything")


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _accepts(model: type[BaseModel], key: str, examples: tuple[str, ...]) -> bool:
    """Whether its own validators find nothing wrong with one of them, whatever the others say."""
    return any(key not in _wrong(model, key, example) for example in examples)


def _wrong(model: type[BaseModel], key: str, example: str) -> set[str]:
    try:
        model.model_validate({key: example})
    except ValidationError as error:
        return {str(problem["loc"][0]) for problem in error.errors() if problem["loc"]}
    return set()


def _bounds(field: FieldInfo) -> str:
    found = dict(_limits(field.metadata))
    for part in get_args(field.annotation):
        found |= dict(_limits(getattr(part, "__metadata__", ())))
    if {"ge", "le"} <= found.keys():
        return f"{found['ge']:g} to {found['le']:g}"
    return ", ".join(f"{word} {found[key]:g}" for key, word in _LIMITS.items() if key in found)


def _limits(metadata: Any) -> Iterator[tuple[str, Any]]:
    for one in metadata:
        yield from _limits(getattr(one, "metadata", ()))
        for name in _LIMITS:
            if isinstance(value := getattr(one, name, None), int | float):
                yield name, value


def written(model: type[BaseModel], key: str, value: Any, form: str) -> Any:
    """A default as it would be written in a file; JSON."""
    if isinstance(value, tuple) and "range" in form:
        return "-".join(f"{one:g}" for one in dict.fromkeys(value)) + "s"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return list(value) if isinstance(value, tuple) else value
    texts = (text for word, write in _WRITTEN if word in form for text in write(value))
    return next((text for text in texts if _means(model, key, text, value)), value)


def _means(model: type[BaseModel], key: str, text: str, value: object) -> bool:
    """Whether the model reads that text as this value."""
    try:
        return bool(model.model_validate({key: text}).model_dump(by_alias=True)[key] == value)
    except ValidationError:  # it lacks others: then a duration is seconds, and the rest is told as a number
        return text[-1] in "smhd"


def _percentages(value: float) -> tuple[str, ...]:
    return f"{value * 100:g}%", f"{value:g}%"


_WRITTEN: tuple[tuple[str, Callable[[float], tuple[str, ...]]], ...] = (
    ("duration", lambda value: (durations.show(value),)),
    ("percentage", _percentages),
    ("size", lambda value: (f"{value / 1_000_000:g}MB",)),
    ("rate", lambda value: (f"{value / 1_000_000:g}mbit",)),
)
