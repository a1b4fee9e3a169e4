"""Pure: what a run of the Chaos Toolkit is up to, and what it has judged.

Beside the toolkit's own verdict stands ours. There, an action that fails, or a gate out of tolerance, still
makes a run `completed`: https://chaostoolkit.org/reference/api/journal/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chaos_engine.model import Activity, Evidence, Judgement, Observation, Outcome, Ran, Seen, Window
from chaos_engine.toolkit_runs import Look
from scenarios.toolkit_record import Line, Record, doubt

MOST_STEPS = 200  # that are kept of one run
DRY = "a dry run ({dry}): what was not done proves nothing"
IDLE = "its method has no action: nothing was hurt, which proves nothing"
UNASKED = "a dry run (probes): nothing was judged"
BEFORE = "its hypothesis was asked before the method alone: nothing was judged"


def seen(look: Look, run: str) -> Seen:
    """What it is up to."""
    record = Record(look.record)
    details = {"run": run, **told(record)}
    if look.alive:
        return Seen(Observation.BLIND, details=details, soon=True)
    ended = record.ended
    if ended is None:
        return Seen(Observation.FAILED, _died(record, look.said), details)
    return _ended(record, ended, details)


def _died(record: Record, said: str) -> str:
    refused = record.last("refused")
    if refused is not None:
        problems = "; ".join(f"{p['path']}: {p['text']}" for p in refused.get("problems", ()))
        return f"the Chaos Toolkit refuses it: {problems}"
    return "the Chaos Toolkit's process ended before its run did" + (f": {said}" if said else "")


def _ended(record: Record, ended: Line, details: Mapping[str, Any]) -> Seen:
    at, gate, status = record.hold_ended, record.gate, str(ended.get("status"))
    if not record.begun and gate is not None and gate.get("met") is False:
        return Seen(Observation.FAILED, _unmet(gate), details, at, ran=Ran.SKIPPED)
    if status == "interrupted":
        why = (record.last("interrupted") or {}).get("why") or "somebody told it to end"
        return Seen(Observation.FAILED, f"it was interrupted: {why}", details, at, ran=Ran.ABORTED)
    if status == "aborted" or not record.begun:
        why = (record.last("interrupted") or {}).get("why")
        reason = "it ran into an unexpected error" + (f": {why}" if why else "")
        return Seen(Observation.FAILED, reason, details, at)
    if doubts := [*record.doubts()]:
        reason = f"the fault is not known to be in: {'; '.join(doubts)}"
        return Seen(Observation.FAILED, reason, details, at, judgements=judgements(record))
    note = _note(record, ended)
    judged = tuple(j for j in judgements(record) if not note or j.outcome is Outcome.BROKEN)
    noted = {**details, "note": note} if note else details
    return Seen(Observation.ENDED, "", noted, at, record.began, judgements=judged)


def _unmet(gate: Line) -> str:
    for probe in gate.get("probes", ()):
        if not probe.get("tolerance_met"):
            why = "failed" if probe.get("status") != "succeeded" else "is out of tolerance"
            return f"probe {probe['name']!r} {why}{_said(probe)}"
    return "its steady state was not met"


def _said(line: Mapping[str, Any]) -> str:
    return f": {line['said']}" if line.get("said") else ""


def _note(record: Record, ended: Line) -> str:
    """Why it proves nothing, however it went; empty: it may."""
    if ended.get("dry") in ("actions", "activities"):
        return DRY.format(dry=ended["dry"])
    if not record.acted:
        return IDLE
    if ended.get("dry") == "probes":
        return UNASKED
    judged = record.all("hypothesis", when="after") or record.all("hypothesis", when="during")
    return BEFORE if record.gate is not None and not judged else ""


# --- its hypothesis ---------------------------------------------------------------------------

_Answer = tuple[float, int, Mapping[str, Any]]  # when, how many times in a row, and a probe's


def judgements(record: Record) -> tuple[Judgement, ...]:
    """One for each probe of the hypothesis that was asked while the fault was in, or after the method."""
    asked: dict[str, list[_Answer]] = {}
    dry = {line["name"] for line in record.all("activity-started", dry=True)}
    for line, times in record.answers():
        for probe in line.get("probes", ()):
            asked.setdefault(probe["name"], []).append((float(line["at"]), times, probe))
    unanswered = (_unanswered(line) for line, _ in record.answers() if line.get("met") is None)
    return (*(_judged(name, found) for name, found in asked.items() if name not in dry), *unanswered)


def _unanswered(line: Line) -> Judgement:
    at = float(line["at"])
    evidence = Evidence("chaos toolkit", Window(at, at))
    return Judgement(
        "hypothesis", Outcome.ERROR, f"asked {line['when']} the method, and not answered", evidence
    )


def _judged(name: str, answers: Sequence[_Answer]) -> Judgement:
    broken = [answer for answer in answers if not answer[2].get("tolerance_met")]
    out = [answer for answer in broken if answer[2].get("status") == "succeeded"]
    window, samples = Window(answers[0][0], answers[-1][0]), _count(answers)
    first = (out or broken)[0] if broken else None
    evidence = Evidence(f"chaos toolkit {name}", window, samples, broke_at=first[0] if first else None)
    if first is None:
        return Judgement(name, Outcome.PASS, f"in tolerance {_times(samples)}", evidence)
    of = f"{_count(out or broken)} of {_times(samples)}" if samples > 1 else ""
    what = "out of tolerance" if out else "failed"
    reason = " ".join(filter(None, (what, of))) + _said(first[2])
    return Judgement(name, Outcome.BROKEN if out else Outcome.ERROR, reason, evidence)


def _count(answers: Sequence[_Answer]) -> int:
    return sum(times for _, times, _ in answers)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


# --- what is told of it -------------------------------------------------------------------------


def told(record: Record) -> dict[str, Any]:
    """Its own verdict, and what its activities came to."""
    ended = record.ended or {}
    kept = ("status", "deviated", "exit_code", "journal", "dry")
    strict = {key: ended[key] for key in kept if ended.get(key) is not None}
    found: dict[str, Any] = {"steps": [*_steps(record)][-MOST_STEPS:]}
    if "status" in strict:
        found |= {"status": strict["status"], "chaos_toolkit": strict}
    return found


def _steps(record: Record) -> Iterator[dict[str, str]]:
    for line in record.all("activity-ended"):
        if line.get("section") in ("method", "rollbacks"):
            wrong = doubt(line)
            reason = wrong.removeprefix("failed").removeprefix(": ")
            yield {"step": _called(line), "status": "failed" if wrong else "succeeded", "reason": reason}


def _called(line: Line) -> str:
    kind = "rollback" if line.get("section") == "rollbacks" else line.get("kind", "")
    return f"{kind} {line.get('name', '')}".strip()


def activities(record: Record) -> Iterator[Activity]:
    """What it has done so far, a sentence each; probes that hold again and again are no news."""
    failing = False
    for line in record.lines:
        at, event, section = float(line.get("at", 0.0)), line.get("event"), line.get("section")
        if section not in (None, "method", "rollbacks"):
            continue
        if event == "activity-started" and line.get("kind") == "action":
            yield Activity(at, f"{_called(line)} begins", _data(line))
        elif event == "activity-ended":
            yield _over(at, line)
        elif event == "hypothesis":
            news = line.get("when") != "during" or (line.get("met") is False and not failing)
            failing = failing or line.get("met") is False
            if news:
                yield _asked(at, line)


def _over(at: float, line: Line) -> Activity:
    wrong = doubt(line)
    said = wrong if wrong and line.get("kind") == "action" else f"{line.get('status')}{_said(line)}"
    failed = bool(wrong) and line.get("kind") == "action"
    return Activity(at, f"{_called(line)}: {said}", {**_data(line), "failed": failed})


def _asked(at: float, line: Line) -> Activity:
    when, met = line.get("when"), line.get("met")
    where = {"before": "before the method", "after": "after the method"}.get(str(when), "during the method")
    unmet = "its hypothesis has no answer" if met is None else f"its hypothesis is not met: {_unmet(line)}"
    held = "its hypothesis is met" if met else unmet
    return Activity(
        at, f"{held} ({where})", {"event": "hypothesis", "when": when, "met": met, "failed": not met}
    )


def _data(line: Line) -> dict[str, Any]:
    return {key: value for key, value in line.items() if key != "at"}
