"""What the daemon says: one line an event, to follow and to grep; or JSON with CHAOS_LOG=json."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from chaos_engine import durations
from chaos_engine.effective import said
from chaos_engine.life import Phase, State
from chaos_engine.model import Activity, Experiment, Fault, Now, Ran, Recovered, Result, Verdict, Witness

GOOD = (Verdict.SUPPORTED, Verdict.UNJUDGED)


class Log(Protocol):
    """A structured logger: structlog's, or a list in a test."""

    def debug(self, event: str, **fields: Any) -> Any:
        """Worth counting, and no line."""
        ...

    def info(self, event: str, **fields: Any) -> Any:
        """Something happened as it should."""
        ...

    def warning(self, event: str, **fields: Any) -> Any:
        """Somebody should look at this."""
        ...

    def error(self, event: str, **fields: Any) -> Any:
        """Something is broken."""
        ...


class Narrator:
    """Turns what happens into log lines. The sentence is the event; the fields are for machines."""

    def __init__(self, log: Log) -> None:
        self.log = log

    def banner(self, lines: Mapping[str, str]) -> None:
        """The effective settings."""
        self.log.info("Chaos Engine starts", kind="banner")
        for name, value in lines.items():
            self.log.info(f"  {name:<13} {value}", kind="banner", setting=name, value=value)

    def phase(self, state: State) -> None:
        """An experiment entered a phase."""
        names = _names(state)
        line = {
            Phase.GATE: f"Checking steady state before {names}",
            Phase.JUDGE: f"Judging {names} before it is cleared",
            Phase.CLEAR: f"Clearing {names}: {state.reason}" if state.reason else "",
            Phase.RECOVER: f"Waiting for {_awaited(state)} after {names}",
        }.get(state.phase)
        if line and (state.phase is not Phase.GATE or state.experiment.steady):
            self.log.info(
                line, kind="phase", experiment=state.id, phase=state.phase.value,
                **_under_way(state.experiment),
            )  # fmt: skip

    def resumed(self, state: State) -> None:
        """An experiment of an earlier engine goes on."""
        deadline = f": its fault ends by {clock(state.deadline.wall)}" if state.deadline else ""
        self.log.warning(
            f"Going on with {_names(state)}, which an earlier run began{deadline}",
            kind="resumed", experiment=state.id, phase=state.phase.value, **_under_way(state.experiment),
            faults=[about(step.fault) for step in state.steps if step.must_clear and step.fault is not None],
        )  # fmt: skip

    def injecting(self, fault: Fault, experiment: Experiment) -> None:
        """The scenario is about to act; the intent is on disk."""
        drawn = {k: v for k, v in fault.parameters.items() if v and v not in ("restart", "cleared")}
        details = ", ".join(f"{key} {_plain(key, value)}" for key, value in drawn.items())
        self.log.info(
            f"Injecting {_called(fault.scenario, experiment.label)} into {_hurt(fault)}"
            f"{_length(experiment)}"
            + (f" ({details})" if details else ""),
            kind="inject", hold=experiment.hold, parameters=dict(fault.parameters), **about(fault),
            **_under_way(experiment),
        )  # fmt: skip

    def marked(self, fault: Fault) -> None:
        """The scenario has acted."""
        self.log.info(
            f"Marked injection {fault.id}: ends by {clock(fault.deadline.wall)} whatever happens",
            kind="injected", **about(fault),
        )  # fmt: skip

    def activity(self, fault: Fault, what: Activity) -> None:
        """Something that it has done or met."""
        say = self.log.warning if what.data.get("failed") else self.log.info
        say(f"  {what.text}", kind="activity", at=what.at, what=dict(what.data), **about(fault))

    def cleared(self, fault: Fault, after: float) -> None:
        """The fault is out, and was seen to be out."""
        late = max(0.0, after - (fault.deadline.wall - fault.armed_at.wall))
        self.log.info(
            f"Cleared {fault.scenario.upper()} on {fault.target.name} after {after:.1f} s",
            kind="cleared", seconds=round(after, 3), late=round(late, 3), **about(fault),
        )  # fmt: skip

    def not_cleared(self, fault: Fault, error: str) -> None:
        """It is tried again."""
        self.log.error(
            f"Could not clear {fault.id} ({fault.scenario} on {fault.target.name}): {error}; trying again",
            kind="clear_failed", error=error, **about(fault),
        )  # fmt: skip

    def overdue(self, fault: Fault, now: Now) -> None:
        """It is past its deadline, and still in."""
        late = now.wall - fault.deadline.wall
        self.log.error(
            f"OVERDUE: {fault.scenario} on {fault.target.name} should have been out by"
            f" {clock(fault.deadline.wall)}, and is still being cleared",
            kind="overdue", late=round(late, 3), **about(fault),
        )  # fmt: skip

    def found(self, fault: Fault) -> None:
        """An earlier run left it in."""
        self.log.warning(
            f"Found {fault.scenario} on {fault.target.name} left in by an earlier run: clearing it",
            kind="reconcile", **about(fault),
        )  # fmt: skip

    def verdict(self, state: State, result: Result) -> None:
        """How it ended, and why."""
        say = self.log.info if result.verdict in GOOD else self.log.warning
        say(
            f"Verdict {state.experiment.label} on {', '.join(state.experiment.targets)}: "
            f"{result.verdict.value.upper()}{_because(result)}",
            kind="verdict", experiment=state.id, verdict=result.verdict.value, reason=result.reason,
            scenario=state.experiment.label, **_under_way(state.experiment),
            time_to_recover=result.time_to_recover, witness=result.witness.value, ended_by=result.ended_by,
            recovery=result.recovery.value, cleanup=result.cleanup.value, injected_at=result.injected_at,
            cleared_at=result.cleared_at,
        )  # fmt: skip

    def next_start(self, at: float | None, every: float, why_not: str = "") -> None:
        """When the next injection is due; `every`: seconds from one to the next."""
        line = f"Next injection at {clock(at)}" if at else f"No next injection: {why_not}"
        self.log.info(line, kind="next", at=at, every=every)

    def switched(self, switches: Mapping[str, Any], who: str = "") -> None:
        """Somebody paused, halted or resumed; also said where that was before the engine started."""
        halted, paused = bool(switches.get("halted")), bool(switches.get("paused"))
        by = f" by {who}" if who else ""
        line = f"Halted{by}: nothing is injected" if halted else f"Paused{by}: the schedule stands still"
        line = line if halted or paused else f"Resumed{by}: the schedule goes on"
        reason = str(switches.get("reason") or "")
        self.log.warning(
            line + (f" ({reason})" if reason else ""),
            kind="switches", halted=halted, paused=paused, reason=reason, who=who,
        )  # fmt: skip

    def changed(self, kind: str, what: str, changed: Mapping[str, Mapping[str, Any]]) -> None:
        """Settings, with old and new values."""
        self.log.info(f"{what}: {said(changed)}", kind=kind, changes=changed)

    def skipped(
        self, rule: str, reason: str, experiment: Experiment | None = None, *, quietly: bool = False
    ) -> None:
        """A start that a rule forbade; `experiment`, where it was known already."""
        what, scenario, target = "a start", "", ""
        if experiment is not None:
            what, scenario, target = experiment.title, experiment.label, ", ".join(experiment.targets)
        say = self.log.debug if quietly else self.log.info
        say(
            f"Skipped {what}: {reason} ({rule})",
            kind="skip", rule=rule, reason=reason, scenario=scenario, target=target,
        )  # fmt: skip

    def approval(self, why: str, who: str, said: Mapping[str, Any]) -> None:
        """An approval was asked for, given, used up, or has expired."""
        what = f"{said['scenario']} on {said['target']}"
        line = {
            "asked": f"Approval {said['id']} is needed for {what}: {why}",
            "approved": f"Approval {said['id']} was given{' by ' + who if who else ''}: {what}",
        }.get(said["state"], f"Approval {said['id']} is {said['state']}: {what}")
        self.log.warning(line, kind="approval", who=who, why=why, **said)


def _under_way(experiment: Experiment) -> dict[str, Any]:
    """Which experiment a line is about; `label` is its key in the settings."""
    return {"label": experiment.label, "targets": list(experiment.targets)}


def about(fault: Fault) -> dict[str, Any]:
    """Which fault a line is about; `deadline` is wall time."""
    return {
        "experiment": fault.experiment, "fault": fault.id, "scenario": fault.scenario,
        "target": fault.target.name, "deadline": fault.deadline.wall,
    }  # fmt: skip


def clock(wall: float) -> str:
    """The time of day where the engine runs."""
    return datetime.fromtimestamp(wall, UTC).astimezone().strftime("%H:%M:%S")


def _because(result: Result) -> str:
    parts = [result.reason]
    if result.recovery is Recovered.RECOVERED and result.time_to_recover is not None:
        parts.append(f"recovered {result.time_to_recover:.1f} s after clearing")
    if result.repaired_after is not None:
        parts.append(f"repaired {result.repaired_after:.1f} s after injection")
    judged = result.run is Ran.COMPLETED and result.injected_at is not None
    if result.witness is Witness.UNWITNESSED and judged:
        parts.append("unwitnessed")
    parts += [f"the Chaos Machine: {d['chaos_machine']}" for d in result.details if "chaos_machine" in d]
    parts += [f"the Chaos Toolkit: {strict_of(d)}" for d in result.details if "chaos_toolkit" in d]
    parts += [str(d["left"]) for d in result.details if "left" in d]
    return "".join(f"; {part}" if i else f": {part}" for i, part in enumerate(filter(None, parts)))


def strict_of(details: Mapping[str, Any]) -> str:
    """The Chaos Toolkit's own verdict, as `chaos run` gives it."""
    strict = details["chaos_toolkit"]
    deviated = " and deviated" if strict.get("deviated") else ""
    return f"{strict['status']}{deviated}, exit code {strict['exit_code']}"


def _plain(key: str, value: object) -> str:
    """A plugin's `delay` may be anything."""
    return durations.show(value) if key == "delay" and isinstance(value, (int, float)) else str(value)


def _hurt(fault: Fault) -> str:
    """The target, and the containers of it that were drawn."""
    names = ", ".join(victim["name"] for victim in fault.undo.get("victims", ()))
    return f"{fault.target.name} ({names})" if names else fault.target.name


def _called(scenario: str, label: str) -> str:
    """The scenario, and the key that it stands under where that is another."""
    named = label in (scenario, "") or "+" in label  # several steps have no key of their own
    return scenario.upper() if named else f"{scenario.upper()} ({label})"


def _length(experiment: Experiment) -> str:
    """How long it is held; what ends by itself: how long that is waited for."""
    hold = durations.show(experiment.hold)
    return f" until it ends, {hold} at most" if experiment.runs else f" for {hold}"


def _awaited(state: State) -> str:
    return "the system to be steady again" if state.experiment.recovers else "the last answers"


def _names(state: State) -> str:
    label = state.experiment.label
    steps = [f"{_called(step.scenario, label)} on {step.target.name}" for step in state.experiment.steps]
    return " and ".join(dict.fromkeys(steps))
