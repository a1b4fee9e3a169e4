"""Pure: what one experiment showed: observations, issues discovered, improvements identified.

Derived by the rules below from its result; what people have added (`chaos-engine note`) stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from chaos_engine.report.trials import Span, Trial

_SHORT = 2  # seconds of a slow recovery are worth a word only where it took longer than others of its kind
_ALERT = "alert "


def lessons(trial: Trial, usual: float | None, notes: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """All there is to say of it. `usual`: the median recovery of its scenario, in seconds."""
    found = {
        "observation": list(observations(trial)),
        "issue": list(issues(trial)),
        "improvement": list(improvements(trial, usual)),
    }
    for note in notes:
        who = f" ({note['who']})" if note["who"] else ""
        found[note["kind"]].append(f"{note['text']}{who}")
    return {f"{kind}s": texts for kind, texts in found.items()}


# --- observations: what was seen ----------------------------------------------------------------


def observations(trial: Trial) -> Iterator[str]:
    """What happened, in numbers."""
    if trial.injected_at is not None and trial.cleared_at is not None:
        held = trial.cleared_at - trial.injected_at
        ended = f", ended by {trial.ended_by}" if trial.ended_by else ""
        yield f"the fault was in for {held:.1f} s{ended}"
    yield from _courses(trial)
    if trial.time_to_recover is not None:
        yield f"recovered {trial.time_to_recover:.1f} s after the clearing"


def _courses(trial: Trial) -> Iterator[str]:
    """Each probe's share of good requests: before, in and after the fault."""
    courses: dict[str, dict[str, float]] = {}
    for span in trial.judgements:
        success = span.measured.get("success")
        if success is not None:
            courses.setdefault(span.probe, {})[span.stage] = success
    for probe, stages in courses.items():
        if "during" in stages:
            told = [f"{_STAGE[stage]} {share:.0%}" for stage, share in stages.items()]
            yield f"{probe}: good requests {', '.join(told)}"


_STAGE = {"before": "before", "during": "in the fault", "after": "after it"}


# --- issues: what is wrong ----------------------------------------------------------------------


def issues(trial: Trial) -> Iterator[str]:
    """What the system, or the experiment, failed to do."""
    for span in trial.judgements:
        if span.stage == "during" and span.outcome == "broken":
            yield f"{span.probe}: {span.reason}"
    if trial.recovery == "not_recovered":
        yield trial.reason or "the system did not recover in time"
    if trial.cleanup == "left":
        yield "something was left in"
    if trial.verdict in _ITSELF:
        yield f"{_ITSELF[trial.verdict]}: {trial.reason or 'no reason was given'}"


_ITSELF = {
    "failed": "the experiment failed",
    "aborted": "the experiment was aborted",
    "interrupted": "the engine died in it",
    "inconclusive": "nothing could be concluded",
    "no_effect": "nobody felt the fault",
    "steady_state_not_met": "the system was not well before",
}


# --- improvements: what would help --------------------------------------------------------------


def improvements(trial: Trial, usual: float | None) -> Iterator[str]:
    """What would mend the issues, or make the experiment say more; each rule once."""
    for applies, text in _RULES:
        if applies(trial):
            yield text.format(scenario=trial.scenario, target=trial.target)
    slow = trial.time_to_recover
    if slow is not None and usual is not None and slow > max(2 * usual, usual + _SHORT):
        yield f"look at why it recovered in {slow:.1f} s, where {usual:.1f} s is usual"


def _broke(trial: Trial, of: Callable[[Span], bool]) -> bool:
    return any(s.stage == "during" and s.outcome == "broken" and of(s) for s in trial.judgements)


def _breaks_clients(trial: Trial) -> bool:
    return _broke(
        trial, lambda span: (span.measured.get("success") or 0.0) < 1 and "success" in span.measured
    )


def _slows_clients(trial: Trial) -> bool:
    return _broke(trial, lambda span: span.measured.get("success") == 1)


def _silent_alert(trial: Trial) -> bool:
    return _broke(trial, lambda span: span.probe.startswith(_ALERT))


def _not_recovered(trial: Trial) -> bool:
    return trial.recovery == "not_recovered"


def _unwitnessed(trial: Trial) -> bool:
    return trial.injected_at is not None and trial.witness == "unwitnessed"


def _verdict(name: str) -> Callable[[Trial], bool]:
    return lambda trial: trial.verdict == name


_RULES: tuple[tuple[Callable[[Trial], bool], str], ...] = (
    (_breaks_clients, "let {target} answer while {scenario} is in: a retry, a second instance, a fallback"),
    (_slows_clients, "bound how long callers of {target} wait: a timeout, a cache or a circuit breaker"),
    (_silent_alert, "mend the alert: its rule did not see {scenario} on {target}"),
    (_not_recovered, "let {target} recover by itself: a health check that restarts it"),
    (_verdict("inconclusive"), "give the probes data: a longer hold, or a source that answers in time"),
    (_verdict("no_effect"), "make the fault stronger, or the probe look where it hurts"),
    (_verdict("steady_state_not_met"), "mend what broke the steady state, or what it expects too tightly"),
    (_verdict("failed"), "mend the experiment: `chaos-engine doctor` says what it lacks"),
    (_unwitnessed, "add an http probe, which sees whether the fault is felt"),
)  # fmt: skip
