"""Everything outside that the engine needs, and how it is made on a real machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from chaos_engine.adapters import folder
from chaos_engine.adapters.aws import Aws
from chaos_engine.adapters.clock import SystemClock
from chaos_engine.adapters.cloudwatch import CloudWatchApi
from chaos_engine.adapters.http_prober import HttpProber
from chaos_engine.adapters.prometheus import PrometheusApi
from chaos_engine.adapters.real_world import world_of
from chaos_engine.adapters.threads import Inbox as ThreadInbox
from chaos_engine.adapters.threads import Threads
from chaos_engine.admission import See
from chaos_engine.evaluation import evaluate, unheard
from chaos_engine.happenings import Listener, Observed, TellingLog
from chaos_engine.narration import Log, Narrator
from chaos_engine.performing import Evaluate
from chaos_engine.ports import Clock, HttpSamples, Inbox, Journal, Sources, Workers, World
from chaos_engine.sight import reach_seen
from chaos_engine.steering import Made


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The simulator has twins of all of it."""

    clock: Clock
    inbox: Inbox
    workers: Workers
    journal: Journal
    world: World
    http: HttpSamples
    evaluate: Evaluate
    narrator: Narrator
    beat: Callable[[str], None] = lambda _: None  # a sign of life, with what is being done
    reload: Made | None = None  # from the file as it is now
    change: Made | None = None  # from the file as it was read
    see: See | None = None  # looks at what an experiment would hurt
    halt_file: Callable[[], str | None] = lambda: None  # its text; None: there is none


def of_this_machine(
    data: Path,
    journal: Journal,
    log: Log,
    inbox: ThreadInbox,
    reload: Made | None = None,
    show: Callable[[str], None] = lambda _: None,
    listeners: Sequence[Listener] = (),
    metrics: Observed | None = None,
    change: Made | None = None,
) -> Surroundings:
    """Real clocks, threads, files and sources.

    `data`: where the sign of life is left. `show` is told every second what is being done, `listeners` all
    that the log says, `metrics` that too, and what the log does not say.
    """
    if metrics is not None:
        listeners = (metrics, *listeners)

    def beat(doing: str) -> None:
        folder.beat(data)
        if metrics is not None:
            metrics.beat(time.time())
        show(doing)

    told = metrics.evaluated if metrics is not None else unheard
    clock = SystemClock()
    prober = HttpProber()
    aws = Aws()
    world = world_of(lambda text: log.warning(text, kind="world"), aws, data)
    sources = Sources(prober, PrometheusApi(), CloudWatchApi(aws))
    return Surroundings(
        clock=clock,
        inbox=inbox,
        workers=Threads(),
        journal=journal,
        world=world,
        http=prober,
        evaluate=lambda questions, budget: evaluate(questions, sources, time.time, budget, told),
        narrator=Narrator(TellingLog(log, listeners, time.time)),
        beat=beat,
        reload=reload,
        change=change,
        see=lambda experiment, scenarios: reach_seen(experiment, scenarios, world),
        halt_file=lambda: folder.halt_reason(data),
    )
