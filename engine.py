"""The daemon: performs what the pure parts decide. `python engine.py` runs it.

One thread owns all state. Whatever takes time runs beside it and reports into the inbox; a wait ends at
once on a report, a signal or an operator's command.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from chaos_engine import duties, overdue, switches
from chaos_engine.admission import Admission, Looked, Wish
from chaos_engine.by_hand import by_hand
from chaos_engine.commands import COMMAND, WHO, WHY, Commands, Handler
from chaos_engine.config import Settings
from chaos_engine.course import BLACKOUT_MEMORY, Course, Finished
from chaos_engine.duties import Duties
from chaos_engine.guardrails import Refusal
from chaos_engine.leftovers import Leftovers
from chaos_engine.life import Stop
from chaos_engine.model import Experiment, Fault, Now, Window
from chaos_engine.performing import DutyDone, Performer, Report
from chaos_engine.ports import SignalReceived
from chaos_engine.ramps import Ramps
from chaos_engine.retention import Retention
from chaos_engine.rollbacks import Rollbacks
from chaos_engine.steering import Steering
from chaos_engine.surroundings import Surroundings
from chaos_engine.switches import Switches
from chaos_engine.timetable import Timetable
from scenarios.registry import merged

TICK = 0.5  # seconds between looks at the operators' commands
BEAT = 1.0  # seconds between signs of life
STOP_PATIENCE = 1.6  # seconds in which a stopping engine clears, where the faults ask for no more


class Engine:
    """The interpreter. It ends on a signal, when it has seen `enough`, or when its queue is done.

    `queue`: experiments that are run as they are, so many `abreast`.
    """

    def __init__(
        self,
        settings: Settings,
        outside: Surroundings,
        seed: int,
        *,
        queue: Sequence[Experiment] = (),
        abreast: int = 1,
        enough: Callable[[Sequence[Finished]], bool] = lambda _: False,
        tick: float = TICK,
    ) -> None:
        self.settings = settings
        self.finished: list[Finished] = []
        self.refused: list[Experiment] = []  # of the queue, by a rule
        self._outside = outside
        self._queue = list(queue)
        self._runs_queue = bool(queue)
        self._abreast = abreast
        self._enough = enough
        self._now = outside.clock.now()
        self._number = outside.journal.last_number()
        self._timetable = Timetable(settings.rules, outside.journal, outside.narrator, seed, self._now)
        self._duties = Duties()
        self._watch: overdue.Watch = ()
        self._steering = Steering.over(outside.journal, outside.change, outside.reload)
        self._stopping: Now | None = None
        self._next_beat = self._now
        performer = Performer(
            settings.scenarios,
            outside.world,
            outside.evaluate,
            outside.journal,
            outside.workers,
            outside.inbox,
        )
        self.course = Course(outside.journal, outside.narrator, performer, seed)
        self.course.min_interval, self.course.keeps = settings.rules.min_interval, settings.resume
        self._admission = Admission(
            self.course, outside.evaluate, outside.workers, outside.inbox, outside.see,
            settings.guardrails, len(settings.targets),
        )  # fmt: skip
        self._ramps, self._rollbacks = Ramps(self.course), Rollbacks(self.course)
        self._ramps.remember()
        self._admission.remember()
        self._rollbacks.remember()
        self._commands = Commands(
            outside.journal, outside.narrator.log, self.course.record, self._handlers(), tick, self._now
        )
        self._retention = Retention(outside.journal, self.course.record, self._now)
        self._remember_faults()

    def _handlers(self) -> dict[str, Handler]:
        """What obeys each kind of command."""
        switches = {kind: partial(self._switch, kind) for kind in ("pause", "resume", "halt")}
        return {
            "inject": self._inject_by_hand, "clear": self._clear_by_hand, "approve": self._approve,
            "settings": self._change_settings, **switches,
        }  # fmt: skip

    def _remember_faults(self) -> None:
        """Of earlier engines: `min_interval` counts over a restart."""
        journal = self._outside.journal
        self.course.blackouts = list(journal.fault_windows(self._now.wall - BLACKOUT_MEMORY))
        ends = [window.end for window in self.course.blackouts]
        ends += [self._now.wall for _ in journal.open_faults()]
        if ends:  # at the latest it was then
            self.course.last_injection = self._now.plus(min(0.0, max(ends) - self._now.wall))

    # --- the loop ---

    def run(self) -> None:
        """Until a signal, or until the queue is done."""
        self.reconcile()
        if not self._runs_queue:
            self._timetable.tell_switches()
        self._outside.http.watch(self.settings.http_probes)
        try:
            while not self.over:
                self.turn()
                self._listen()
        except Exception:
            self._clear_at_once()
            raise

    def _clear_at_once(self) -> None:
        """A defect of our own must not leave anything in either; the ledger knows what this misses."""
        for fault in self.course.open_faults:
            error = self.course.performer.clear_now(fault)
            self._log.error(
                f"Clearing {fault.id} since the engine fails{error and ': ' + error}", kind="crash"
            )

    @property
    def over(self) -> bool:
        """Whether there is nothing left to do."""
        if self._stopping is not None:
            patient = self._now.mono < self._stopping.plus(self._stop_patience).mono
            return not self.course.runs and not (self._duties.open and patient)
        done = self._enough(self.finished) or (self._runs_queue and not self._queue)
        return done and not self.course.runs and not self._admission.wishes

    @property
    def _stop_patience(self) -> float:
        return max(STOP_PATIENCE, *(fault.patience for fault in self.left), 0.0)

    @property
    def stopping(self) -> bool:
        """Whether a signal told it to end."""
        return self._stopping is not None

    @property
    def left(self) -> tuple[Fault, ...]:
        """Faults that are still to be cleared."""
        return tuple(duty.fault for duty in self._duties.open.values())

    def reconcile(self) -> None:
        """Take on every fault that an earlier run left open, before anything else is done."""
        self._look_at_halt_file()
        leftovers = Leftovers(
            self._outside.journal, self.course, self._timetable, self._outside.world, self._now,
            resume=self.settings.resume and not self._runs_queue and not self._timetable.switches.halted,
            containers=self.settings.hurts_containers,
        )  # fmt: skip
        for fault in leftovers.settle(self.settings.targets.values()):
            self._outside.narrator.found(fault)
            self._duties = duties.add(self._duties, fault, self._now)

    def turn(self) -> None:
        """Do everything that is due now."""
        self._now = self._outside.clock.now()
        self._sign_of_life()
        if self._commands.look(self._now):
            self._look_at_halt_file()
        self._clear_duties()
        self._admission.time_out(self._now)
        self._admission.expire(self._now)
        self._settle_wishes()
        self._roll_back()
        self._start_due()
        for finished in self.course.advance(self._now, clearing=bool(self._duties.open)):
            self._ended(finished)
        self._say_overdue()
        self._prune()

    def _prune(self) -> None:
        """What a queue runs on may be another's journal: only the daemon drops what is old."""
        if not self._runs_queue and self._stopping is None:
            idle = not self.course.runs and not self._duties.open
            self._retention.look(self.settings.keep, self._now, idle=idle)

    def _listen(self) -> None:
        message = self._outside.inbox.take(self._patience())
        self._now = self._outside.clock.now()
        while message is not None:
            self._handle(message)
            message = self._outside.inbox.take(0)

    def _patience(self) -> float:
        """Seconds until something is due."""
        if self.over:
            return 0.0
        ends = self._stopping.plus(self._stop_patience) if self._stopping else None
        moments = (
            self.course.wake_at(self._now), duties.wake_at(self._duties), self._next_start(), ends,
            self._commands.next_look, self._next_beat, self._admission.wake_at(),
        )  # fmt: skip
        # Not from the turn's beginning: the process may have stood still in it.
        now = self._outside.clock.now()
        return max(0.0, min(m.mono for m in moments if m is not None) - now.mono)

    def _handle(self, message: object) -> None:
        match message:
            case Report():
                late = self.course.report(message, self._now)
                if late is not None:
                    self._duties = duties.add(self._duties, late, self._now)
            case DutyDone(fault, error):
                self._duty_done(fault, error)
            case Looked():
                self._admission.looked(message, self._now)
                self._settle_wishes()
            case SignalReceived(number) if number == getattr(signal, "SIGHUP", None):
                self._reload()
            case SignalReceived(number):
                self.stop(signal.Signals(number).name)

    def stop(self, why: str) -> None:
        """Clear what is in, and end."""
        if self._stopping is None:
            self._log.info(f"Stopping on {why}", kind="stop", why=why)
            self._stopping = self._now
        self._queue.clear()
        self._admission.drop("stopping", "the engine is stopping")
        self._settle_wishes()
        self.course.stop(Stop("signal", f"stopped by {why}", hurry=True), self._now)

    # --- starting and ending experiments ---

    def _start_due(self) -> None:
        """Nothing new begins while something that was left is still to be cleared."""
        if not self._may_start:
            return
        while self._queue and self._has_room and self._is_free(self._queue[0]):
            self._ask(Wish(self._queue.pop(0), "file"))
        if self._runs_queue:  # a queue is all there is to do: no schedule beside it
            return
        for start in self._timetable.due(self._now, self.course):
            self._ask(Wish(self.settings.experiments[start.label, start.target], "schedule"))
        if not self.course.runs and not self._admission.wishes:
            self._timetable.announce(self._next_start(), self.course)

    @property
    def _has_room(self) -> bool:
        return len(self.course.runs) + len(self._admission.wishes) < self._abreast

    def _ask(self, wish: Wish) -> None:
        ramped = replace(wish, experiment=self._ramps.at_level(wish.experiment))
        self._admission.ask(ramped, self._now)
        self._settle_wishes()

    def _settle_wishes(self) -> None:
        """Begin what may begin; whatever has changed since it was asked for counts."""
        while self._admission.verdicts:
            verdict = self._admission.verdicts.pop(0)
            refusal = self._forbidden(verdict.wish) or verdict.refusal
            if refusal is not None:
                self._refuse(verdict.wish, refusal)
                continue
            id_ = self._begin(verdict.wish.experiment)
            self._admission.began(id_, verdict, self._now)
            if verdict.wish.command is not None:
                self._commands.answer(verdict.wish.command, {"experiment": id_})

    def _forbidden(self, wish: Wish) -> Refusal | None:
        if self._stopping is not None:
            return Refusal("stopping", "the engine is stopping")
        if self._duties.open:
            return Refusal("clearing", "a fault that was left in is still to be cleared")
        return self._timetable.forbids(wish.experiment, wish.origin, self._now)

    def _refuse(self, wish: Wish, refusal: Refusal) -> None:
        if wish.origin == "file":
            self.refused.append(wish.experiment)
        self._timetable.refused(wish.experiment, refusal.rule, refusal.reason, self._now, self.course)
        if wish.command is not None:
            self._commands.answer(wish.command, {"error": refusal.said})

    def _is_free(self, experiment: Experiment) -> bool:
        """Never two faults on one resource, whatever the files call it."""
        return not any(_touched(experiment) & _touched(run.experiment) for run in self.course.runs.values())

    def _begin(self, experiment: Experiment) -> str:
        self._number += 1
        id_ = f"e{self._number}"
        self._timetable.started(id_, experiment, self._now)
        self._rollbacks.began(id_, experiment)
        self.course.begin(id_, experiment, self._now)
        return id_

    def _ended(self, finished: Finished) -> None:
        self.finished.append(finished)
        self._timetable.ended(finished)
        self._admission.ended(finished)
        self._ramps.ended(finished, self._now)
        self._rollbacks.ended(finished, self._now)
        self._roll_back()
        for fault in finished.left:
            self._duties = duties.add(self._duties, fault, self._now)

    def _roll_back(self) -> None:
        """What nothing else undoes; no rule keeps it from being undone."""
        for owed in self._rollbacks.due(self._now) if self._may_start else ():
            found = self.settings.experiments.get((owed.label, owed.target))
            if found is None:
                self._rollbacks.cannot(owed, self._now)
                continue
            title = f"rollback of {owed.experiment}"
            undoing = replace(found, title=title, ungated=True, overlapping_gate=True, urgent=True)
            self._rollbacks.runs(owed, self._begin(undoing))

    def _next_start(self) -> Now | None:
        return self._timetable.next_start() if self._may_start and not self._runs_queue else None

    @property
    def _may_start(self) -> bool:
        return self._stopping is None and not self._duties.open and not self._enough(self.finished)

    # --- duties ---

    def _clear_duties(self) -> None:
        if not self._duties.open:
            return
        self._duties, due = duties.decide(self._duties, self._now)
        for fault in due:
            self.course.performer.clear(fault)

    def _say_overdue(self) -> None:
        self._watch, late = overdue.look(self._watch, (*self.course.open_faults, *self.left), self._now)
        for fault in late:
            self._outside.narrator.overdue(fault, self._now)

    def _duty_done(self, fault: Fault, error: str) -> None:
        if error:
            self._outside.narrator.not_cleared(fault, error)
            self._duties = duties.failed(self._duties, fault, self._now)
            return
        if fault.owner == self._outside.journal.owner:  # not another's, which may have the same number
            self.course.record(lambda: self._outside.journal.cleared(fault, self._now.wall))
        self._outside.narrator.cleared(fault, self._now.wall - fault.armed_at.wall)
        self._duties = duties.done(self._duties, fault)
        self.course.blackouts.append(Window(fault.armed_at.wall, self._now.wall))

    # --- operators ---

    def _clear_by_hand(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"cleared": self.course.stop(Stop("operator", "cleared by hand"), self._now)}

    def _inject_by_hand(self, arguments: Mapping[str, Any]) -> Mapping[str, Any] | None:
        try:
            experiment = by_hand(self.settings, arguments)
        except (KeyError, TypeError, ValueError) as error:  # commands may be written by anybody
            return {"error": str(error.args[0] if error.args else error)}
        wish = Wish(experiment, "hand", arguments[COMMAND])
        refusal = self._forbidden(wish)
        if refusal is not None:
            self._refuse(wish, refusal)
        else:
            self._ask(wish)
        return None

    def _approve(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the schedule asked for begins at once; who asked by hand asks again."""
        id_, who, why = (str(arguments.get(key) or "") for key in ("id", WHO, WHY))
        try:
            one = self._admission.approve(id_, who, why, self._now)
        except ValueError as error:
            return {"error": str(error)}
        experiment = self.settings.experiments.get((one.scenario, one.target))
        if one.origin == "schedule" and experiment is not None:
            self._ask(Wish(experiment, "approval"))
        return {"approval": asdict(one)}

    def _switch(self, kind: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        who, why = (str(arguments.get(key) or "") for key in (WHO, WHY))
        if kind == "resume":
            self._admission.forget_unrecovered()
        return self._take_switches(kind, self._timetable.switches.switched(kind, why), who, why)

    def _look_at_halt_file(self) -> None:
        """Its removal lifts the halt that came from it, and no other."""
        before, text = self._timetable.switches, self._outside.halt_file()
        if text != before.file:
            kind = "resume" if text is None else "halt"
            self._take_switches(kind, before.with_file(text), f"the file {switches.FILE}", text or "")

    def _take_switches(self, kind: str, new: Switches, who: str, why: str) -> Mapping[str, Any]:
        if kind == "halt":
            self.course.stop(Stop("operator", f"halted: {why}" if why else "halted"), self._now)
        self.course.record(lambda: self._outside.journal.note(self._now.wall, kind, who=who, why=why))
        return self._timetable.switch(new, who, self.course)

    def _change_settings(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        settings, outcome = self._steering.obey(arguments, self.settings, self._now.wall)
        if settings is not None:
            self._take_settings(settings)
            self._outside.narrator.changed("settings", "The settings were changed", outcome["changed"])
        return outcome

    def _reload(self) -> None:
        try:
            found = self._steering.reloaded(self.settings, "signal SIGHUP", self._now.wall)
        except Exception as error:  # noqa: BLE001 - a bad file, or a journal that cannot keep what it brings
            self._log.error(f"The new configuration is refused, the old one stays: {error}", kind="reload")
            return
        if found is not None:
            self._take_settings(found[0])
            self._outside.narrator.changed("reload", "The configuration was reloaded", found[1])

    def _take_settings(self, settings: Settings) -> None:
        self.settings = settings
        self._timetable.take_rules(settings.rules, self._now)
        self._admission.rails, self._admission.known = settings.guardrails, len(settings.targets)
        self.course.min_interval, self.course.keeps = settings.rules.min_interval, settings.resume
        # The old ones stay known: a fault of theirs may be in, and must be cleared.
        self.course.performer.scenarios = merged(self.course.performer.scenarios, settings.scenarios)
        if settings.seed is not None:
            self._timetable.seed = self.course.seed = settings.seed
        self._outside.http.watch(settings.http_probes)

    # --- signs of life ---

    def _sign_of_life(self) -> None:
        if self._now.mono >= self._next_beat.mono:
            self._next_beat = self._now.plus(BEAT)
            self._outside.beat(self.course.doing(self._now))

    @property
    def _log(self) -> Any:
        return self._outside.narrator.log


def _touched(experiment: Experiment) -> set[object]:
    return {step.target.state_file or step.target.name for step in experiment.steps}


def main(settings: Settings, outside: Surroundings, seed: int, **ends: Any) -> Engine:
    """Run the daemon (or a `queue`, or until `enough`) to its end; returns the engine with what it found."""
    engine = Engine(settings, outside, seed, **ends)
    engine.run()
    return engine


if __name__ == "__main__":
    from chaos_engine.cli import main as command_line

    command_line(["run"])
