"""Pure: from what an experiment has seen to its result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chaos_engine.criteria import Criteria, decisive, missed, outcome, told
from chaos_engine.life import State
from chaos_engine.model import (
    Cleanup,
    Evidence,
    Judged,
    Judgement,
    OriginalProbe,
    Outcome,
    Probe,
    Ran,
    Recovered,
    Result,
    Window,
    Witness,
)
from chaos_engine.original import as_original
from chaos_engine.questions import fault_window


def conclude(state: State) -> Result:
    """The four parts of the result, and the sentence that explains the worst of them."""
    recovery, time_to_recover = recovered(state)
    criteria, others = _judgements(state, recovery, time_to_recover)
    return Result(
        run=state.run,
        hypothesis=_hypothesis(criteria, others),
        recovery=recovery,
        cleanup=Cleanup.CLEAN if state.nothing_in else Cleanup.LEFT,
        witness=state.witness,
        time_to_recover=time_to_recover,
        repaired_after=state.repaired_after,
        recovery_asked=_recovery_asked(state),
        ended_by=state.ended_by,
        reason=_reason(state, criteria, others, recovery),
        injected_at=state.injected_at.wall if state.injected_at else None,
        cleared_at=state.cleared_at.wall if state.cleared_at else None,
        judgements=(*criteria.judgements, *others),
        details=tuple(_details(state)),
        before=state.gate,
        after=state.recovery,
    )


def _details(state: State) -> Iterator[dict[str, Any]]:
    for step in state.steps:
        if step.fault is not None and step.details:
            yield {"fault": step.fault.id, "scenario": step.fault.scenario, **step.details}
    if state.experiment.as_original:
        yield as_original(state)


def recovered(state: State) -> tuple[Recovered, float | None]:
    """Whether every steady-state probe held again, and how many seconds after the clearing."""
    if not state.recovery or state.cleared_at is None:
        return Recovered.UNKNOWN, None
    outcomes = {judgement.outcome for judgement in state.recovery}
    if Outcome.BROKEN in outcomes:
        return Recovered.NOT_RECOVERED, None
    if outcomes != {Outcome.PASS}:
        return Recovered.UNKNOWN, None
    return Recovered.RECOVERED, max(
        0.0, well_since(state.recovery, state.cleared_at.wall) - state.cleared_at.wall
    )


def well_since(recovery: tuple[Judgement, ...], otherwise: float) -> float:
    """From when on (wall time) all of them were well.

    A client's view is exact. Prometheus confirms it, and moves it only by more than it may itself be late.
    """
    exact = any(judgement.resolution == 0 for judgement in recovery)
    moments = [
        judgement.recovered_at - (judgement.resolution if exact else 0.0)
        for judgement in recovery
        if judgement.recovered_at is not None
    ]
    return max(moments, default=otherwise)


def _recovery_asked(state: State) -> bool:
    watched = state.experiment.recovers and bool(state.experiment.steady)
    return watched and state.injected_at is not None and not state.hurry


def _judgements(
    state: State, recovery: Recovered, seconds: float | None
) -> tuple[Criteria, tuple[Judgement, ...]]:
    """Of the probes, of which some may be missed; and what must hold besides."""
    spec, answers = state.experiment.hypothesis, _answers(state)
    criteria = tuple(judgement for probe, judgement in answers.items() if probe in spec.probes)
    others = [judgement for probe, judgement in answers.items() if probe not in spec.probes]
    if spec.recovers_within is not None and state.injected_at is not None:
        others.append(_recovers_within(state, spec.recovers_within, recovery, seconds))
    others += [judgement for step in state.steps for judgement in step.judgements]
    return Criteria(criteria, spec.success_threshold), tuple(others)


def _answers(state: State) -> Mapping[Probe, Judgement]:
    """One for each probe of the hypothesis: what was never answered must not look as if nobody had asked."""
    spec, window = state.experiment.hypothesis, fault_window(state)
    if state.run is not Ran.COMPLETED or window is None:
        return {probe: j for probe, j in state.judgements.items() if not isinstance(probe, OriginalProbe)}
    probes = dict.fromkeys((*spec.probes, *([spec.alert_fires] if spec.alert_fires else [])))
    return {probe: state.judgements.get(probe) or _unanswered(probe, window) for probe in probes}


def _unanswered(probe: Probe, window: Window) -> Judgement:
    reason = "not answered before the experiment ended"
    return Judgement(probe.label, Outcome.LATE, reason, Evidence(probe.label, window))


def _recovers_within(state: State, limit: float, recovery: Recovered, seconds: float | None) -> Judgement:
    start = state.cleared_at.wall if state.cleared_at else state.since.wall
    evidence = Evidence(f"recovers_within {limit:g}s", Window(start, start + limit), high=seconds)
    if recovery is Recovered.NOT_RECOVERED:
        return Judgement("recovers_within", Outcome.BROKEN, "did not recover in time", evidence)
    if seconds is None:
        return Judgement("recovers_within", Outcome.NO_DATA, "nothing could see a recovery", evidence)
    outcome = Outcome.PASS if seconds <= limit else Outcome.BROKEN
    return Judgement("recovers_within", outcome, f"recovered in {seconds:.1f} s, limit {limit:g} s", evidence)


def _hypothesis(criteria: Criteria, others: tuple[Judgement, ...]) -> Judged:
    outcomes = {judgement.outcome for judgement in others}
    if criteria.judgements:
        outcomes.add(outcome(criteria))
    if not outcomes:
        return Judged.UNJUDGED
    if Outcome.BROKEN in outcomes:
        return Judged.NOT_SUPPORTED
    if outcomes == {Outcome.PASS}:
        return Judged.SUPPORTED
    return Judged.INCONCLUSIVE


def _reason(state: State, criteria: Criteria, others: tuple[Judgement, ...], recovery: Recovered) -> str:
    """The first thing that is wrong, worst first; else what was seen to hold."""
    if state.reason and state.run is not Ran.COMPLETED:
        return state.reason
    wrong = (*decisive(criteria), *others)
    for judgement in wrong:
        if judgement.outcome is Outcome.BROKEN:
            return _counted(criteria, judgement, judgement.reason)
    if recovery is Recovered.NOT_RECOVERED:
        return _not_recovered(state)
    for judgement in (*wrong, *state.recovery):
        if judgement.outcome.missing:
            return _counted(criteria, judgement, f"{judgement.outcome.value}: {judgement.reason}")
    if state.witness is Witness.NOT_FELT:
        return "the fault was in, and no client felt it"
    return _held(criteria, others) or _notes(state) or "there is no hypothesis"


def _counted(criteria: Criteria, judgement: Judgement, why: str) -> str:
    """What is wrong with one of them; of the criteria with how many held, where some may be missed."""
    text, count = f"{judgement.probe}: {why}", told(criteria)
    return f"{count}: {text}" if count and judgement in criteria.judgements else text


def _held(criteria: Criteria, others: tuple[Judgement, ...]) -> str:
    """What was seen to hold. Where some criteria may be missed: how many did, and which did not."""
    count = told(criteria)
    lacking = [f"not held: {judgement.probe}: {judgement.reason}" for judgement in missed(criteria)]
    shown = others if count else (*criteria.judgements, *others)
    return "; ".join(filter(None, (count, *lacking, *(f"{j.probe}: {j.reason}" for j in shown))))


def _notes(state: State) -> str:
    """What the scenarios say to what they did."""
    return "; ".join(dict.fromkeys(str(s.details["note"]) for s in state.steps if "note" in s.details))


def _not_recovered(state: State) -> str:
    broken = next(j for j in state.recovery if j.outcome is Outcome.BROKEN)
    limit = state.experiment.recovery_timeout
    return f"not recovered {limit:g} s after clearing: {broken.probe}: {broken.reason}"
