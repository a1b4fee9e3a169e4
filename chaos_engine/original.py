"""Pure: the verdict of the tool that an experiment comes from, beside ours (AWS Labs' Chaos Machine)."""

from __future__ import annotations

from typing import Any

from chaos_engine.life import State
from chaos_engine.model import Judgement, OriginalProbe, Outcome, Ran

NOT_STEADY = "SteadyStateError"  # its own words, where it has some
STOPPED = "ExperimentStoppedOrFailed"


def as_original(state: State) -> dict[str, Any]:
    """`chaos_machine`: Supported, NotSupported, or how it would have failed; `because`: what decided it."""
    word, decisive = _verdict(state)
    return {"chaos_machine": word, "because": [f"{j.probe}: {j.reason}" for j in decisive]}


def _verdict(state: State) -> tuple[str, list[Judgement]]:
    before = _asked(state, gate=True)
    if not_steady := [j for j in before if j.outcome is not Outcome.PASS]:
        return NOT_STEADY, not_steady
    if state.run is Ran.COMPLETED:
        return _of_hypothesis(state, _asked(state, gate=False))
    told = {Ran.SKIPPED: "would have begun the experiment", Ran.FAILED: STOPPED}
    return told.get(state.run, "unknown"), before if state.run is Ran.SKIPPED else []


def _of_hypothesis(state: State, after: list[Judgement]) -> tuple[str, list[Judgement]]:
    for outcome, word in ((Outcome.ERROR, "Failed"), (Outcome.BROKEN, "NotSupported")):
        if found := [j for j in after if j.outcome is outcome]:
            return word, found
    unanswered = [j for j in after if j.outcome is not Outcome.PASS]
    unasked = len(after) < len(state.experiment.hypothesis.probes)
    return ("unknown", unanswered) if unanswered or unasked else ("Supported", after)


def _asked(state: State, *, gate: bool) -> list[Judgement]:
    return [
        judgement
        for probe, judgement in state.judgements.items()
        if isinstance(probe, OriginalProbe) and probe.gate is gate
    ]
