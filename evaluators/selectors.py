"""What a PromQL query looks at: its selectors, and how far back each of them reaches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_SCRAPE_LABELS = ("job", "instance")


@dataclass(frozen=True, slots=True)
class Selector:
    """One selector of a query. `span` and `shift` are sums over all that it is nested in, in seconds."""

    text: str  # without its range and offset
    relaxed: str  # its metric on the same targets, whatever the other labels: were there scrapes at all?
    span: float  # ranges: how much of the past one evaluation takes in; 0: the last sample only
    shift: float  # offsets

    @property
    def reach(self) -> float:
        """Seconds between an evaluation and the oldest sample that it may use."""
        return self.span + self.shift


def selectors(query: str) -> tuple[Selector, ...]:
    """Every selector of the query, each once. ValueError: it cannot be judged, and why."""
    root = _parse(query)
    if type(root).__name__ in ("MatrixSelector", "SubqueryExpr", "StringLiteral"):
        raise ValueError(f"{query!r} gives no single value a moment: wrap it in a function such as rate()")
    found = tuple(dict.fromkeys(_walk(root, 0.0, 0.0)))
    if not found:
        raise ValueError(f"{query!r} asks nothing of the targets: it has no selector")
    return found


def _parse(query: str) -> Any:
    import promql_parser  # noqa: PLC0415 - native code that only Prometheus probes need

    return promql_parser.parse(query)


def _walk(node: Any, span: float, shift: float) -> Iterator[Selector]:
    """Selectors below the node. `offset` and ranges add up along the path: the engine nests them so."""
    kind = type(node).__name__
    if kind == "VectorSelector":
        yield _selector(node, span, shift + _offset(node))
    elif kind == "MatrixSelector":
        yield from _walk(node.vector_selector, span + node.range.total_seconds(), shift)
    elif kind == "SubqueryExpr":
        yield from _walk(node.expr, span + node.range.total_seconds(), shift + _offset(node))
    else:
        for child in _children(node):
            yield from _walk(child, span, shift)


def _children(node: Any) -> Iterator[Any]:
    for name in ("param", "expr", "lhs", "rhs"):
        child = getattr(node, name, None)
        if child is not None:
            yield child
    yield from getattr(node, "args", ())


def _offset(node: Any) -> float:
    if node.at is not None:
        raise ValueError(
            "'@' pins samples to a moment of its own: nobody can say that they lie in the window"
        )
    seconds = float(node.offset.total_seconds()) if node.offset is not None else 0.0
    if seconds < 0:
        raise ValueError("a negative offset looks ahead: its samples do not lie in the window")
    return seconds


def _selector(node: Any, span: float, shift: float) -> Selector:
    matchers = list(node.matchers.matchers)
    name = node.name or ""
    text = _written(name, matchers)
    kept = [m for m in matchers if _names_a_scrape(m)]
    relaxed = _written(name, kept) if name or kept else text
    return Selector(text, relaxed, span, shift)


def _names_a_scrape(matcher: Any) -> bool:
    if matcher.name == "__name__":
        return True
    return matcher.name in _SCRAPE_LABELS and _operator(matcher) == "=" and bool(matcher.value)


def _written(name: str, matchers: list[Any]) -> str:
    inner = ",".join(f"{m.name}{_operator(m)}{quoted(m.value)}" for m in matchers)
    return f"{name}{{{inner}}}" if inner else name


def _operator(matcher: Any) -> str:
    return {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}[str(matcher.op).rpartition(".")[2]]


def quoted(value: str) -> str:
    """A PromQL string; promql-parser's own `str` of a matcher leaves quotes unescaped."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
