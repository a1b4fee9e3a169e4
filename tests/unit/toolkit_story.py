"""Records of Chaos Toolkit runs, as its process writes them."""

from __future__ import annotations

from typing import Any

from scenarios.toolkit_record import Line, Record

NOW = 1000.0


class Story:
    """Lines, a second apart."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.add("started", pid=7, version="1.44.0", rollback=False)

    def add(self, event: str, **fields: Any) -> Story:
        self.lines.append({"at": NOW + len(self.lines), "event": event, **fields})
        return self

    def hypothesis(self, when: str, **probes: str) -> Story:
        """Probes by name: "met", "out", or "failed"."""
        told = [
            {
                "name": name.replace("_", "-"),
                "status": "failed" if what == "failed" else "succeeded",
                "tolerance_met": what == "met",
                "said": "" if what == "met" else f"{what} indeed",
            }
            for name, what in probes.items()
        ]
        met = all(probe["tolerance_met"] for probe in told)
        return self.add("hypothesis", when=when, met=met, probes=told)

    def method(self, strategy: str = "default") -> Story:
        return self.add("method-started", strategies={"hypothesis": "default", "rollbacks": strategy})

    def activity(self, name: str, section: str = "method", kind: str = "action", **how: Any) -> Story:
        """Begun and ended; `how` is what its end tells."""
        ends = {"status": "succeeded", "duration": 0.1, "said": "", **how}
        provider = "process" if "exit" in how else "http" if "code" in how else "python"
        common = {"section": section, "kind": kind, "name": name, "provider": provider}
        common |= {"index": ends.pop("index")} if "index" in ends else {}
        self.add("activity-started", **common, background=False, dry=how.get("dry", False))
        return self.add("activity-ended", **common, **ends)

    def rolled_back(self, *failed: str) -> Story:
        self.add("rollbacks-started")
        return self.add("rollbacks-ended", failed=list(failed), skipped=False)

    def ended(self, status: str = "completed", *, deviated: bool = False, **more: Any) -> Story:
        code = int(status != "completed" or deviated)
        return self.add("ended", status=status, deviated=deviated, exit_code=code, **more)

    @property
    def record(self) -> Record:
        return Record(tuple(self.lines))


def well() -> Story:
    """All as it should be, up to the end of the method."""
    return Story().hypothesis("before", shop="met").method().activity("stop-az").add("method-ended")
