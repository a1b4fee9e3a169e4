"""The user guide's tables of alarm evaluation, row by row. 0 is in bounds, X is breaching, - is missing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos_engine.rehearsal.alarm_evaluation import BEYOND, decide, starts
from chaos_engine.rehearsal.alarm_model import Watch
from chaos_engine.rehearsal.alarm_reasons import reason, reason_data
from chaos_engine.rehearsal.alarm_watch import enough_samples

KEEP = None
START = 1_700_000_040  # 14/11/23 22:14:00
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")


def watch(periods: int = 3, to_alarm: int = 3, missing: str = "missing", **more: object) -> Watch:
    settings = {"operator": "GreaterThanThreshold", "threshold": 5.0, "statistic": "Average", **more}
    return Watch((), 60, periods, to_alarm, missing=missing, **settings)  # type: ignore[arg-type]


def points(drawn: str) -> list[tuple[int, float | None]]:
    known = {"0": 1.0, "X": 9.0, "-": None}
    return [(START + 60 * at, known[each]) for at, each in enumerate(drawn.replace(" ", ""))]


GUIDE = [
    (3, "0 - X - X", ("OK", "OK", "OK", "OK")),
    (3, "0 - - - -", ("OK", "OK", "OK", "OK")),
    (3, "- - - - -", ("INSUFFICIENT_DATA", KEEP, "ALARM", "OK")),
    (3, "0 X X - X", ("ALARM", "ALARM", "ALARM", "ALARM")),
    (3, "- - X - -", ("ALARM", KEEP, "ALARM", "OK")),
    (3, "- - - - X", ("INSUFFICIENT_DATA", KEEP, "ALARM", "OK")),
    (3, "- - - X -", ("INSUFFICIENT_DATA", KEEP, "ALARM", "OK")),
    (3, "X - - - -", ("ALARM", KEEP, "ALARM", "OK")),
    (3, "- - - X 0", ("OK", "OK", "OK", "OK")),
    (2, "0 - X - X", ("ALARM", "ALARM", "ALARM", "ALARM")),
    (2, "0 0 X 0 X", ("ALARM", "ALARM", "ALARM", "ALARM")),
    (2, "0 - X - -", ("OK", "OK", "ALARM", "OK")),
    (2, "- - - - 0", ("OK", "OK", "ALARM", "OK")),
    (2, "- - - X -", ("ALARM", KEEP, "ALARM", "OK")),
    (2, "- - - - X", ("INSUFFICIENT_DATA", KEEP, "ALARM", "OK")),
]


@pytest.mark.parametrize(("to_alarm", "drawn", "states"), GUIDE)
def test_the_guides_tables(to_alarm: int, drawn: str, states: tuple[str | None, ...]) -> None:
    found = tuple(decide(watch(3, to_alarm, missing), points(drawn)).value for missing in TREATMENTS)
    assert found == states


@pytest.mark.parametrize(
    ("operator", "at_five"),
    [
        ("GreaterThanThreshold", "OK"),
        ("GreaterThanOrEqualToThreshold", "ALARM"),
        ("LessThanThreshold", "OK"),
        ("LessThanOrEqualToThreshold", "ALARM"),
    ],
)
def test_the_threshold_itself(operator: str, at_five: str) -> None:
    below = "OK" if operator.startswith("Greater") else "ALARM"
    above = "ALARM" if operator.startswith("Greater") else "OK"
    for value, state in ((4.9, below), (5.0, at_five), (5.1, above)):
        assert decide(watch(1, 1, operator=operator), [(START, value)]).value == state


@given(
    st.lists(st.sampled_from("0X-"), min_size=5, max_size=5), st.integers(1, 3), st.sampled_from(TREATMENTS)
)
def test_enough_real_points_need_no_treatment(drawn: list[str], to_alarm: int, missing: str) -> None:
    real = [each for each in drawn if each != "-"][-3:]
    verdict = decide(watch(3, to_alarm, missing), points("".join(drawn)))
    if len(real) == 3:
        assert verdict.value == ("ALARM" if real.count("X") >= to_alarm else "OK")
        assert verdict.filled == 0
    else:
        assert verdict.filled == 3 - len(real)


@given(st.lists(st.sampled_from("0X-"), min_size=5, max_size=5), st.integers(1, 3))
def test_one_more_breaching_point_never_ends_an_alarm(drawn: list[str], to_alarm: int) -> None:
    for missing in TREATMENTS:
        for at in (n for n, each in enumerate(drawn) if each == "0"):
            worse = "".join([*drawn[:at], "X", *drawn[at + 1 :]])
            before = decide(watch(3, to_alarm, missing), points("".join(drawn))).value
            if before == "ALARM":
                assert decide(watch(3, to_alarm, missing), points(worse)).value == "ALARM"


@pytest.mark.parametrize(
    ("period", "periods", "end"),
    [(10, 1, 1_700_000_080), (30, 2, 1_700_000_080), (60, 3, 1_700_000_040), (300, 1, 1_700_000_040),
     (86_400, 2, 1_699_999_200)],
)  # fmt: skip
def test_the_window_ends_with_the_last_full_step(period: int, periods: int, end: int) -> None:
    looked = Watch((), period, periods, periods, "GreaterThanThreshold", 5)
    window = starts(looked, 1_700_000_089.9)
    assert (window.stop, window.step, len(window)) == (end, period, periods + BEYOND)


@pytest.mark.parametrize(
    ("samples", "statistic", "enough"),
    [(999, "p99", False), (1000, "p99", True), (19, "p50", False), (20, "p50", True), (39, "p25", False),
     (40, "p25", True), (0, "p100", True), (0, "Average", True)],
)  # fmt: skip
def test_few_samples(samples: int, statistic: str, *, enough: bool) -> None:
    assert enough_samples(watch(ignores_few_samples=True, statistic=statistic), samples) is enough
    assert enough_samples(watch(statistic=statistic), 0)


SENTENCES = [
    ("OK", 3, "missing", "0 X X X X",
     "Threshold Crossed: 3 out of the last 3 datapoints [9.0 (14/11/23 22:16:00), 9.0 (14/11/23 22:17:00), "
     "9.0 (14/11/23 22:18:00)] were greater than the threshold (5.0) (minimum 3 datapoints for OK -> ALARM "
     "transition)."),
    ("ALARM", 3, "missing", "X X X X 0",
     "Threshold Crossed: 1 out of the last 3 datapoints [1.0 (14/11/23 22:18:00)] was not greater than the "
     "threshold (5.0) (minimum 1 datapoint for ALARM -> OK transition)."),
    ("INSUFFICIENT_DATA", 1, "missing", "- - 0 0 X",
     "Threshold Crossed: 1 datapoint [9.0 (14/11/23 22:18:00)] was greater than the threshold (5.0)."),
    ("OK", 3, "missing", "- - - - -", "Insufficient Data: 3 datapoints were unknown."),
    ("OK", 3, "breaching", "- - - - -",
     "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were treated as "
     "[Breaching]."),
    ("ALARM", 3, "notBreaching", "- - X - -",
     "Threshold Crossed: 1 datapoint was received for 3 periods and 2 missing datapoints were treated as "
     "[NonBreaching]."),
    ("OK", 2, "breaching", "- - X X -",
     "Threshold Crossed: 2 datapoints were received for 3 periods and 1 missing datapoint was treated as "
     "[Breaching]."),
]  # fmt: skip


@pytest.mark.parametrize(("old", "to_alarm", "missing", "drawn", "sentence"), SENTENCES)
def test_the_reason(old: str, to_alarm: int, missing: str, drawn: str, sentence: str) -> None:
    looked = watch(3, to_alarm, missing)
    assert reason(looked, old, decide(looked, points(drawn))) == sentence


def test_the_reason_for_machines() -> None:
    looked = watch(2, 1)
    told = json.loads(reason_data(looked, decide(looked, points("0 0 0 X")), START + 240.1234))
    assert told == {
        "version": "1.0",
        "queryDate": "2023-11-14T22:18:00.123+0000",
        "startDate": "2023-11-14T22:16:00.000+0000",
        "statistic": "Average",
        "period": 60,
        "recentDatapoints": [1.0, 9.0],
        "threshold": 5.0,
        "evaluatedDatapoints": [
            {"timestamp": "2023-11-14T22:17:00.000+0000", "value": 9.0},
            {"timestamp": "2023-11-14T22:16:00.000+0000", "value": 1.0},
        ],
    }
    assert "startDate" not in reason_data(looked, decide(looked, points("----")), START)
