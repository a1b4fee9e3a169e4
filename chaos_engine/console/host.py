"""An engine in the service of another program, which asks for faults and experiments as it goes.

A process of its own, so that nothing of ours is imported into that program, nor anything of its into us. It
is asked by JSON lines on stdin, and answers with such lines on stdout. When stdin ends, so does it: whatever
became of the program, what it had put in is cleared.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import scheduler
from chaos_engine.adapters.threads import Inbox
from chaos_engine.admission import Wish
from chaos_engine.config import Settings
from chaos_engine.console import evidence, host_requests, preflight
from chaos_engine.console.log import log_of_environment
from chaos_engine.console.run import Workplace, seed_of, workplace
from chaos_engine.course import Finished
from chaos_engine.happenings import Happening
from chaos_engine.life import Stop
from chaos_engine.ports import SignalReceived
from chaos_engine.surroundings import Surroundings, of_this_machine
from chaos_engine.written import ConfigError
from engine import Engine
from scenarios.registry import merged

AT_ONCE = 100  # blocks of faults, one within another
NOBODY = scheduler.Rules(every=1.0, startup_wait=0.0, choices=(), enabled=False, max_concurrent=AT_ONCE)


@dataclass(frozen=True, slots=True)
class Begin:
    """Run the one experiment of these settings."""

    request: int
    settings: Settings


@dataclass(frozen=True, slots=True)
class End:
    """End what an earlier request began. `planned`: its fault was to be in until now."""

    request: int
    planned: bool


class Voice:
    """Answers: one JSON line each. Nobody may hear them any more: then stdin ends too."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._lock = threading.Lock()

    def say(self, request: int, **fields: Any) -> None:
        """Answer a request."""
        with self._lock:
            try:
                self._out.write(json.dumps({"request": request, **fields}) + "\n")
                self._out.flush()
            except (OSError, ValueError):
                return


class HostedEngine(Engine):
    """Without a schedule: it does what it is asked."""

    def __init__(self, settings: Settings, outside: Surroundings, seed: int, voice: Voice) -> None:
        super().__init__(settings, outside, seed)
        self._voice = voice
        self._asked: list[Begin] = []
        self._under_way: dict[str, Begin] = {}

    def turn(self) -> None:
        """Begin what was asked for, once nothing of an earlier run is in."""
        while self._asked and self._may_start:
            self._begin_asked(self._asked.pop(0))
        super().turn()

    def tell_injected(self, happening: Happening) -> None:
        """A listener of the log: the fault is in."""
        begun = self._under_way.get(str(happening.fields.get("experiment")))
        if happening.kind == "injected" and begun is not None:
            fields = happening.fields
            self._voice.say(
                begun.request, event="injected", experiment=fields["experiment"], deadline=fields["deadline"]
            )

    def _handle(self, message: object) -> None:
        match message:
            case Begin():
                self._asked.append(message)
            case End(request, planned):
                self._end_asked(request, planned)
            case _:
                super()._handle(message)

    def _begin_asked(self, begin: Begin) -> None:
        experiment = host_requests.sole(begin.settings)
        self.course.performer.scenarios = merged(self.course.performer.scenarios, begin.settings.scenarios)
        wish, self._admission.rails = Wish(experiment, "hand"), begin.settings.guardrails
        refusal = self._forbidden(wish) or self._admission.forbids(wish, self._now)
        forbidden = refusal.said if refusal else ""
        if not forbidden and not experiment.overlapping_gate and self._under_way:
            forbidden = (
                "another fault is in, and its steady state would be judged with it (gate: overlapping)"
            )
        if forbidden:
            self._voice.say(begin.request, event="refused", problems=[f"refused for now: {forbidden}"])
            return
        self._watch_probes(begin)
        self._under_way[self._begin(experiment)] = begin

    def _end_asked(self, request: int, planned: bool) -> None:
        if any(begin.request == request for begin in self._asked):
            self._voice.say(request, event="refused", problems=["it was taken back before it began"])
        self._asked = [begin for begin in self._asked if begin.request != request]
        stop = Stop("test", "the test ended it", hurry=True, planned=planned)
        for id_, begin in self._under_way.items():
            if begin.request == request:
                self.course.stop(stop, self._now, only=id_)

    def _ended(self, finished: Finished) -> None:
        super()._ended(finished)
        begun = self._under_way.pop(finished.id, None)
        if begun is not None:
            self._voice.say(begun.request, event="ended", **told(finished))
            self._watch_probes()

    def _watch_probes(self, *more: Begin) -> None:
        """The probes of what is under way, and no others."""
        under_way = (*self._under_way.values(), *more)
        self._outside.http.watch([p for begin in under_way for p in begin.settings.http_probes])


def told(finished: Finished) -> dict[str, Any]:
    """What became of an experiment."""
    result = finished.result
    return {
        "experiment": finished.id,
        "title": finished.experiment.title,
        "verdict": result.verdict.value,
        "word": evidence.word_of(finished),
        "passed": evidence.passed(finished),
        "reason": result.reason,
        "ended_by": result.ended_by,
        "text": evidence.text_of(finished),
        "properties": evidence.properties_of(finished),
    }


# --- the process ------------------------------------------------------------------------------


def run(config: Path | None, *, dry: bool) -> int:
    """Until stdin ends. Returns the exit code: 4 where something was left."""
    voice = Voice(_own_stdout())
    try:
        base = host_requests.base_of(config)
        return _plans(voice, base) if dry else _engine(voice, base)
    except Exception as error:
        voice.say(0, event="died", problems=list(getattr(error, "problems", (str(error),))))
        raise


def _own_stdout() -> IO[str]:
    """Stdout for answers alone: whatever else prints goes to stderr."""
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return out


def _engine(voice: Voice, base: Settings | None) -> int:
    with workplace(log_of_environment()) as place:
        settings = _idle(base)
        listeners: list[Any] = []
        outside = of_this_machine(place.data, place.journal, place.log, place.inbox, listeners=listeners)
        hosted = HostedEngine(settings, outside, seed_of(settings), voice)
        listeners.append(hosted.tell_injected)
        _listen_beside(place, voice, base)
        hosted.run()
        return 4 if hosted.left else 0


def _idle(base: Settings | None) -> Settings:
    """Settings that start nothing. The scenarios are those that an earlier run may have left something of."""
    found = base or host_requests.nothing()
    return replace(found, rules=NOBODY, targets={}, experiments={}, resume=False)


def _listen_beside(place: Workplace, voice: Voice, base: Settings | None) -> None:
    """On a thread of its own: reading files, and looking at the world, must not hold up a clearing."""
    listener = threading.Thread(target=_listen, args=(place.inbox, voice, base), daemon=True)
    voice.say(0, event="ready")
    listener.start()


def _listen(inbox: Inbox, voice: Voice, base: Settings | None) -> None:
    for request in _requests():
        if request["do"] == "begin":
            _ask(inbox, voice, base, request)
        else:
            inbox.put(End(request["of"], bool(request["planned"])))
    inbox.put(SignalReceived(signal.SIGTERM))


def _ask(inbox: Inbox, voice: Voice, base: Settings | None, request: Mapping[str, Any]) -> None:
    try:
        settings = host_requests.asked(request, base)
        preflight.check([(settings, tuple(settings.experiments.values()))])
        inbox.put(Begin(request["request"], settings))
    except ConfigError as error:
        voice.say(request["request"], event="refused", problems=list(error.problems))
    except Exception as error:  # noqa: BLE001 - the next request may be a better one
        voice.say(request["request"], event="refused", problems=[f"{type(error).__name__}: {error}"])


def _plans(voice: Voice, base: Settings | None) -> int:
    """Nothing is touched, not even the data folder."""
    voice.say(0, event="ready")
    for request in _requests():
        try:
            settings = host_requests.asked(request, base)
            voice.say(request["request"], event="planned", text=host_requests.plan(settings))
        except ConfigError as error:
            voice.say(request["request"], event="refused", problems=list(error.problems))
    return 0


def _requests() -> Iterator[dict[str, Any]]:
    for line in sys.stdin:
        yield json.loads(line)
