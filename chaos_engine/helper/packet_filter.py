"""iptables in this network namespace. Rules of ours are known by their comment.

https://man7.org/linux/man-pages/man8/iptables-extensions.8.html
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache

COMMENT = "chaos-engine"
TABLES = ("mangle", "filter", "nat")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; `match` are its words, target and all. It goes first in its chain."""

    table: str
    chain: str
    match: tuple[str, ...]


def insert(rule: Rule) -> None:
    """Put it in front of its chain. CalledProcessError: the kernel cannot do it."""
    run("-t", rule.table, "-I", rule.chain, "-m", "comment", "--comment", COMMENT, *rule.match)


def ours() -> list[tuple[str, list[str], int]]:
    """Rules of ours as (table, words of `-S` from the chain on, packets that met it)."""
    found = []
    for table in TABLES:
        for line in run("-t", table, "-S", "-v").splitlines():
            words = shlex.split(line)
            if words[:1] == ["-A"] and COMMENT in words:
                counted = words.index("-c")
                found.append((table, words[1:counted] + words[counted + 3 :], int(words[counted + 1])))
    return found


def remove_ours() -> None:
    """Whatever is there of ours."""
    for table, words, _ in ours():
        run("-t", table, "-D", *words)


def run(*words: str) -> str:
    """The output of iptables. CalledProcessError where it fails, with what it says."""
    done = subprocess.run([_binary(), "-w", "5", *words], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise OSError(f"iptables {shlex.join(words)}: {done.stderr.strip()}")
    return done.stdout


@cache
def _binary() -> str:
    """The one that works on this kernel; rules of both kinds count, so either will do."""
    for name in ("iptables", "iptables-legacy", "iptables-nft"):
        path = shutil.which(name)
        if path and _works(path):
            return path
    raise OSError("this kernel, or this image, has no iptables that works")


def _works(path: str) -> bool:
    asked = subprocess.run([path, "-t", "mangle", "-S"], capture_output=True, check=False)  # noqa: S603
    return asked.returncode == 0
