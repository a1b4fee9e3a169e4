"""What operators ask of a running engine, through a table of the journal: each command is obeyed once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chaos_engine.model import Now
from chaos_engine.narration import Log
from chaos_engine.ports import Journal, OperatorCommand

Outcome = Mapping[str, Any]  # {"error": …}: refused
Handler = Callable[[Mapping[str, Any]], Outcome | None]  # arguments to outcome; None: it answers later
COMMAND = "command"  # among the arguments that a handler gets: the number under which it may answer later
WHO, WHY = "who", "why"  # arguments that any command may have: who asks, and the reason


class Commands:
    """Looks for commands every `tick` seconds, and hands each to the handler of its kind."""

    def __init__(
        self,
        journal: Journal,
        log: Log,
        record: Callable[[Callable[[], None]], None],
        handlers: Mapping[str, Handler],
        tick: float,
        now: Now,
    ) -> None:
        self.next_look = now
        self._journal = journal
        self._log = log
        self._record = record
        self._handlers = handlers
        self._tick = tick

    def look(self, now: Now) -> bool:
        """Obey what has come; False: it is not yet time to look."""
        if now.mono < self.next_look.mono:
            return False
        self.next_look = now.plus(self._tick)
        for command in self._taken(now):
            outcome = self._obey(command)
            if outcome is not None:
                self.answer(command.id, outcome)
        return True

    def _taken(self, now: Now) -> Sequence[OperatorCommand]:
        try:
            return self._journal.take(now.wall)
        except Exception as error:  # noqa: BLE001 - a disk that is full must not stop a clearing
            self._log.error(f"The journal could not be read: {error}", kind="journal")
            return ()

    def answer(self, command: int, outcome: Outcome) -> None:
        """Tell what became of a command."""
        self._record(lambda: self._journal.answer(command, outcome))

    def _obey(self, command: OperatorCommand) -> Outcome | None:
        arguments = command.arguments
        rest = {key: value for key, value in arguments.items() if key not in (WHO, WHY)}
        who, why = (str(arguments.get(key) or "") for key in (WHO, WHY))
        said = f"Operator {who}".rstrip() + f": {command.kind} {rest or ''}".rstrip()
        said += f" ({why})" if why else ""
        self._log.info(said, kind="command", command=command.kind, who=who, why=why)
        handler = self._handlers.get(command.kind)
        return (
            handler({**arguments, COMMAND: command.id})
            if handler
            else {"error": f"unknown command {command.kind!r}"}
        )
