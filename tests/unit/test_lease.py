"""The edges of a lease."""

from __future__ import annotations

from chaos_engine.janitor import LEASE, engine_is_gone


def test_a_sign_of_life_counts_to_the_last_moment_of_its_lease() -> None:
    assert engine_is_gone(LEASE) is False
    assert engine_is_gone(-LEASE) is False  # from a clock that is ahead
