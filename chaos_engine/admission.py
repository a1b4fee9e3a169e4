"""Lets experiments begin, or refuses them: by the guardrails, after a look at the world if they need one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from chaos_engine import approvals as book
from chaos_engine import guardrails
from chaos_engine.approvals import Approval, Approvals
from chaos_engine.course import Course, Finished
from chaos_engine.guardrails import Asked, Guardrails, Reach, Refusal, Situation
from chaos_engine.life import Phase
from chaos_engine.model import (
    AlarmProbe,
    Experiment,
    Judgement,
    Now,
    Outcome,
    Probe,
    Purpose,
    Question,
    QuietAlerts,
    Recovered,
    Window,
)
from chaos_engine.narration import clock
from chaos_engine.performing import Evaluate
from chaos_engine.ports import Inbox, Workers
from chaos_engine.sight import MissingError, lasting, reach_written
from scenarios.base import Scenario

PATIENCE = 8.0  # seconds for a look; an operator who asks waits 10
BUDGET = 5.0  # of that, for alerts, alarms and probes
UNRECOVERED = "not_recovered"  # a fact of the journal
RULES = {QuietAlerts: "alert_fires", AlarmProbe: "alarm_fires"}
See = Callable[[Experiment, Mapping[str, Scenario]], Reach]


@dataclass(frozen=True, slots=True)
class Wish:
    """An experiment that somebody wants. `origin`: schedule, hand, file; `command`: to be answered."""

    experiment: Experiment
    origin: str
    command: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Scenario and targets, as approvals and the history name them."""
        return self.experiment.label, ", ".join(self.experiment.targets)


@dataclass(frozen=True, slots=True)
class Looked:
    """A message in the inbox: what was seen of the world for a wish."""

    wish: int
    reach: Reach
    missing: str = ""
    judgements: tuple[Judgement, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a wish: it may begin with this reach, or is refused."""

    wish: Wish
    reach: Reach
    refusal: Refusal | None = None


@dataclass(slots=True)
class Admission:
    """`see`: looks at targets, None: nobody does. Verdicts wait in `verdicts` for the engine."""

    course: Course
    evaluate: Evaluate
    workers: Workers
    inbox: Inbox
    see: See | None
    rails: Guardrails
    known: int  # configured targets
    approvals: Approvals = ()
    unrecovered: Mapping[str, str] | None = None  # scenario and target that have not come back
    verdicts: list[Verdict] = field(default_factory=list)
    _wishes: dict[int, tuple[Wish, Now, tuple[Probe, ...]]] = field(default_factory=dict)
    _reaches: dict[str, Reach] = field(default_factory=dict)
    _last: int = 0

    def remember(self) -> None:
        """What an earlier engine has left in the journal."""
        self.approvals = book.of_fact(self.course.journal.get(book.FACT))
        self.unrecovered = self.course.journal.get(UNRECOVERED)

    @property
    def wishes(self) -> list[Wish]:
        """Those that are looked into."""
        return [wish for wish, _, _ in self._wishes.values()]

    def wake_at(self) -> Now | None:
        """When a look has taken too long."""
        return min((due for _, due, _ in self._wishes.values()), default=None, key=lambda due: due.mono)

    # --- asking -------------------------------------------------------------------------------

    def ask(self, wish: Wish, now: Now) -> None:
        """Begin to find out whether it may begin."""
        reach = reach_written(wish.experiment, self.course.performer.scenarios)
        early = guardrails.refusal(replace(self.rails, large=None, radius=guardrails.Radius()),
                                   self._asked(wish, reach), self._situation(now))  # fmt: skip
        questions = self._questions(wish.experiment, now)
        if early is not None or (self.see is None and not questions):
            self._conclude(wish, reach, early or self._refused_by((), ()), now)
            return
        self._last += 1
        self._wishes[self._last] = wish, now.plus(PATIENCE), tuple(q.probe for q in questions)
        self._start(self._last, wish, reach, questions)

    def forbids(self, wish: Wish, now: Now) -> Refusal | None:
        """By what is written alone, at once: nobody looks at the world, and no approval is asked for."""
        reach = reach_written(wish.experiment, self.course.performer.scenarios)
        return guardrails.refusal(self.rails, self._asked(wish, reach), self._situation(now))

    def _start(self, number: int, wish: Wish, reach: Reach, questions: Sequence[Question]) -> None:
        scenarios = self.course.performer.scenarios

        def look() -> None:
            self.inbox.put(self._looked(number, wish, reach, questions, scenarios))

        try:
            self.workers.start(look)
        except RuntimeError as error:  # no thread can be started
            self.inbox.put(Looked(number, reach, f"nobody can look: {error}"))

    def _looked(
        self, number: int, wish: Wish, reach: Reach, questions: Sequence[Question],
        scenarios: Mapping[str, Scenario],
    ) -> Looked:  # fmt: skip
        """Runs beside the engine's thread, and does not raise."""
        try:
            seen = reach if self.see is None else self.see(wish.experiment, scenarios)
            judgements = self.evaluate(questions, BUDGET) if questions else ()
        except MissingError as error:
            return Looked(number, reach, str(error))
        except Exception as error:  # noqa: BLE001 - what cannot be looked at is not there
            return Looked(number, reach, f"nobody can look: {type(error).__name__}: {error}")
        return Looked(number, seen, judgements=judgements)

    def looked(self, message: Looked, now: Now) -> None:
        """Take in what was seen."""
        if message.wish not in self._wishes:
            return  # too late: it was refused
        wish, _, probes = self._wishes.pop(message.wish)
        refusal = Refusal("target_missing", message.missing) if message.missing else None
        refusal = refusal or self._refused_by(probes, message.judgements)
        self._conclude(wish, message.reach, refusal, now)

    def time_out(self, now: Now) -> None:
        """Nobody waits for a look for ever."""
        for number, (wish, due, _) in tuple(self._wishes.items()):
            if now.mono >= due.mono:
                del self._wishes[number]
                reach = reach_written(wish.experiment, self.course.performer.scenarios)
                late = Refusal("target_missing", f"no answer within {PATIENCE:g} s")
                self.verdicts.append(Verdict(wish, reach, late))

    def drop(self, rule: str, reason: str) -> None:
        """Refuse whatever is looked into: nothing begins any more."""
        for wish in self.wishes:
            self.verdicts.append(Verdict(wish, Reach(wish.experiment.targets, None), Refusal(rule, reason)))
        self._wishes.clear()

    def _conclude(self, wish: Wish, reach: Reach, refusal: Refusal | None, now: Now) -> None:
        given = book.given(self.approvals, *wish.key, now.wall)
        situation = replace(self._situation(now), approved=given is not None)
        refusal = refusal or guardrails.refusal(self.rails, self._asked(wish, reach), situation)
        if refusal is not None and refusal.rule == "approval":
            refusal = self._wants_approval(wish, refusal, now)
        self.verdicts.append(Verdict(wish, reach, refusal))

    # --- what the rules are asked with ----------------------------------------------------------

    def _asked(self, wish: Wish, reach: Reach) -> Asked:
        found = wish.experiment
        return Asked(
            found.label, reach, lasting(found, self.course.performer.scenarios), bool(found.rollback)
        )

    def _situation(self, now: Now) -> Situation:
        runs = self.course.runs
        open_ = tuple(self._reaches.get(i, Reach(run.experiment.targets, 1)) for i, run in runs.items())
        recovering = tuple(i for i, run in runs.items() if run.phase is Phase.RECOVER)
        return Situation(now.wall, open_, self.known, recovering)

    def _questions(self, experiment: Experiment, now: Now) -> tuple[Question, ...]:
        moment, rails = Window(now.wall, now.wall), self.rails
        probes: list[Probe] = []
        if rails.alerts:
            probes.append(QuietAlerts(rails.alerts, rails.prometheus_url))
        if rails.alarms:
            probes.append(AlarmProbe(rails.alarms, access=rails.access))
        asked = [Question(probe, Purpose.ABORT, moment) for probe in probes]
        if rails.only_after_recovery and self.unrecovered:
            window = Window(now.wall - experiment.lookback, now.wall)
            blackouts = tuple(self.course.blackouts)
            asked += [Question(probe, Purpose.GATE, window, blackouts) for probe in experiment.steady]
        return tuple(asked)

    def _refused_by(self, probes: tuple[Probe, ...], judgements: tuple[Judgement, ...]) -> Refusal | None:
        """No data is never a pass."""
        for probe, found in zip(probes, judgements, strict=True):
            if found.outcome is not Outcome.PASS:
                told = "" if found.outcome is Outcome.BROKEN else "cannot be told: "
                rule = RULES.get(type(probe), "not_recovered")
                return Refusal(rule, f"{found.probe}: {told}{found.reason}")
        if self.rails.only_after_recovery and self.unrecovered:
            if not any(type(probe) not in RULES for probe in probes):
                return Refusal(
                    "not_recovered", f"{self._left()} has not, and no probe can tell; resume lifts it"
                )
            self.forget_unrecovered()
        return None

    def _left(self) -> str:
        left = self.unrecovered or {}
        return f"{left.get('target')} after {left.get('scenario')}"

    # --- approvals ------------------------------------------------------------------------------

    def _wants_approval(self, wish: Wish, refusal: Refusal, now: Now) -> Refusal:
        expires = now.wall + self.rails.approve_within
        wanted = Approval("", *wish.key, refusal.reason, now.wall, expires, origin=wish.origin)
        before = self.approvals
        self.approvals, one = book.ask(book.expired(before, now.wall), wanted)
        if self.approvals != before:
            self._keep(one, now)
        told = f"chaos-engine approve {one.id}, until {clock(one.expires_at)}"
        return Refusal(refusal.rule, f"{refusal.reason}: {told}")

    def approve(self, id_: str, who: str, why: str, now: Now) -> Approval:
        """ValueError: there is nothing to approve under that id."""
        self.approvals, one = book.approve(self.approvals, id_, who, why, now.wall)
        self._keep(one, now)
        return one

    def expire(self, now: Now) -> None:
        """Mark those whose time is over."""
        if any(each.open and now.wall >= each.expires_at for each in self.approvals):
            over = [each for each in self.approvals if each.open and now.wall >= each.expires_at]
            self.approvals = book.expired(self.approvals, now.wall)
            for each in over:
                self._keep(replace(each, state="expired"), now)

    def _keep(self, one: Approval, now: Now) -> None:
        journal, fact = self.course.journal, book.as_fact(self.approvals)
        said = {"id": one.id, "scenario": one.scenario, "target": one.target, "state": one.state}
        self.course.record(lambda: journal.put(book.FACT, fact))
        self.course.record(lambda: journal.note(now.wall, "approval", who=one.who, why=one.because, **said))
        self.course.narrator.approval(one.why, one.who, said)

    # --- what has begun, and ended ----------------------------------------------------------------

    def began(self, id_: str, verdict: Verdict, now: Now) -> None:
        """It counts from now on; an approval is used up by it."""
        self._reaches[id_] = verdict.reach
        given = book.given(self.approvals, *verdict.wish.key, now.wall)
        if given is not None:
            self.approvals = book.used(self.approvals, given)
            self._keep(replace(given, state="used"), now)

    def ended(self, finished: Finished) -> None:
        """Whether the system has come back is remembered, also over a restart."""
        self._reaches.pop(finished.id, None)
        if finished.result.recovery is Recovered.NOT_RECOVERED:
            left = {"scenario": finished.experiment.label, "target": ", ".join(finished.experiment.targets)}
            self.unrecovered = left
            self.course.record(lambda: self.course.journal.put(UNRECOVERED, left))
        elif finished.result.recovery is Recovered.RECOVERED:
            self.forget_unrecovered()

    def forget_unrecovered(self) -> None:
        """It has come back, or an operator says so."""
        if self.unrecovered:
            self.unrecovered = None
            self.course.record(lambda: self.course.journal.put(UNRECOVERED, None))
