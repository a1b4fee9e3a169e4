"""`approve`: lets an experiment begin that needs somebody's approval."""

from __future__ import annotations

import time
from urllib.parse import quote

import click

from chaos_engine import approvals as book
from chaos_engine.commands import WHO, WHY
from chaos_engine.console import records
from chaos_engine.console.remote import remotely
from chaos_engine.narration import clock
from chaos_engine.written import ConfigError


def run(id_: str, why: str) -> int:
    """Through the daemon, or for who asks again without one."""
    if remote := remotely():
        said = remote.post(f"approvals/{quote(id_, safe='')}", {WHO: records.who(), "reason": why})
        one = book.of_fact([said])[0]
    elif records.daemon_runs():
        outcome = records.ask("approve", {"id": id_, WHO: records.who(), WHY: why})
        if "error" in outcome:
            raise ConfigError([outcome["error"]])
        one = book.of_fact([outcome["approval"]])[0]
    else:
        one = _here(id_, why)
    click.echo(f"approved {one.id}: {one.scenario} on {one.target}, until {clock(one.expires_at)}")
    return 0


def _here(id_: str, why: str) -> book.Approval:
    now = time.time()
    with records.journal() as journal:
        try:
            every, one = book.approve(book.of_fact(journal.get(book.FACT)), id_, records.who(), why, now)
        except ValueError as error:
            raise ConfigError([str(error)]) from None
        journal.put(book.FACT, book.as_fact(every))
        said = {"id": one.id, "scenario": one.scenario, "target": one.target, "state": one.state}
        journal.note(now, "approval", who=one.who, why=why, **said)
    return one
