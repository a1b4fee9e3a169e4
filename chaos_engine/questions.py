"""Pure: which questions an experiment asks, over which windows."""

from __future__ import annotations

import math
from collections.abc import Iterable

from chaos_engine.life import Later, State
from chaos_engine.model import (
    AlarmProbe,
    AlertFires,
    CloudWatchProbe,
    HttpProbe,
    Judgement,
    Now,
    OriginalProbe,
    Probe,
    PrometheusProbe,
    Purpose,
    Question,
    Window,
)

MINUTE = 60.0
LAST_ASK = 10.0  # seconds in which what can be answered after `wait` at the earliest is asked and answered
UNGATED_BASELINE = 10.0  # seconds before the injection that a witness compares with, where no gate was


def gate(state: State, now: Now, blackouts: tuple[Window, ...]) -> tuple[Question, ...]:
    """Steady state over `lookback`; probes that only need a baseline are asked too, at the end."""
    if state.experiment.ungated:
        return ()
    window = Window(now.wall - state.experiment.lookback, now.wall)
    probes = (*state.experiment.steady, *_only_for_baseline(state))
    asked = tuple(Question(probe, Purpose.GATE, window, blackouts) for probe in probes)
    return asked + tuple(
        Question(probe, Purpose.GATE, window)
        for probe in _originals(state, state.experiment.steady, gate=True)
    )


def abort(state: State, now: Now) -> tuple[Question, ...]:
    """The abort conditions, as instant values."""
    injected = state.injected_at or now
    window = Window(min(injected.wall, now.wall), now.wall)
    return tuple(_ask(state, probe, Purpose.ABORT, window) for probe in state.experiment.abort_when)


def recovery(state: State, since: Now, now: Now) -> tuple[Question, ...]:
    """From when on the steady state holds again."""
    window = Window(since.wall, max(since.wall, now.wall))
    return tuple(_ask(state, probe, Purpose.RECOVERY, window) for probe in state.experiment.steady)


def hypothesis(state: State) -> tuple[Question, ...]:
    """What can be asked before the clearing: the probes over the fault's window, and a due alert."""
    frozen = fault_window(state)
    if frozen is None:
        return ()
    spec = state.experiment.hypothesis
    probes: tuple[Probe, ...] = () if spec.after_clearing else spec.probes
    asked = [_over(state, probe, frozen) for probe in probes]
    alert = _alert(state)
    if alert is not None and alert.window.end <= frozen.end:
        asked.append(alert)
    return tuple(asked)


def witness(state: State) -> tuple[Question, ...]:
    """Client-side probes that may have seen the fault, compared with the time before it."""
    frozen = fault_window(state)
    if frozen is None or state.experiment.preview:
        return ()
    before = state.gate_window or Window(frozen.start - UNGATED_BASELINE, frozen.start)
    probes = dict.fromkeys((*state.experiment.steady, *state.experiment.hypothesis.probes))
    return tuple(
        Question(probe, Purpose.WITNESS, frozen, before=before)
        for probe in probes
        if isinstance(probe, HttpProbe)
    )


def later(state: State) -> tuple[Later, ...]:
    """What is asked once the fault is out: late answers, a recovery window, an alert still to fire."""
    cleared, patience = state.cleared_at, state.experiment.judge_timeout
    if cleared is None:
        return ()
    spec = state.experiment.hypothesis
    asked = [_after(q, patience, cleared.wall) for q in _unanswered(state)]
    if spec.delay is not None:
        start = cleared.wall + spec.delay
        window = Window(start, start + (spec.duration or 0.0))
        asked += [_after(_over(state, probe, window), patience) for probe in spec.probes]
    alert = _alert(state)
    if alert is not None and alert.probe not in state.judgements:
        asked.append(_after(alert, patience))
    return (*asked, *_as_original(state, cleared))


def _as_original(state: State, cleared: Now) -> Iterable[Later]:
    """The hypothesis once more, to be judged as the tool does that it comes from."""
    spec, frozen = state.experiment.hypothesis, fault_window(state)
    if spec.delay is not None:
        start = cleared.wall + spec.delay
        frozen = Window(start, start + (spec.duration or 0.0))
    if frozen is None:
        return
    for probe in _originals(state, spec.probes):
        yield _after(_over(state, probe, frozen), probe.wait)


def _originals(state: State, probes: tuple[Probe, ...], *, gate: bool = False) -> tuple[OriginalProbe, ...]:
    if not state.experiment.as_original:
        return ()
    return tuple(
        OriginalProbe(probe, gate)
        for probe in probes
        if isinstance(probe, (PrometheusProbe, CloudWatchProbe, AlarmProbe))
    )


def fault_window(state: State) -> Window | None:
    """From the first injection to the hold's end; None while one of them is still to come."""
    if state.injected_at is None or state.hold_ended is None:
        return None
    return Window(state.injected_at.wall, state.hold_ended.wall)


def _unanswered(state: State) -> Iterable[Question]:
    """Questions over the frozen window whose answer is still missing."""
    for question in hypothesis(state):
        judgement: Judgement | None = state.judgements.get(question.probe)
        if judgement is None or judgement.outcome.missing:
            yield question


def _after(question: Question, patience: float, cleared: float = 0.0) -> Later:
    """Asked from the window's end on, or from the clearing."""
    start = max(question.window.end, cleared)
    return Later(question, start, start + _patience(question.probe, patience))


def _patience(probe: Probe, least: float) -> float:
    """Seconds for which an answer is waited for: CloudWatch has its datapoints late."""
    wait: float | None = getattr(probe, "wait", None)
    return least if wait is None else max(least, wait + LAST_ASK)


def _over(state: State, probe: Probe, window: Window) -> Question:
    """Of the hypothesis, up to the full minute where the experiment says so; alarms are of the moment."""
    asked = probe.probe if isinstance(probe, OriginalProbe) else probe
    if state.experiment.hypothesis.whole_minutes and not isinstance(asked, AlarmProbe):
        window = Window(window.start, math.ceil(window.end / MINUTE) * MINUTE)
    return _ask(state, probe, Purpose.HYPOTHESIS, window)


def _alert(state: State) -> Question | None:
    alert: AlertFires | None = state.experiment.hypothesis.alert_fires
    if alert is None or state.injected_at is None:
        return None
    start = state.injected_at.wall
    return Question(alert, Purpose.HYPOTHESIS, Window(start, start + alert.within))


def _only_for_baseline(state: State) -> tuple[Probe, ...]:
    steady = state.experiment.steady
    return tuple(p for p in state.experiment.hypothesis.probes if p not in steady and _is_relative(p))


def _is_relative(probe: Probe) -> bool:
    if isinstance(probe, HttpProbe):
        bounds = (*probe.latency.values(), *([probe.success] if probe.success else []))
        return any(bound.relative for bound in bounds)
    return isinstance(probe, (PrometheusProbe, CloudWatchProbe)) and probe.expect.relative


def _ask(state: State, probe: Probe, purpose: Purpose, window: Window) -> Question:
    return Question(probe, purpose, window, baseline=state.baseline.get(probe, {}))
