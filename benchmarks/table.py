"""A measurement, and how it is printed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement; `naive` and `ratio` (how many times better, or the share kept) where there is one."""

    name: str
    value: float
    unit: str
    naive: float | None = None
    ratio: float | None = None


def show(title: str, rows: Iterable[Row]) -> None:
    """One line a measurement."""
    print(f"\n{title}\n{'':52} {'ours':>12} {'naive way':>12}  ratio")
    for row in rows:
        naive = "" if row.naive is None else f"{row.naive:,.4g}"
        ratio = "" if row.ratio is None else f"{row.ratio:,.3g}"
        print(f"{row.name:<52} {f'{row.value:,.4g}':>12} {naive:>12}  {ratio:<8} {row.unit}", flush=True)
