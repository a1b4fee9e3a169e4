"""What the last `mutmut run` left alive, against the list of survivors that are known, and why.

`make mutants` runs it. Exit code 1: too few are killed, one survives that the list does not explain, or the
list has one that does not survive. Only a test that fails kills: what ends by a time-out counts as alive, and
is listed too (`endless`: which test meets it first decides whether it is a kill or a time-out).
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files
from mutmut.utils.format_utils import orig_function_and_class_names_from_key

KNOWN = Path(__file__).with_name("survivors.yml")
ENOUGH, ENOUGH_EACH = 95.0, 90.0  # percent: of all, of each module
KILLED = ("killed", "caught by type check")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change to one function; the number that mutmut gives it moves with the code, its lines do not."""

    module: str
    function: str
    line: str  # what the change takes away
    becomes: str
    status: str


Key = tuple[str, str, str, str]  # module, function, line, becomes


def main() -> int:
    """Print the table and what is wrong; the exit code."""
    found = list(mutants())
    alive = {key(mutant): mutant for mutant in found if mutant.status not in KILLED}
    known = listed()
    unlisted = alive.keys() - known.keys()
    gone = {entry for entry, endless in known.items() if not endless} - alive.keys()
    print_table(found)
    for module, function, line, becomes in sorted(unlisted):
        status = alive[module, function, line, becomes].status
        print(f"\nnot listed ({status}): {module}: {function}\n  - {line}\n  + {becomes}")
    for module, function, _, becomes in sorted(gone):
        print(f"\nlisted, and not alive: {module}: {function}\n  + {becomes}")
    return int(bool(unlisted or gone) or not enough(found))


def mutants() -> Iterator[Mutant]:
    """Every mutant of the last run."""
    for path in walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        for name, code in data.exit_code_by_key.items():
            status = status_by_exit_code[code]
            line, becomes = ("", "") if status in KILLED else changed(name, path)
            function, _ = orig_function_and_class_names_from_key(name)
            yield Mutant(str(path), function, line, becomes, status)


def changed(name: str, path: Path) -> tuple[str, str]:
    """The lines that go, and those that come."""
    diff = get_diff_for_mutant(name, path=path).splitlines()[2:]
    old = " ".join(line[1:].strip() for line in diff if line.startswith("-"))
    return old, " ".join(line[1:].strip() for line in diff if line.startswith("+"))


def key(mutant: Mutant) -> Key:
    """What the list names it by."""
    return mutant.module, mutant.function, mutant.line, mutant.becomes


def listed() -> dict[Key, bool]:
    """The survivors that have a reason, and whether they may end by a time-out or by a kill."""
    return {
        (module, function, entry["line"], becomes): entry.get("endless", False)
        for module, functions in yaml.safe_load(KNOWN.read_text()).items()
        for function, entries in functions.items()
        for entry in entries
        for becomes in entry["becomes"]
        if entry["why"]
    }


def enough(found: list[Mutant]) -> bool:
    """Whether enough are killed, of all and of each module."""
    modules = {mutant.module for mutant in found}
    each = [share([mutant for mutant in found if mutant.module == module]) for module in modules]
    return bool(found) and share(found) >= ENOUGH and min(each) >= ENOUGH_EACH


def share(found: list[Mutant]) -> float:
    """Percent that tests kill."""
    return 100 * sum(mutant.status in KILLED for mutant in found) / len(found)


def print_table(found: list[Mutant]) -> None:
    """A row a module, then all."""
    print(f"{'module':32}{'killed':>8}{'survived':>10}{'timeout':>9}{'no tests':>10}{'other':>7}{'total':>7}")
    for module in sorted({mutant.module for mutant in found}):
        print_row(module, [mutant for mutant in found if mutant.module == module])
    print_row("all", found)


def print_row(name: str, found: list[Mutant]) -> None:
    """One row of the table."""
    counts = Counter(mutant.status for mutant in found)
    killed = sum(counts.pop(status, 0) for status in KILLED)
    survived, late, untested = (counts.pop(s, 0) for s in ("survived", "timeout", "no tests"))
    numbers = f"{killed:8}{survived:10}{late:9}{untested:10}{counts.total():7}{len(found):7}"
    print(f"{name:32}{numbers} {share(found):6.1f} %")


if __name__ == "__main__":
    sys.exit(main())
