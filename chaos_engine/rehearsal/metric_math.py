"""Metric math: the value of an expression over the results of the other queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chaos_engine.rehearsal import metric_math_time as over_time
from chaos_engine.rehearsal.metric_math_functions import FUNCTIONS, if_, sort
from chaos_engine.rehearsal.metric_math_syntax import (
    Array,
    Binary,
    Call,
    Name,
    Negative,
    Node,
    Number,
    Text,
    Word,
    parse,
    walk,
)
from chaos_engine.rehearsal.metric_math_values import (
    ExpressionError,
    Frame,
    Series,
    Value,
    combine,
    finite,
    kind,
    negated,
)

NOT_HERE = ("ANOMALY_DETECTION_BAND", "SEARCH", "INSIGHT_RULE_METRIC", "SERVICE_QUOTA", "DB_PERF_INSIGHTS")
OWN_FORMS = ("IF", "SORT", "FILL", "METRICS", "PERIOD", "TIME_SERIES", *over_time.CALENDAR)


@dataclass(frozen=True)
class Surroundings:
    """What an expression sees: results by id, which of them are metrics, the window, a period of its own."""

    results: Mapping[str, Value]
    metrics: tuple[str, ...]
    frame: Frame
    period: int | None = None


def evaluate(expression: str, around: Surroundings) -> Value:
    """A time series or an array of them. `ExpressionError` where CloudWatch would not take the expression."""
    try:
        value = _value(parse(expression), around)
    except RecursionError:
        raise ExpressionError("it is nested too deeply") from None
    if isinstance(value, (Series, tuple)):
        return value
    raise ExpressionError(
        "it returns a scalar; the final result must be a time series or an array of time series"
    )


def check(expression: str, ids: set[str]) -> None:
    """`ExpressionError` for syntax errors, unknown ids and functions: what shows without data."""
    for node in walk(parse(expression)):
        if isinstance(node, Name) and node.value not in ids:
            raise ExpressionError(f"there is no query with the id {node.value}")
        if isinstance(node, Call):
            _check_function(node.function)


def _check_function(name: str) -> None:
    if name in NOT_HERE:
        raise ExpressionError(f"{name} is not done by the rehearsal")
    if name not in FUNCTIONS and name not in OWN_FORMS:
        raise ExpressionError(f"{name} is not a function")


def _value(node: Node, around: Surroundings) -> Value:
    match node:
        case Number(value):
            return finite(value)
        case Name(value):
            return around.results[value]
        case Negative(operand):
            return negated(_value(operand, around))
        case Binary(operator, left, right):
            return combine(operator, _value(left, around), _value(right, around))
        case Array(items):
            return _flat([_value(item, around) for item in items])
        case Call():
            return _called(node, around)
        case Word(value) | Text(value):
            raise ExpressionError(f"{value!r} is not a value")


def _called(call: Call, around: Surroundings) -> Value:
    _check_function(call.function)
    match call:
        case Call("METRICS", ()):
            return _metrics("", around)
        case Call("METRICS", (Text(part),)):
            return _metrics(part, around)
        case Call("PERIOD", (Name(name),)) if name in around.metrics:
            series = around.results[name]
            return float(series.period) if isinstance(series, Series) else None
        case Call("SORT", (array, Word(by), Word(order), *limit)) if len(limit) <= 1:
            return sort(_value(array, around), by, order, *(_value(each, around) for each in limit))
        case Call("FILL", (value, Word(word))):
            return over_time.fill(around.frame, _value(value, around), word)
        case Call("METRICS" | "PERIOD" | "SORT"):
            raise ExpressionError(FORM[call.function])
    return _applied(call.function, [_value(each, around) for each in call.arguments], around)


def _applied(name: str, arguments: list[Value], around: Surroundings) -> Value:
    match name, arguments:
        case "IF", [condition, true]:
            return if_(condition, true, otherwise=False)
        case "IF", [condition, true, false]:
            return if_(condition, true, false)
        case "FILL", [value, with_]:
            return over_time.fill(around.frame, value, with_)
        case "TIME_SERIES", [value]:
            return over_time.time_series(around.frame, _period(around), value)
        case _, [value] if name in over_time.CALENDAR:
            return over_time.calendar(around.frame, name, value)
    if name in FUNCTIONS and len(arguments) in FUNCTIONS[name][0]:
        return FUNCTIONS[name][1](*arguments)
    raise ExpressionError(f"{name} does not take {len(arguments)} arguments")


def _metrics(part: str, around: Surroundings) -> Value:
    found = [around.results[name] for name in around.metrics if part in name]
    return tuple(each for each in found if isinstance(each, Series))


def _flat(values: list[Value]) -> tuple[Series, ...]:
    flat: list[Series] = []
    for value in values:
        if isinstance(value, Series):
            flat.append(value)
        elif isinstance(value, tuple):
            flat += value
        else:
            raise ExpressionError(f"an array is of time series, not of {kind(value)}")
    return tuple(flat)


def _period(around: Surroundings) -> int:
    known = [each.period for each in around.results.values() if isinstance(each, Series) and each.period]
    if around.period or known:
        return around.period or max(known)
    raise ExpressionError("TIME_SERIES needs the parameter Period where no metric has one")


FORM = {
    "METRICS": 'METRICS takes nothing, or a string as in METRICS("errors")',
    "PERIOD": "PERIOD takes the id of a metric, not the result of an expression",
    "SORT": "SORT takes an array, AVG, MIN, MAX or SUM, then ASC or DESC, and perhaps a limit",
}
