"""The command line. What a command does is in `console/`, imported only when it is called."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click

from chaos_engine import __version__
from chaos_engine.toolkit_options import given, toolkit_options
from chaos_engine.written import ConfigError

CONFIG = click.option(
    "--config",
    "-c",
    type=click.Path(path_type=Path),
    help="Settings (default: CHAOS_CONFIG, or ./chaos.yml).",
)
VERDICTS = (
    "supported", "unjudged", "not_supported", "inconclusive", "no_effect", "steady_state_not_met", "failed",
    "aborted", "interrupted",
)  # fmt: skip
# Commands that an engine elsewhere can be asked for.
ELSEWHERE = (
    "status", "history", "plan", "inject", "clear", "halt", "pause", "resume", "targets", "settings",
    "approve",
)  # fmt: skip
JSON = click.option("--json", "as_json", is_flag=True, help="Print data for programs.")


class _Group(click.Group):
    """Errors that a user can mend are one line each, and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            _refuse(error.problems)
        except OSError as error:
            _refuse([f"{error.filename}: {error.strerror}" if error.filename else str(error)])
        except _speaking() as error:
            _refuse([str(error)])


class _Command(click.Command):
    """`--help` ends with an example, as it was written. With `--url` it is asked of an engine elsewhere."""

    def invoke(self, ctx: click.Context) -> Any:
        if ctx.find_root().obj is not None and self.name not in ELSEWHERE:
            allowed = f"allowed with --url (or CHAOS_URL): {', '.join(ELSEWHERE)}"
            raise ConfigError([f"{self.name}: works on this machine alone; {allowed}"])
        return super().invoke(ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        if self.epilog:
            formatter.write(f"\nExample:\n  {self.epilog}\n")


def _speaking() -> tuple[type[Exception], ...]:
    """Errors whose text is all there is to say. Looked up only when something went wrong."""
    from chaos_engine.adapters.engine_api import UnreachableError
    from chaos_engine.adapters.folder import HeldError
    from chaos_engine.console.records import NoAnswerError
    from chaos_engine.console.remote import RemoteError
    from chaos_engine.containers import ContainerError
    from chaos_engine.journal import JournalError

    return ContainerError, HeldError, JournalError, NoAnswerError, RemoteError, UnreachableError


def _refuse(problems: Any) -> NoReturn:
    for problem in problems:
        click.echo(f"chaos-engine: {problem}", err=True)
    sys.exit(2)


def _example(text: str) -> dict[str, Any]:
    return {"cls": _Command, "epilog": f"chaos-engine {text}"}


def main(arguments: list[str] | None = None) -> None:
    """The script `chaos-engine`."""
    # Before the heavy imports: as process 1 of a container a signal without a handler is ignored.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave_early)
    cli(arguments)


def _leave_early(number: int, _: object) -> None:
    os._exit(0 if number == signal.SIGTERM else 130)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="chaos-engine")
@click.option("--url", envvar="CHAOS_URL", metavar="URL", help="Of an engine elsewhere (also CHAOS_URL).")
@click.option(
    "--token", metavar="TOKEN", help="What changing it needs (better: CHAOS_API_TOKEN, or its _FILE)."
)
@click.pass_context
def cli(ctx: click.Context, url: str | None, token: str | None) -> None:
    """Weighted faults into running services, judged by their metrics before they are cleared."""
    if url:
        from chaos_engine.console.remote import elsewhere

        ctx.obj = elsewhere(url, token)


@cli.command(**_example("run slow-products.chaos.yml"))
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@CONFIG
@click.option(
    "--set", "changes", multiple=True, metavar="KEY=VALUE", help="Over what FILES say; a.b for b in a."
)
@click.option("--junit", type=click.Path(path_type=Path), help="Write the results there, for a CI server.")
@toolkit_options
def run(
    files: tuple[Path, ...],
    config: Path | None,
    changes: tuple[str, ...],
    junit: Path | None,
    **toolkit: Any,
) -> None:
    """Run the daemon, or one experiment for each of FILES.

    FILES may be ours, inputs of the Chaos Machine, or experiments of the Chaos Toolkit: the options from
    --var on are those of `chaos run`. With FILES the exit code is the verdict.

    Exit codes: 0 supported or unjudged, 1 not supported, 2 bad input, 3 steady state not met,
    4 failed, aborted or something left, 5 inconclusive or no effect.
    """
    options = given(toolkit)
    if options and not files:
        raise ConfigError(
            f"--{key.replace('_', '-')}: allowed with FILES only; entries of `scenarios` say it themselves"
            for key in options
        )
    if junit and not files:
        raise ConfigError(["--junit: allowed with FILES only; a daemon has no end to report"])
    if files:
        from chaos_engine.adapters import toolkit_waiting

        toolkit_waiting.begin(files[0])
        from chaos_engine.console import run_files

        _leave(lambda: run_files.run(files, config, changes, junit, options))
    from chaos_engine.console import run as command

    _leave(lambda: command.daemon(config))


@cli.command(**_example("plan --days 7 --seed 42"))
@CONFIG
@click.option("--days", type=float, help="How far ahead.")
@click.option("--count", type=click.IntRange(min=1), help="How many injections (default 20).")
@click.option("--seed", type=int, help="The randomness (default: the configured one, or a new one).")
@click.option("--objective", metavar="PERCENT", help="Whose error budget is reckoned with (default 99.9%).")
@JSON
def plan(
    config: Path | None,
    days: float | None,
    count: int | None,
    seed: int | None,
    objective: str | None,
    as_json: bool,
) -> None:
    """Show what would be injected, and when. Looks at nothing but the configuration."""
    from chaos_engine.console import plan as command

    command.show(config, days, count, seed, objective=objective, as_json=as_json)


@cli.command(**_example("inject slowdown --target target-app --for 30s"))
@click.argument("scenario")
@click.option("--target", required=True, help="One of the configured targets.")
@click.option(
    "--for", "hold", metavar="DURATION", help="How long it is held (default: the configured recovery)."
)
@click.option("--now", is_flag=True, help="Do not check the steady state first.")
@CONFIG
@JSON
def inject(
    scenario: str, target: str, hold: str | None, now: bool, config: Path | None, as_json: bool
) -> None:
    """Inject one fault now. Through the running daemon, or without one; Ctrl-C clears it."""
    from chaos_engine.console import operate as command

    _leave(lambda: command.inject(config, scenario, target, hold, now=now, as_json=as_json))


@cli.command(**_example("clear --all"))
@click.option(
    "--all", "everything", is_flag=True, help="Also what is in the state files without a journal entry."
)
@CONFIG
@JSON
def clear(everything: bool, config: Path | None, as_json: bool) -> None:
    """Clear every fault that is in, with or without a running daemon."""
    from chaos_engine.console import clearing as command

    _leave(lambda: command.clear(config, everything=everything, as_json=as_json))


@cli.command(**_example("janitor --config chaos.yml"))
@CONFIG
def janitor(config: Path | None) -> None:
    """Clear overdue faults whose engine is gone. A second process on the same data folder."""
    from chaos_engine.console import janitor as command

    _leave(lambda: command.run(config))


def _switch(kind: str, text: str) -> Callable[..., None]:
    @cli.command(kind, help=text, **_example(f'{kind} --reason "release in progress"'))
    @click.option("--reason", default="", help="Kept in the journal.")
    def command(reason: str) -> None:
        from chaos_engine.console import operate

        _leave(lambda: operate.switch(kind, reason))

    return command


pause = _switch("pause", "Start nothing on the schedule until resumed.")
halt = _switch("halt", "Clear what is in, and inject nothing at all until resumed.")
resume = _switch("resume", "Lift pause and halt.")


@cli.command(**_example("status --json"))
@JSON
def status(as_json: bool) -> None:
    """Show what runs, what is in, how the weights came out."""
    from chaos_engine.console import status as command

    _leave(lambda: command.show(as_json=as_json))


@cli.command(**_example("history --verdict not_supported --since 7d"))
@click.argument("experiment", required=False)
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many, newest first."
)
@click.option("--scenario", default="", help="Only this scenario.")
@click.option("--target", default="", help="Only this target.")
@click.option("--verdict", type=click.Choice(VERDICTS), help="Only this verdict.")
@click.option("--since", metavar="MOMENT", help="How long ago (30d), or a date: begun then or later.")
@click.option("--until", metavar="MOMENT", help="Begun before then.")
@click.option("--before", metavar="ID", help="Only what began before this one: the next page.")
@click.option("--csv", "as_csv", is_flag=True, help="A table for programs.")
@JSON
def history(as_csv: bool, as_json: bool, **asked: Any) -> None:
    """Show past experiments; with an id the evidence of that one."""
    from chaos_engine.console import history as command

    if as_csv and as_json:
        raise click.UsageError("--json or --csv, not both")
    form: command.Form = "csv" if as_csv else "json" if as_json else "text"
    command.show(command.Asked(**{**asked, "verdict": asked["verdict"] or ""}), form)


@cli.command(**_example("validate chaos.yml slow-products.chaos.yml"))
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@JSON
def validate(files: tuple[Path, ...], as_json: bool) -> None:
    """Check files without looking at the world. Settings, or files with one experiment."""
    from chaos_engine.console import validate as command

    _leave(lambda: command.check(files, as_json=as_json))


@cli.command(**_example("doctor --config chaos.yml"))
@CONFIG
@click.option(
    "--send-test-notice", "send", is_flag=True, help="To everybody under notify; else none is sent."
)
@JSON
def doctor(config: Path | None, send: bool, as_json: bool) -> None:
    """Check that everything is there that this configuration needs."""
    from chaos_engine.console import doctor as command

    _leave(lambda: command.check(config, as_json=as_json, send=send))


@cli.command(**_example("catalogue lambda concurrency"))
@click.argument("words", nargs=-1)
@CONFIG
@JSON
def catalogue(words: tuple[str, ...], config: Path | None, as_json: bool) -> None:
    """List scenarios, probes, and what Chaos Toolkit extensions bring. All WORDS must be found in an entry.

    Of one that WORDS name, all is told: what it takes, what it needs, how it is undone.
    """
    from chaos_engine.console import catalogue as command

    _leave(lambda: command.show(config, words, as_json=as_json))


@cli.command(**_example("targets --config chaos.yml"))
@CONFIG
@JSON
def targets(config: Path | None, as_json: bool) -> None:
    """List the containers of each target, and why each other container is none."""
    from chaos_engine.console import targets as command

    _leave(lambda: command.show(config, as_json=as_json))


@cli.command(**_example("init docker-compose.yml"))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--output-dir", type=click.Path(path_type=Path, file_okay=False), help="Default: beside FILE.")
@click.option("--force", is_flag=True, help="Write over what is there.")
def init(file: Path, output_dir: Path | None, force: bool) -> None:
    """Propose a chaos.yml: for a Compose file, with an override that adds the engine; or for a flagd file."""
    from chaos_engine.console import init as command

    _leave(lambda: command.run(file, output_dir, force=force))


@cli.command("docker-proxy", **_example("docker-proxy --listen 0.0.0.0:2375 --service shop"))
@click.option("--listen", default="127.0.0.1:2375", show_default=True, help="HOST:PORT, or a Unix socket.")
@click.option(
    "--socket",
    type=click.Path(path_type=Path),
    default="/var/run/docker.sock",
    show_default=True,
    help="Of the Docker Engine.",
)
@click.option(
    "--container", "containers", multiple=True, metavar="NAME", help="May be hurt, as labelled ones may."
)
@click.option("--service", "services", multiple=True, metavar="[PROJECT/]SERVICE", help="May be hurt.")
@click.option("--network", "networks", multiple=True, metavar="NAME", help="May be joined by targets.")
@click.option("--image", default="", help="Of helpers (default: the one that this runs from).")
def docker_proxy(
    listen: str,
    socket: Path,
    containers: tuple[str, ...],
    services: tuple[str, ...],
    networks: tuple[str, ...],
    image: str,
) -> None:
    """Let through to the Docker Engine what scenarios ask of it, for containers that opted in."""
    from chaos_engine.console import docker_proxy as command

    lists = {"containers": containers, "services": services, "networks": networks}
    allowed = {key: (*given, *command.listed(f"CHAOS_PROXY_{key.upper()}")) for key, given in lists.items()}
    image = image or os.environ.get("CHAOS_HELPER_IMAGE", "")
    _leave(lambda: command.run(command.Order(listen, socket, **allowed, image=image)))


@cli.command(**_example("demo"))
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Of the demo shop (default: a free one)."
)
def demo(port: int) -> None:
    """Hurt a demo shop in each way, and leave nothing behind."""
    from chaos_engine.console import demo as command

    _leave(lambda: command.run(port))


@cli.command(**_example("rehearsal --port 4599"))
@click.option("--port", type=click.IntRange(0, 65535), default=4599, show_default=True, help="0: a free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--seed", type=click.Path(path_type=Path), help="A file of API calls that are made first.")
@click.option("--scrape", metavar="URL", help="Prometheus metrics that become CloudWatch's.")
@click.option("--every", default="5s", show_default=True, help="How often they are scraped.")
@click.option("--namespace", default="Shop", show_default=True, help="Theirs, in CloudWatch.")
@click.option("--region", default="eu-central-1", show_default=True, help="Of what is seeded and scraped.")
def rehearsal(
    port: int, host: str, seed: Path | None, scrape: str | None, every: str, namespace: str, region: str
) -> None:
    """Serve AWS on this machine, for trying FIS, SSM and CloudWatch without an account."""
    from chaos_engine.console import rehearsal as command

    _leave(lambda: command.run(host, port, command.Play(region, seed, scrape, every, namespace)))


@cli.command(**_example("report --since 30d --output report.html"))
@click.option("--since", default="30d", show_default=True, metavar="MOMENT", help="How long ago, or a date.")
@click.option("--until", metavar="MOMENT", help="The end of the period (default: now).")
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="A file to write.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["html", "markdown", "json"]),
    help="Default: as --output ends; html.",
)
@click.option("--timezone", "zone", default="UTC", show_default=True, help="Of its dates and hours.")
@click.option(
    "--experiments", "shown", type=click.IntRange(min=0), default=100, show_default=True,
    help="How many are told one by one.",
)  # fmt: skip
def report(
    since: str, until: str | None, output: Path | None, form: str | None, zone: str, shown: int
) -> None:
    """Report on a period: rates, recoveries, causes, trends and recommendations, in one file."""
    from chaos_engine.console import report as command

    by_name = {".md": "markdown", ".json": "json"}.get(output.suffix if output else "", "html")
    command.show(since, until, output, form or by_name, zone, shown)


@cli.command(**_example('note e7 "the shop needs a second instance" --kind improvement'))
@click.argument("experiment")
@click.argument("text")
@click.option(
    "--kind",
    type=click.Choice(["observation", "issue", "improvement"]),
    default="observation",
    show_default=True,
)
def note(experiment: str, text: str, kind: str) -> None:
    """Add to what an experiment showed; `report` and `history ID` tell it."""
    from chaos_engine.console import report as command

    command.note(experiment, text, kind)


@cli.command(hidden=True)
@CONFIG
@click.option("--dry-run", is_flag=True)
def host(config: Path | None, dry_run: bool) -> None:
    """Serve another program, by lines on stdin and stdout (see chaos_engine/embedded.py)."""
    from chaos_engine.console import host as command

    _leave(lambda: command.run(config, dry=dry_run))


@cli.command(**_example("export journal.jsonl.gz"))
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
def export(file: Path | None) -> None:
    """Write the journal as lines of JSON, also while an engine runs (default: to the standard output)."""
    from chaos_engine.console import archive as command

    command.export(file)


@cli.command("import", **_example("import journal.jsonl.gz"))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--renumber", is_flag=True, help="New numbers for its experiments, after the highest here.")
def import_(file: Path, renumber: bool) -> None:
    """Take an exported journal into this one: all of it, or nothing. Open faults are told, and left out."""
    from chaos_engine.console import archive as command

    command.take_in(file, renumber=renumber)


@cli.command(**_example("settings schedule.every=60s scenarios.crash.weight=0.5 --why 'a busy day'"))
@click.argument("changes", nargs=-1, metavar="[SETTING=VALUE]...")
@click.option("--why", default="", help="Kept in the journal.")
@click.option("--reset", "all_", is_flag=True, help="Go back to what the file and the environment say.")
@click.option("--reset-one", "reset", multiple=True, metavar="SETTING", help="The same for one setting.")
@CONFIG
@JSON
def settings(
    changes: tuple[str, ...], why: str, all_: bool, reset: tuple[str, ...], config: Path | None, as_json: bool
) -> None:
    """Show the schedule and the weights that hold; or change some, also while the daemon runs."""
    from chaos_engine.console import settings as command

    _leave(lambda: command.run(config, changes, why, reset, all_=all_, as_json=as_json))


@cli.command(**_example("approve a3 --why 'agreed in the change meeting'"))
@click.argument("approval", metavar="ID")
@click.option("--why", default="", help="Kept in the journal.")
def approve(approval: str, why: str) -> None:
    """Let an experiment begin that needs an approval; `status` and the log have its ID."""
    from chaos_engine.console import approve as command

    _leave(lambda: command.run(approval, why))


def _leave(work: Callable[[], int]) -> NoReturn:
    """Exit at once when the work is done: tearing the interpreter down takes seconds at 0.1 CPU."""
    code = work()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
