"""Pure: what the sources' answers change in an experiment's state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from chaos_engine.conclusion import well_since
from chaos_engine.life import Answered, Failed, Pending, Phase, State
from chaos_engine.model import HttpProbe, Judgement, Now, OriginalProbe, Outcome, Probe, Purpose, Ran, Witness
from chaos_engine.moves import begin_clearing, enter, poll_again, skip

ABORT_MISSES = 3  # polls without data that end an experiment
LATER_POLL = 2.0


def gate_answered(state: State, pending: Pending, event: Answered, now: Now) -> State:
    """Passed: the baseline is kept. Broken: nothing is injected. Missing: it is asked again."""
    steady = event.judgements[: len(state.experiment.steady)]
    answers = _by_probe(pending, event)
    state = replace(state, gate=steady)
    state = _keep(state, {probe: j for probe, j in answers.items() if isinstance(probe, OriginalProbe)})
    broken = next((j for j in steady if j.outcome is Outcome.BROKEN), None)
    if broken is not None:
        return skip(state, f"{broken.probe}: {broken.reason}", now)
    missing = next((j for j in steady if j.outcome.missing), None)
    if missing is not None:
        return _gate_unanswered(state, f"{missing.probe}: {missing.outcome.value}: {missing.reason}", now)
    return replace(
        state,
        gate_window=event.judgements[0].evidence.window,
        baseline={probe: dict(j.baseline) for probe, j in answers.items()},
    )


def gate_failed(state: State, _: Pending, event: Failed, now: Now) -> State:
    """Nobody answered: it is asked again."""
    return _gate_unanswered(state, event.error, now)


def _gate_unanswered(state: State, reason: str, now: Now) -> State:
    """Ask again: for one `lookback` at most, in which a full window comes together."""
    lookback, since = state.experiment.lookback, state.gate_since or now
    if now.mono - since.mono >= lookback:
        return skip(state, reason, now)
    pause = min(max(0.5, lookback / 10), 5.0, max(0.05, since.mono + lookback - now.mono))
    return poll_again(state, "gate", now.plus(pause))


def abort_answered(state: State, _: Pending, event: Answered, now: Now) -> State:
    """Broken: the experiment ends. Missing: so it does after three times."""
    broken = next((j for j in event.judgements if j.outcome is Outcome.BROKEN), None)
    if broken is not None:
        reason = f"abort condition {broken.probe}: {broken.reason}"
        return begin_clearing(state, now, ended_by="abort", run=Ran.ABORTED, reason=reason)
    missing = next((j for j in event.judgements if j.outcome.missing), None)
    return _abort_missed(state, f"{missing.probe}: {missing.reason}", now) if missing else _abort_held(state)


def _abort_held(state: State) -> State:
    return replace(state, abort_misses=0)


def abort_failed(state: State, _: Pending, event: Failed, now: Now) -> State:
    """Nobody answered: a miss."""
    return _abort_missed(state, event.error, now)


def _abort_missed(state: State, why: str, now: Now) -> State:
    misses = state.abort_misses + 1
    if misses < ABORT_MISSES:
        return replace(state, abort_misses=misses)
    reason = f"abort conditions had no answer {misses} times running: {why}"
    return begin_clearing(state, now, ended_by="abort", run=Ran.ABORTED, reason=reason)


def repair_answered(state: State, _: Pending, event: Answered, now: Now) -> State:
    """Well again after it was seen broken: somebody has repaired it."""
    outcomes = {judgement.outcome for judgement in event.judgements}
    if outcomes != {Outcome.PASS}:
        return replace(state, seen_broken=state.seen_broken or Outcome.BROKEN in outcomes)
    return _repaired(state, event.judgements, now) if state.seen_broken else state


def _repaired(state: State, judgements: tuple[Judgement, ...], now: Now) -> State:
    injected = state.injected_at or now
    after = well_since(judgements, now.wall) - injected.wall
    state = replace(state, repaired_after=max(0.0, after), ended_by="repair", hold_ended=now)
    return enter(state, Phase.JUDGE, now)


def hypothesis_answered(state: State, pending: Pending, event: Answered, now: Now) -> State:
    """What was answered is kept, and the fault is cleared."""
    state = _keep(state, _by_probe(pending, event, Purpose.HYPOTHESIS))
    seen = _by_probe(pending, event, Purpose.WITNESS)
    state = replace(state, witness=_witness(state.witness, tuple(seen.values())))
    return begin_clearing(state, now, ended_by="time", run=Ran.COMPLETED)


def hypothesis_failed(state: State, _: Pending, __: Failed, now: Now) -> State:
    """Nobody answered: it is asked again after the clearing."""
    return begin_clearing(state, now, ended_by="time", run=Ran.COMPLETED)


def _witness(seen: Witness, judgements: tuple[Judgement, ...]) -> Witness:
    outcomes = {judgement.outcome for judgement in judgements}
    if seen is Witness.FELT or Outcome.PASS in outcomes:
        return Witness.FELT
    return Witness.NOT_FELT if Outcome.BROKEN in outcomes else seen


def recovery_answered(state: State, _: Pending, event: Answered, __: Now) -> State:
    """The last word on each probe is kept."""
    state = replace(state, recovery=event.judgements)
    if all(judgement.outcome is Outcome.PASS for judgement in event.judgements):
        return replace(state, recovery_over=True)
    return state


def later_answered(state: State, pending: Pending, event: Answered, now: Now) -> State:
    """What is final is kept; the rest is asked again until it is given up."""
    answers = _by_probe(pending, event)
    final: dict[Probe, Judgement] = {}
    waiting = []
    for later in state.later:
        judgement = answers.get(later.question.probe)
        if judgement is None or (judgement.outcome.missing and now.wall < later.give_up):
            waiting.append(later)
        else:
            final[later.question.probe] = judgement
    return poll_again(replace(_keep(state, final), later=tuple(waiting)), "later", now.plus(LATER_POLL))


def later_failed(state: State, _: Pending, __: Failed, now: Now) -> State:
    """Nobody answered: it is asked again until it is given up."""
    waiting = tuple(later for later in state.later if now.wall < later.give_up)
    return poll_again(replace(state, later=waiting), "later", now.plus(LATER_POLL))


def _by_probe(pending: Pending, event: Answered, purpose: Purpose | None = None) -> dict[Probe, Judgement]:
    """The answers, by what was asked: two probes of one URL have one label."""
    answers = zip(pending.questions, event.judgements, strict=True)
    return {q.probe: judgement for q, judgement in answers if purpose in (None, q.purpose)}


def _keep(state: State, judgements: Mapping[Probe, Judgement]) -> State:
    known = {probe: _as_far_as_seen(state, probe, judgement) for probe, judgement in judgements.items()}
    return replace(state, judgements={**state.judgements, **known})


def _as_far_as_seen(state: State, probe: Probe, judgement: Judgement) -> Judgement:
    """What a dead engine's own requests would have shown is not known: the rest of them is no support."""
    window, since = judgement.evidence.window, state.resumed_at
    lost = since is not None and isinstance(probe, HttpProbe) and window.start < since.wall
    if not lost or judgement.outcome is not Outcome.PASS:
        return judgement
    reason = f"the requests of an engine that died are lost; of those after it: {judgement.reason}"
    return replace(judgement, outcome=Outcome.TOO_FEW, reason=reason)
