"""When the system was well again, as seen by probes of different sharpness."""

from __future__ import annotations

from chaos_engine.conclusion import well_since
from chaos_engine.model import Evidence, Judgement, Outcome, Window


def seen(at: float, resolution: float = 0.0) -> Judgement:
    evidence = Evidence("", Window(100, 130))
    return Judgement("probe", Outcome.PASS, "", evidence, recovered_at=at, resolution=resolution)


def test_the_last_to_be_well_counts() -> None:
    assert well_since((seen(103), seen(107)), 0) == 107


def test_prometheus_confirms_what_a_client_saw_more_exactly() -> None:
    assert well_since((seen(103.2), seen(105, resolution=3)), 0) == 103.2


def test_prometheus_moves_it_by_more_than_it_may_itself_be_late() -> None:
    assert well_since((seen(103.2), seen(110, resolution=3)), 0) == 107


def test_without_a_client_the_reading_of_prometheus_is_the_reading() -> None:
    assert well_since((seen(105, resolution=3), seen(106, resolution=3)), 0) == 106


def test_without_a_reading_the_given_moment_counts() -> None:
    assert well_since((), 99) == 99
