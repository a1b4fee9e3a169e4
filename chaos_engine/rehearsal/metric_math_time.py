"""The functions of metric math that need the window: FILL, TIME_SERIES, and the calendar's."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from datetime import UTC, datetime

from chaos_engine.rehearsal.metric_math_values import ExpressionError, Frame, Scalar, Series, Value

MOST = 100_800  # datapoints of one answer
Missing = Callable[[int], Scalar]
Filler = Callable[[Series], Missing]


def fill(frame: Frame, value: Value, with_: Value | str) -> Value:
    """FILL(TS | TS[], S | TS | REPEAT | LINEAR): a value for each period of the window that has none."""
    filler = _filler(with_)
    if isinstance(value, tuple):
        return tuple(_filled(frame, series, filler) for series in value)
    if isinstance(value, Series):
        return _filled(frame, value, filler)
    raise ExpressionError("FILL takes a time series, not a scalar")


def time_series(frame: Frame, period: int, value: Value) -> Value:
    """TIME_SERIES(S): the scalar at each period of the window."""
    if isinstance(value, (Series, tuple)):
        raise ExpressionError("TIME_SERIES takes a scalar, not a time series")
    return Series({}, period).with_values((at, value) for at in _periods(frame, period))


def calendar(frame: Frame, name: str, value: Value) -> Value:
    """DAY(TS) and the like, in UTC: of each period of the window, with a value of the series or without."""
    if not isinstance(value, Series):
        raise ExpressionError(f"{name} takes a time series")
    part = CALENDAR[name]
    return value.with_values(
        (at, float(part(datetime.fromtimestamp(at, UTC)))) for at in _periods(frame, value.period)
    )


CALENDAR: dict[str, Callable[[datetime], float]] = {
    "MINUTE": lambda when: when.minute,
    "HOUR": lambda when: when.hour,
    "DAY": lambda when: when.isoweekday(),  # 1 is Monday
    "DATE": lambda when: when.day,
    "MONTH": lambda when: when.month,
    "YEAR": lambda when: when.year,
    "EPOCH": lambda when: when.timestamp(),
}


def _periods(frame: Frame, period: int) -> range:
    starts = frame.starts(period)
    if len(starts) > MOST:
        raise ExpressionError(f"it makes a value for each of {len(starts)} periods, more than {MOST}")
    return starts


def _filled(frame: Frame, series: Series, filler: Filler) -> Series:
    times = sorted({*series.values, *_periods(frame, series.period)})
    missing = filler(series)
    return series.with_values((at, series.values[at] if at in series.values else missing(at)) for at in times)


def _filler(with_: Value | str) -> Filler:
    match with_:
        case "REPEAT":
            return _repeated
        case "LINEAR":
            return _on_a_line
        case Series():
            return lambda _: with_.values.get
        case int() | float() | None:
            return lambda _: lambda _: with_
        case _:
            raise ExpressionError("FILL fills with a scalar, a time series, REPEAT or LINEAR")


def _repeated(series: Series) -> Missing:
    times, values = list(series.values), list(series.values.values())

    def missing(at: int) -> Scalar:
        place = bisect_left(times, at)
        return values[place - 1] if place else None

    return missing


def _on_a_line(series: Series) -> Missing:
    times, values = list(series.values), list(series.values.values())

    def missing(at: int) -> Scalar:
        place = bisect_left(times, at)
        if not 0 < place < len(times):
            return None  # a line needs both ends of the gap
        share = (at - times[place - 1]) / (times[place] - times[place - 1])
        return values[place - 1] + (values[place] - values[place - 1]) * share

    return missing
