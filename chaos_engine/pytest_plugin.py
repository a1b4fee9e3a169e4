"""pytest: files named `*.chaos.yml` are tests, and tests may have a fixture `chaos` that injects faults.

The engine is a process of its own (`embedded`): this module imports nothing that a project could have too.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest

from chaos_engine.embedded import ChaosError, Embedded, Injection, Outcome, fault
from chaos_engine.turn import Turn

SUFFIXES = (".chaos.yml", ".chaos.yaml", ".chaos.json")
PLAN = "chaos_plan"  # the user property of a dry run
SHOWN_LOG = 60  # lines of the engine's log under a failed test


def pytest_addoption(parser: pytest.Parser) -> None:
    """Two options."""
    group = parser.getgroup("chaos", "Chaos Engine")
    group.addoption(
        "--chaos-config", metavar="FILE", help="Settings whose targets and scenarios may be named."
    )
    group.addoption(
        "--chaos-dry-run", action="store_true", help="Say what would be injected; inject nothing."
    )


def pytest_configure(config: pytest.Config) -> None:
    """The mark, so that --strict-markers knows it; the engine is started when it is first needed."""
    config.addinivalue_line("markers", "chaos: injects faults; deselect with -m 'not chaos'")
    config.stash[_SESSION] = Session(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Nothing stays in."""
    if (session := config.stash.get(_SESSION, None)) is not None:
        session.close()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Nothing stays in, also where something keeps pytest from its end."""
    session.config.stash[_SESSION].close()


class Session:
    """What the tests of one pytest process share."""

    def __init__(self, config: pytest.Config) -> None:
        base = Path(os.environ.get("CHAOS_DATA_DIR") or config.rootpath / ".chaos").absolute()
        worker = os.environ.get("PYTEST_XDIST_WORKER")
        given, here = config.getoption("--chaos-config"), config.invocation_params.dir
        self.dry = bool(config.getoption("--chaos-dry-run"))
        self.engine = Embedded(
            base / worker if worker else base, config=here / given if given else None, cwd=here, dry=self.dry
        )
        # A fault of one worker would be in the steady state of another.
        self.turn = Turn(base / "turn.lock" if worker and not self.dry else None)

    def close(self) -> None:
        """End the engine: it clears what is in."""
        self.engine.close()

    def run(self, file: Path) -> Outcome:
        """One experiment, alone."""
        with self.turn:
            return self.engine.run(file)


_SESSION = pytest.StashKey[Session]()


# --- files ------------------------------------------------------------------------------------


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """`shop.chaos.yml` is a file with one test."""
    if not file_path.name.endswith(SUFFIXES):
        return None
    return ExperimentFile.from_parent(parent, path=file_path)


class ExperimentFile(pytest.File):
    """A file with one experiment. It is read when its test runs: what is wrong with it fails that test."""

    def collect(self) -> Iterable[pytest.Item]:
        """The one test."""
        yield ExperimentItem.from_parent(self, name=self.path.name.partition(".")[0])


class ExperimentItem(pytest.Item):
    """The experiment as a test: it passes where `chaos-engine run` exits with 0."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.add_marker("chaos")

    def runtest(self) -> None:
        """Run it, or say what would be done."""
        session = self.config.stash[_SESSION]
        if session.dry:
            plan = session.engine.plan({"file": str(self.path)})
            self.user_properties.append((PLAN, plan))
            return
        outcome = session.run(self.path)
        self.user_properties += [(f"chaos_{name}", value) for name, value in outcome.properties.items()]
        if not outcome.passed:
            raise ExperimentFailedError(outcome)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The evidence, instead of a traceback through this plugin."""
        if isinstance(excinfo.value, (ExperimentFailedError, ChaosError)):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where it stands."""
        return self.path, None, f"chaos: {self.path.name}"


class ExperimentFailedError(Exception):
    """It was not supported, or could not be judged."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(f"{outcome.word}: {outcome.reason}\n\n{outcome.text}")


# --- the fixture ------------------------------------------------------------------------------


class Chaos:
    """What the fixture gives a test. Whatever it put in is out when the test is over."""

    def __init__(self, session: Session, folder: Path) -> None:
        self._session, self._folder = session, folder
        self._blocks: list[_Block] = []

    def inject(
        self,
        scenario: str,
        *,
        target: str | None = None,
        state_file: str | os.PathLike[str] | None = None,
        hold: str | float = "60s",
        **parameters: Any,
    ) -> AbstractContextManager[Injection]:
        """`with chaos.inject("slowdown", target="shop", delay=2): …`: the fault is in while the block runs.

        For `hold` at most, which bounds it whatever happens to this process. ChaosError: it could not be
        injected, it ended before the block did, or it could not be cleared.
        """
        if self._session.dry:
            plan = self._session.engine.plan(fault(scenario, target, state_file, hold, parameters))
            pytest.skip(f"dry run\n{plan}")
        return self._block(
            self._session.engine.inject(
                scenario, target=target, state_file=state_file, hold=hold, **parameters
            )
        )

    def run(self, file: str | os.PathLike[str]) -> Outcome:
        """Run the experiment of a file, relative to the test's folder, and return what it showed."""
        path = self._folder / file
        if self._session.dry:
            pytest.skip(f"dry run\n{self._session.engine.plan({'file': str(path)})}")
        return self._session.run(path)

    def close(self) -> None:
        """Take out what the test has left in. ChaosError: a block was never entered, so that nothing was."""
        with ExitStack() as leaving:
            for block in self._blocks:
                leaving.callback(block.close)
        if not all(block.entered for block in self._blocks):
            raise ChaosError("chaos.inject(…) injects nothing by itself; write: with chaos.inject(…):")

    def _block(self, block: AbstractContextManager[Injection]) -> AbstractContextManager[Injection]:
        self._blocks.append(_Block(self._session.turn, block))
        return self._blocks[-1]


class _Block(AbstractContextManager[Injection]):
    """A fault, and this worker's turn. It ends once: with its block, or else with its test."""

    def __init__(self, turn: Turn, block: AbstractContextManager[Injection]) -> None:
        self.entered = False
        self._turn, self._block = turn, block
        self._inside = ExitStack()

    def __enter__(self) -> Injection:
        self.entered = True
        with ExitStack() as entering:
            entering.enter_context(self._turn)
            found = entering.enter_context(self._block)
            self._inside = entering.pop_all()
        return found

    def __exit__(self, *error: Any) -> bool:  # noqa: PYI036 - as ExitStack has it
        return bool(self._inside.__exit__(*error))

    def close(self) -> None:
        """Leave it, if it was not left."""
        self._inside.close()


@pytest.fixture
def chaos(request: pytest.FixtureRequest) -> Iterator[Chaos]:
    """Faults for this test: `with chaos.inject("slowdown", target="shop", delay=2): …`."""
    found = Chaos(request.config.stash[_SESSION], request.path.parent)
    try:
        yield found
    finally:
        found.close()


def pytest_itemcollected(item: pytest.Item) -> None:
    """A test with the fixture has the mark, too."""
    if "chaos" in getattr(item, "fixturenames", ()):
        item.add_marker("chaos")


# --- what is shown ----------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """The engine's log stands under a failed test that had to do with it."""
    report = yield
    log = item.config.stash[_SESSION].engine.log
    if item.get_closest_marker("chaos") and log:
        if report.failed:  # type: ignore[attr-defined]
            lines = "\n".join(list(log)[-SHOWN_LOG:])
            report.sections.append(("chaos-engine log", lines))  # type: ignore[attr-defined]
        if report.when == "teardown":  # type: ignore[attr-defined]
            log.clear()
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What a dry run would have done."""
    plans = [
        text
        for report in terminalreporter.getreports("passed")
        for name, text in getattr(report, "user_properties", ())
        if name == PLAN and report.when == "call"
    ]
    if plans:
        terminalreporter.section("chaos dry run: nothing was injected")
        terminalreporter.write_line("\n".join(map(str, plans)))
