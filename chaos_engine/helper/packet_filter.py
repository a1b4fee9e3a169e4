"""iptables in this network namespace. Rules of ours are known by their comment.

https://man7.org/linux/man-pages/man8/iptables-extensions.8.html
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

COMMENT = "chaos-engine"
TABLES = ("mangle", "filter", "nat")
NAMES = {4: "iptables", 6: "ip6tables"}
NOBODYS_QUEUE = "50336"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; `match` are its words, target and all. It goes first in its chain. `family` of IP: 4 or 6."""

    table: str
    chain: str
    match: tuple[str, ...]
    family: int = 4


def insert(rule: Rule) -> None:
    """Put it in front of its chain. OSError: the kernel cannot do it."""
    try:
        _insert(rule, _silently(rule))
    except OSError:
        if _silently(rule) == rule.match:
            raise
        _insert(rule, rule.match)


def _silently(rule: Rule) -> tuple[str, ...]:
    """A sender is told of a DROP on its way out (EPERM). A queue that nobody reads loses and says nothing."""
    if rule.chain == "OUTPUT" and rule.match[-2:] == ("-j", "DROP"):
        return (*rule.match[:-1], "NFQUEUE", "--queue-num", NOBODYS_QUEUE)
    return rule.match


def _insert(rule: Rule, match: tuple[str, ...]) -> None:
    words = ("-t", rule.table, "-I", rule.chain, "-m", "comment", "--comment", COMMENT, *match)
    run(*words, family=rule.family)


@dataclass(frozen=True, slots=True)
class Found:
    """A rule of ours in the kernel. `words` are those of `-S` from the chain on; `packets` have met it.

    `number`: its place in the chain, from 1.
    """

    family: int
    table: str
    words: tuple[str, ...]
    packets: int
    number: int


def ours(families: Iterable[int] = (4,)) -> list[Found]:
    """Rules of ours."""
    return [found for family in families for table in TABLES for found in _in_table(family, table)]


def _in_table(family: int, table: str) -> list[Found]:
    found, numbers = [], Counter[str]()
    for line in run("-t", table, "-S", "-v", family=family).splitlines():
        words = shlex.split(line)
        if words[:1] != ["-A"]:
            continue
        numbers[words[1]] += 1
        if COMMENT in words:
            counted = words.index("-c")
            rule = (*words[1:counted], *words[counted + 3 :])
            found.append(Found(family, table, rule, int(words[counted + 1]), numbers[words[1]]))
    return found


def remove_ours(families: Iterable[int] = (4,)) -> None:
    """Whatever is there of ours."""
    for found in reversed(ours(families)):  # the last one first: the numbers of the others stay
        try:
            run("-t", found.table, "-D", *found.words, family=found.family)
        except OSError:  # some matches are shown in a rounded form that is no longer the same rule
            run("-t", found.table, "-D", found.words[0], str(found.number), family=found.family)


def run(*words: str, family: int = 4) -> str:
    """The output of iptables. OSError where it fails, with what it says."""
    done = subprocess.run([_binary(family), "-w", "5", *words], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise OSError(f"{NAMES[family]} {shlex.join(words)}: {done.stderr.strip()}")
    return done.stdout


@cache
def _binary(family: int) -> str:
    """The one that works on this kernel; rules of both kinds count, so either will do."""
    plain = NAMES[family]
    for name in (plain, f"{plain}-legacy", f"{plain}-nft"):
        path = shutil.which(name)
        if path and _works(path):
            return path
    raise OSError(f"this kernel, or this image, has no {plain} that works")


def _works(path: str) -> bool:
    asked = subprocess.run([path, "-t", "mangle", "-S"], capture_output=True, check=False)  # noqa: S603
    return asked.returncode == 0
