"""What was published by the second is kept by the minute when it is old: a scraped shop fills no memory."""

from __future__ import annotations

from collections.abc import Iterable

from chaos_engine.rehearsal.cloudwatch_samples import SECONDS_ARE_KEPT, Metric, Samples

NOW = 1_700_000_040  # a full minute
ERRORS = Metric("Shop", "Errors")


def published(values: Iterable[tuple[int, float]], resolution: int = 1) -> Samples:
    kept = Samples()
    for at, value in values:
        kept.add(ERRORS, {"Value": value, "StorageResolution": resolution}, float(at))
    return kept


def counted(kept: Samples) -> int:
    return len(kept.between(ERRORS, 0, 2 * NOW))


def test_old_seconds_become_one_statistic_set_a_minute_and_new_ones_stay() -> None:
    kept = published((NOW + second, float(second)) for second in range(0, 120, 2))
    kept.age(NOW)
    kept.age(NOW + SECONDS_ARE_KEPT + 60)
    assert counted(kept) == 1 + 30
    (minute,) = kept.between(ERRORS, NOW, NOW + 60)
    assert (minute.count, minute.total, minute.minimum, minute.maximum) == (30, 870.0, 0.0, 58.0)


def test_a_minute_is_made_once_and_only_when_all_of_it_is_old() -> None:
    kept = published((NOW + second, 1.0) for second in range(0, 120, 2))
    kept.age(NOW)
    for late in range(0, 128, 7):
        kept.age(NOW + SECONDS_ARE_KEPT + late)
        assert sum(sample.count for sample in kept.between(ERRORS, NOW, NOW + 120)) == 60
    assert counted(kept) == 2


def test_single_values_that_were_published_by_the_minute_stay() -> None:
    kept = published([(NOW, 1.0), (NOW, 5.0), (NOW, 9.0)], resolution=60)
    kept.age(NOW)
    kept.age(NOW + SECONDS_ARE_KEPT + 60)
    assert counted(kept) == 3


def test_what_was_old_when_it_came_stays() -> None:
    kept = published((NOW + second, 1.0) for second in range(0, 60, 2))
    for later in range(60, 181, 60):
        kept.age(NOW + SECONDS_ARE_KEPT + later)
    assert counted(kept) == 30
