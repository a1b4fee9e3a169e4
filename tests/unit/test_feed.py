"""An application's metrics as CloudWatch's: what is counted, summed and left out."""

from __future__ import annotations

from typing import Any

from chaos_engine.rehearsal.feed import MOST_DIMENSIONS, Feed

Labels = tuple[tuple[str, str], ...]


def counter(*values: tuple[str, str, float]) -> str:
    lines = [f'asked_total{{route="{route}",status="{status}"}} {value}' for route, status, value in values]
    return "\n".join(["# TYPE asked_total counter", *lines, ""])


def found(data: list[dict[str, Any]]) -> dict[tuple[str, Labels], float]:
    return {
        (one["MetricName"], tuple((d["Name"], d["Value"]) for d in one["Dimensions"])): one["Value"]
        for one in data
    }


def test_a_counter_is_sent_as_what_was_counted_since_the_last_look() -> None:
    feed = Feed()
    assert feed.data(counter(("/", "200", 5)), 1.0) == []
    later = found(feed.data(counter(("/", "200", 12)), 2.0))
    assert set(later.values()) == {7.0}
    assert set(found(feed.data(counter(("/", "200", 12)), 3.0)).values()) == {0.0}


def test_a_counter_that_began_anew_counts_from_zero() -> None:
    feed = Feed()
    feed.data(counter(("/", "200", 100)), 1.0)
    assert set(found(feed.data(counter(("/", "200", 3)), 2.0)).values()) == {3.0}
    assert set(found(feed.data(counter(("/", "200", 4)), 3.0)).values()) == {1.0}


def test_a_series_that_is_new_has_no_difference_yet() -> None:
    feed = Feed()
    feed.data(counter(("/", "200", 1)), 1.0)
    later = found(feed.data(counter(("/", "200", 2), ("/", "500", 9)), 2.0))
    assert later["asked_total", ()] == 1.0
    assert ("asked_total", (("status", "500"),)) not in later


def test_it_goes_out_with_all_labels_with_each_alone_and_with_none() -> None:
    feed = Feed()
    feed.data(counter(("/a", "200", 0), ("/b", "200", 0), ("/b", "500", 0)), 1.0)
    assert found(feed.data(counter(("/a", "200", 1), ("/b", "200", 2), ("/b", "500", 4)), 2.0)) == {
        ("asked_total", (("route", "/a"), ("status", "200"))): 1.0,
        ("asked_total", (("route", "/b"), ("status", "200"))): 2.0,
        ("asked_total", (("route", "/b"), ("status", "500"))): 4.0,
        ("asked_total", (("route", "/a"),)): 1.0,
        ("asked_total", (("route", "/b"),)): 6.0,
        ("asked_total", (("status", "200"),)): 3.0,
        ("asked_total", (("status", "500"),)): 4.0,
        ("asked_total", ()): 7.0,
    }


def test_a_histogram_is_its_count_and_sum_without_buckets() -> None:
    def text(count: int, total: float) -> str:
        return (
            "# TYPE took_seconds histogram\n"
            f'took_seconds_bucket{{le="1.0"}} {count}\ntook_seconds_bucket{{le="+Inf"}} {count}\n'
            f"took_seconds_count {count}\ntook_seconds_sum {total}\n"
            "# TYPE took_seconds_created gauge\ntook_seconds_created 1.7e9\n"
        )

    feed = Feed()
    feed.data(text(10, 2.0), 1.0)
    assert found(feed.data(text(14, 3.5), 2.0)) == {
        ("took_seconds_count", ()): 4.0,
        ("took_seconds_sum", ()): 1.5,
    }


def test_gauges_and_what_has_no_type_are_sent_as_they_are_at_the_first_look_too() -> None:
    text = '# TYPE open gauge\nopen{pool="a"} 3\nopen{pool="b"} 2\nplain 7\n'
    assert found(Feed().data(text, 1.0)) == {
        ("open", (("pool", "a"),)): 3.0,
        ("open", (("pool", "b"),)): 2.0,
        ("open", ()): 5.0,
        ("plain", ()): 7.0,
    }


def test_quantiles_and_what_is_no_number_are_left_out() -> None:
    text = '# TYPE took summary\ntook{quantile="0.5"} 9\ntook_count 1\n# TYPE open gauge\nopen NaN\n'
    feed = Feed()
    feed.data(text, 1.0)
    assert set(found(feed.data(text, 2.0))) == {("took_count", ())}


def test_a_sample_keeps_its_second_and_no_more_dimensions_than_allowed() -> None:
    labels = ",".join(f'l{n:02}="x"' for n in range(MOST_DIMENSIONS + 5))
    data = Feed().data(f"# TYPE open gauge\nopen{{{labels}}} 1\n", 61.5)
    assert {one["Timestamp"] for one in data} == {61.5}
    assert {one["StorageResolution"] for one in data} == {1}
    assert max(len(one["Dimensions"]) for one in data) == MOST_DIMENSIONS
