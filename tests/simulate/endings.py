"""What must hold at the end of every history: nothing is left, and no verdict is better than the facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chaos_engine.model import Cleanup, Judged, Outcome, Purpose, Ran, Result, Verdict
from tests.simulate.invariants import Watcher
from tests.simulate.memory_journal import Story
from tests.simulate.removal import must
from tests.simulate.truth import Said

if TYPE_CHECKING:
    from tests.simulate.hooks import Hooks


def nothing_left(watcher: Watcher, files: Mapping[Path, Mapping[str, Any]]) -> None:
    """No fault in a file, none open in the ledger, a result for each experiment."""
    hurt = {str(path): state["id"] for path, state in files.items() if state["mode"] != "healthy"}
    must(not hurt, 2, f"left in: {hurt}")
    must(not watcher.present, 2, f"left in: {sorted(watcher.present)}")
    still = [fault.id for fault in watcher.journal.open_faults()]
    must(not still, 2, f"open in the ledger: {still}")
    must(not watcher.journal.unfinished(), 4, f"without a result: {watcher.journal.unfinished()}")
    for id_ in watcher.removers.refused.values():
        result = watcher.journal.stories[id_].result if id_ in watcher.journal.stories else None
        honest_run = result is None or result.run is not Ran.COMPLETED
        must(honest_run, 4, f"{id_} is completed, and its fault was another's when it took hold")


def told(watcher: Watcher, hooks: Hooks, left: set[str]) -> None:
    """An engine has ended, and nothing is under way: the ledger knows what is out as well as it does."""
    for entry in watcher.journal.open_entries():
        id_, experiment = entry.fault.id, entry.fault.experiment
        story = watcher.journal.stories.get(experiment) if experiment in hooks.own else None
        clean = story is not None and story.result is not None and story.result.cleanup is Cleanup.CLEAN
        known = id_ in left or id_ in hooks.untold or entry.status == "taken over"
        must(known or not clean, 2, f"{experiment} ended clean, and {id_} is open in the ledger")


def honest(watcher: Watcher) -> None:
    """No experiment is supported that should not be."""
    by_start: dict[float, list[Said]] = {}
    for said in watcher.truth.said:
        by_start.setdefault(said.start, []).append(said)
    for id_, story in watcher.journal.stories.items():
        result = story.result
        ended = result is None or result.run is not Ran.COMPLETED or result.ended_by
        must(bool(ended), 4, f"{id_} is completed, and nothing has ended its hold")
        if result is not None and result.verdict in (Verdict.SUPPORTED, Verdict.UNJUDGED):
            _really_supported(watcher, id_, story, result, by_start)


def _really_supported(
    watcher: Watcher, id_: str, story: Story, result: Result, by_start: Mapping[float, Sequence[Said]]
) -> None:
    spec, injected = story.experiment.hypothesis, result.injected_at
    must(injected is not None and result.run is Ran.COMPLETED, 4, f"{id_} is {result.verdict}, uninjected")
    assert injected is not None
    assert result.cleared_at is not None or result.cleanup.value == "left"
    must(
        all(judgement.outcome is Outcome.PASS for judgement in result.judgements), 4,
        f"{id_} is {result.verdict} with missing data: {result.judgements}",
    )  # fmt: skip
    missing = set(range(len(story.experiment.steps))) - {
        index for index in range(len(story.experiment.steps)) if f"{id_}-{index}" in watcher.written
    }
    must(not missing, 4, f"{id_} is {result.verdict}, and its steps {sorted(missing)} were never in")
    must(spec.empty is (result.hypothesis is Judged.UNJUDGED), 4, f"{id_} has a hypothesis, and is unjudged")
    start = injected if spec.delay is None else (result.cleared_at or 0.0) + spec.delay
    answers = [s for s in by_start.get(start, ()) if s.purpose is Purpose.HYPOTHESIS]
    clearings = _clearings(watcher, id_)
    for probe in spec.probes:
        own = [s.outcome for s in answers if s.probe == probe]
        must(Outcome.PASS in own, 4, f"{id_} is supported, and {probe.label} never passed: {own}")
        heard = [s.outcome for s in answers if s.probe == probe and _counted(s, clearings)]
        must(Outcome.BROKEN not in heard, 4, f"{id_} is supported, and {probe.label} was broken")
    _really_felt(watcher, id_, injected, by_start)


def _clearings(watcher: Watcher, id_: str) -> Sequence[float]:
    """When each began (mono: the wall clock may be set meanwhile).

    Where a full disk swallowed that line, nobody can say what was heard before.
    """
    return watcher.cleared_from.get(id_, (0.0,))


def _counted(said: Said, clearings: Sequence[float]) -> bool:
    """Whether it was waited for: a clock that is set may bring the deadline before the answer.

    What is under way when something came in late, and has to be cleared again, is asked again after that. The
    real source would say the same again.
    """
    if said.job.row == "judge":
        return said.in_time and said.job.heard.mono <= clearings[0]
    return said.in_time and not any(said.job.begun <= moment <= said.job.heard.mono for moment in clearings)


def _really_felt(
    watcher: Watcher, id_: str, injected: float, by_start: Mapping[float, Sequence[Said]]
) -> None:
    clearings = _clearings(watcher, id_)
    seen = [s for s in by_start.get(injected, ()) if s.purpose is Purpose.WITNESS]
    felt = any(s.outcome is Outcome.PASS for s in seen) or any(
        e == id_ and o == "felt" for e, o, _ in watcher.felt
    )
    unfelt = any(s.outcome is Outcome.BROKEN and _counted(s, clearings) for s in seen) or any(
        # What comes after it was given up is not heard; what an engine that stood still finds may be.
        e == id_ and o == "not_felt" and job.heard.mono < clearings[0] and job.heard.mono < job.due
        for e, o, job in watcher.felt
    )
    must(felt or not unfelt, 4, f"{id_} is supported, and a witness saw that nobody felt it")
