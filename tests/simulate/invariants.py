"""What must hold at every step, and at the end of every history (the numbers are the design's)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos_engine.life import Phase
from chaos_engine.model import Fault
from tests.simulate.clockwork import VirtualClock
from tests.simulate.memory_journal import MemoryJournal
from tests.simulate.removal import LEASE, POLL, Removers, must
from tests.simulate.truth import Truth
from tests.simulate.twins import Job

GRACE = 1.0  # seconds that a clearing may take
HAIR = 1e-6  # of floating point
FOREVER = 75.0  # seconds after which not even failures excuse a fault
GIVEN_UP = 10.0  # seconds after which the engine takes an injection for failed
STOPS = 2.0


@dataclass(slots=True)
class Presence:
    """A fault that is in a state file."""

    fault: Fault
    path: Path
    since: float  # mono
    limit: float  # when it must be out, but for the grace
    planned: float  # the same as it was when it came
    stray: bool  # it took hold when nobody expected it any more
    watched: bool = False  # a janitor took it over and cleared it a moment ago: it looks for it once more
    orphan: bool = False  # the engine that put it there is dead
    heard: float = 0.0  # when the engine is told of it, where that had given it up


@dataclass(slots=True)
class Watcher:
    """Sees each write to a state file and to the journal."""

    clock: VirtualClock
    journal: MemoryJournal
    truth: Truth
    max_concurrent: int
    min_interval: float
    calm: bool
    job: Callable[[], Job | None]
    removers: Removers
    frozen: list[tuple[float, float]] = field(default_factory=list)  # mono: the engine stood still
    present: dict[str, Presence] = field(default_factory=dict)
    clearings: dict[str, list[float]] = field(default_factory=dict)  # fault -> when one was begun
    injections: dict[str, float] = field(default_factory=dict)  # experiment -> its first fault
    written: dict[str, float] = field(default_factory=dict)  # fault -> when it took hold, wall
    felt: list[tuple[str, str, Job]] = field(default_factory=list)  # experiment, observation
    kept_at: dict[str, float] = field(default_factory=dict)  # experiment -> its last snapshot (mono)
    cleared_from: dict[str, list[float]] = field(default_factory=dict)  # the phase's lines (mono)

    # --- each step ---

    def wrote(self, path: Path, state: Mapping[str, Any]) -> None:
        """A state took hold."""
        self.stepped()
        for presence in [
            p for p in self.present.values() if p.path == path and p.fault.id != state.get("id")
        ]:
            if state["mode"] != "healthy":
                alone = presence.stray or self._stray() or self._expired(presence)
                must(alone, 3, f"{state['id']} is put on {presence.fault.id} in {path}")
            self._gone(presence)
        if state["mode"] != "healthy":
            self._put_in(path, state)

    def stepped(self) -> None:
        """Something was done: does a fault overstay?"""
        now = self.clock.mono
        for presence in self.present.values():
            late = now - presence.limit
            must(
                late <= (GRACE + HAIR if self.calm else FOREVER),
                2,
                f"{presence.fault.id} is {late:.1f} s late",
            )
            self._swept(presence)

    def begins(self, kind: str, fault: Fault | None) -> None:
        """The engine has begun to do something."""
        if kind == "clear" and fault is not None:
            self.clearings.setdefault(fault.id, []).append(self.clock.mono)

    def stands_still(self, until: float) -> None:
        """The engine's process is stopped. It can clear nothing before it goes on; that is all it excuses."""
        self.frozen.append((self.clock.mono, until))
        for presence in self.present.values():
            presence.limit = max(presence.limit, until)

    def died(self) -> None:
        """What is in now is somebody else's to clear."""
        for presence in self.present.values():
            presence.orphan, presence.limit = True, float("inf")
        unfinished = set(self.journal.unfinished())  # what it heard and could not keep, nobody knows
        self.felt = [
            (id_, seen, job) for id_, seen, job in self.felt
            if seen == "felt" or id_ not in unfinished or job.heard.mono < self.kept_at.get(id_, 0.0)
        ]  # fmt: skip
        self.truth.forget(self._being_judged(unfinished))

    def born(self) -> None:
        """A new engine has a moment to clear what it finds.

        Over a restart only the wall clock says when the last injection was: not, if it was set meanwhile.
        """
        if self.removers.jumped > max(self.injections.values(), default=0.0):
            self.injections.clear()
        for presence in self.present.values():
            presence.limit = self.clock.mono

    def resumed(self, fault: Fault, held: Fault | None) -> None:
        """A new engine goes on with a fault that is in: its deadline is what it was."""
        presence = self.present.get(fault.id)
        story = self.journal.stories[fault.experiment]
        last = story.phases[-1][0] if story.phases else ""
        must(
            held is None or last not in ("clear", "recover"),
            2,
            f"{fault.id} is held on, and was being cleared",
        )
        if held is not None and presence is not None:
            presence.orphan, presence.limit = False, max(presence.planned, self.clock.mono)
            self.frozen.append((presence.since, self.clock.mono))  # nobody asked anything in between

    def called_cleared(self, fault: Fault, ours: bool) -> None:
        """The ledger believes that it is out; where it came back in between, somebody undoes that too."""
        presence = self.present.get(fault.id)
        alone = not ours or presence is None or presence.stray
        must(alone, 2, f"{fault.id} is in, and the ledger was told that it is out")

    def jumped(self) -> None:
        """The wall clock was set: a deadline may have been passed by it."""
        self.removers.jumped = self.clock.mono
        now = self.clock.now()
        for presence in [p for p in self.present.values() if not p.orphan]:
            if now.wall >= presence.fault.deadline.wall:
                thaw = self.frozen[-1][1] if self.frozen else 0.0
                presence.limit = min(presence.limit, max(now.mono, thaw, presence.heard))
            elif now.mono - presence.limit < GRACE:  # set forth, and back before anybody could see it
                presence.limit = max(presence.limit, presence.planned)

    # --- within ---

    def _being_judged(self, unfinished: Iterable[str]) -> set[float]:
        """When their faults went in (wall). The line of the clearing is the first that an answer leaves."""
        stories = (self.journal.stories[id_] for id_ in unfinished)
        return {
            story.injected_at for story in stories
            if story.injected_at is not None and Phase.CLEAR not in (phase for phase, _ in story.phases)
        }  # fmt: skip

    def _put_in(self, path: Path, state: Mapping[str, Any]) -> None:
        id_, now = state["id"], self.clock.now()
        entry = self.journal.ledger.get(id_)
        must(entry is not None, 1, f"{id_} is in {path}, and not in the ledger")
        assert entry is not None
        stray, job = self._stray(), self.job()
        late = entry.taken_at is not None and job is not None and self._overtaken(job.begun)
        must(entry.open or late, 1, f"{id_} is in {path}, and the ledger calls it cleared")
        if entry.taken_at is None:
            self.removers.seen_in.add(id_)
        in_time = job is None or not job.acted.reached(entry.fault.deadline)
        must(in_time, 2, f"{id_} is injected after its deadline")
        must(entry.fault.undo.get("state_file") == str(path), 1, f"the ledger does not say how to undo {id_}")
        must(state["expires_at"] == entry.fault.deadline.wall, 2, f"{id_} has another end than in the ledger")
        again = id_ in self.written  # a hold that is gone on with begins nothing: its target was restarted
        alone = not any(p.orphan for p in self.present.values())
        must(stray or late or again or alone, 2, f"{id_} comes before the clearing")
        heard = now.mono + job.behind if job and (stray or late) else 0.0
        limit = planned = now.mono + max(0.0, entry.fault.deadline.mono - now.mono)
        if entry.fault.deadline.wall <= now.wall:  # the clock was set in between, and may be set back
            limit = now.mono
        if late:  # whoever took it over has the duty; its engine is told so, and undoes it at once
            limit = planned = now.mono
        watched = late and now.wall - (entry.cleared_at or 0.0) <= LEASE - 2 * POLL
        limit, planned = max(limit, heard), max(planned, heard)
        self.present[id_] = Presence(
            entry.fault, path, now.mono, limit, planned, stray or late, watched, heard=heard
        )
        self.written.setdefault(id_, now.wall)
        if not (stray or late):
            self._not_too_many(entry.fault.experiment)
            if not again:
                self._not_too_close(entry.fault.experiment)

    def _overtaken(self, begun: float) -> bool:
        """A janitor may have taken the engine for dead since then: it stood still, or the clock was set."""
        return self._stood_still(begun) or self.removers.jumped >= begun

    def _stood_still(self, since: float) -> bool:
        """Whether the engine has, since then."""
        return bool(self.frozen) and self.frozen[-1][1] > since

    def _swept(self, presence: Presence) -> None:
        """With a janitor about, a fault goes out whatever becomes of its engine."""
        fault, removers = presence.fault, self.removers
        if self.journal.ledger[fault.id].open:
            late = removers.overstays(fault)
            must(late <= 0, 2, f"{fault.id} is in, and a janitor lets it be: {late:.1f} s too long")
        elif presence.watched and removers.jumped < presence.since:
            back = removers.back_for(presence.since)
            must(back <= POLL + HAIR, 2, f"{fault.id} came back, and no janitor sees it for {back:.1f} s")

    def _not_too_many(self, experiment: str) -> None:
        inside = {p.fault.experiment for p in self.present.values() if not (p.stray or self._expired(p))}
        must(len(inside) <= self.max_concurrent, 3, f"{sorted(inside)} are in at once")

    def _not_too_close(self, experiment: str) -> None:
        now = self.clock.mono
        if experiment in self.injections:
            return
        last = max(self.injections.values(), default=None)
        self.injections[experiment] = now
        if last is not None:
            text = f"{experiment} comes {now - last:.2f} s after the last injection"
            must(now - last >= self.min_interval - HAIR, 3, text)

    def _stray(self) -> bool:
        """Whether this takes hold only now, when the engine has long stopped waiting for it."""
        job = self.job()
        if job is None or job.kind not in ("inject", "observe"):
            return False
        cleared = self.clearings.get(job.fault, [])
        return self.clock.mono - job.begun >= GIVEN_UP or any(at <= self.clock.mono for at in cleared)

    def _expired(self, presence: Presence) -> bool:
        return self.clock.now().reached(presence.fault.deadline)

    def _gone(self, presence: Presence) -> None:
        """It was cleared in time, or at least tried in time."""
        del self.present[presence.fault.id]
        now, limit = self.clock.mono, presence.limit + GRACE + HAIR
        tried = [at for at in self.clearings.get(presence.fault.id, ()) if at >= presence.since]
        if now > limit:
            first = min(tried, default=now)
            must(not self.calm and first <= limit, 2, f"{presence.fault.id} was out {now - limit:.1f} s late")
        if self.calm and not presence.orphan:
            self._aborted_in_time(presence)

    def _aborted_in_time(self, presence: Presence) -> None:
        story = self.journal.stories.get(presence.fault.experiment)
        if story is None or not story.experiment.abort_when:
            return
        experiment = story.experiment
        poll, now = experiment.abort_poll, self.clock.mono
        for start, end in self.truth.spells(presence.since, now):
            known = max(start, presence.since, *(thaw for _, thaw in self.frozen if thaw > start))
            if end >= known + poll + GRACE:  # it lasted long enough for a poll to see it
                late = now - known - poll - GRACE
                must(
                    late <= HAIR,
                    7,
                    f"{presence.fault.id} stayed {late:.2f} s too long after an abort condition",
                )
