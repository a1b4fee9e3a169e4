"""`demo`: a real shop, real traffic, real faults, judged and cleared, on this machine alone."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import click

import engine
from chaos_engine.adapters.child import Child, answers, free_port
from chaos_engine.adapters.state_file import StateFiles
from chaos_engine.config import Settings, load_settings
from chaos_engine.console import history, records
from chaos_engine.console.live import waiting
from chaos_engine.console.log import log_of_environment
from chaos_engine.console.outcome import NOT_CLEAN
from chaos_engine.console.run import banner, seed_of, workplace
from chaos_engine.course import Finished
from chaos_engine.surroundings import of_this_machine
from chaos_engine.written import ConfigError

START_PATIENCE = 20.0
# Short times, so that it is over within a minute. This seed lets each scenario come up early.
SETTINGS = """
schedule: {{every: 10s, startup_wait: 4s, recovery: 4s, seed: 68}}
targets:
  shop: {{state_file: {state_file}}}
steady_state:
  lookback: 3s
  probes:
    - name: products
      http: {url}/products
      every: 200ms
      expect: {{status: 200, latency: "< 500ms", success: ">= 99%"}}
scenarios:
  crash:                          # it is restarted when it dies: is it back soon?
    weight: 0.3
    hypothesis: {{recovers_within: 5s}}
  slowdown:                       # slower, and still usable?
    weight: 0.4
    delay: 1-2s
    hypothesis:
      probes:
        - name: usable
          http: {url}/products
          every: 200ms
          expect: {{latency: "< 3s", success: ">= 99%"}}
  config_error: {{weight: 0.3}}     # the steady state, while DATABASE_URL is missing? It cannot hold.
"""


def run(port: int) -> int:
    """Until every scenario has come up. Returns the exit code: 0, or 4 where something was left."""
    missing = [
        name for name in ("fastapi", "uvicorn", "sqlalchemy", "prometheus_client") if not find_spec(name)
    ]
    if missing:
        raise ConfigError([f"the demo shop needs {', '.join(missing)}: install chaos-engine[demo]"])
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # so that the shop is ended too, at any point
    with tempfile.TemporaryDirectory(prefix="chaos-demo-") as name:
        return _in_folder(Path(name), port or free_port())


def _in_folder(folder: Path, port: int) -> int:
    url, state_file = f"http://127.0.0.1:{port}", folder / "failure_state.json"
    (folder / "chaos.yml").write_text(SETTINGS.format(url=url, state_file=state_file))
    os.environ["CHAOS_DATA_DIR"] = str(folder / "data")
    settings = load_settings(folder / "chaos.yml", {})
    click.echo(
        f"The demo shop starts at {url}, with traffic; it is started again whenever it dies.\n", err=True
    )
    with _shop(folder, port, url, state_file) as shop:
        code = _experiments(settings, folder / "data")
        left = (StateFiles().read(state_file) or {}).get("mode", "healthy")
        restarts = shop.restarts
    click.echo("")
    with records.journal() as journal:
        history.table(journal.history(100))
    click.echo(
        f"\nThe shop was started again {restarts} times; its failure state is {left}; nothing is left behind."
    )
    click.echo(
        "Next: `docker compose up` judges by Prometheus too; `make install` gives the command chaos-engine."
    )
    return code


def _experiments(settings: Settings, data: Path) -> int:
    log = log_of_environment()
    with workplace(log) as place:
        outside = of_this_machine(place.data, place.journal, log, place.inbox)
        outside.narrator.banner(banner(settings, seed_of(settings), data))
        wanted = {choice.label for choice in settings.rules.choices}
        ended = engine.main(settings, outside, seed_of(settings), enough=lambda done: _all_came(done, wanted))
        return NOT_CLEAN if ended.left else 0


def _all_came(finished: Sequence[Finished], wanted: set[str]) -> bool:
    return wanted <= {one.experiment.label for one in finished if one.result.injected_at is not None}


@contextmanager
def _shop(folder: Path, port: int, url: str, state_file: Path) -> Iterator[Child]:
    environment = {
        "FAILURE_STATE_FILE": str(state_file),
        "DATABASE_URL": f"sqlite:///{folder / 'shop.db'}",
        "SHOP_ACCESS_LOG": "off",
    }
    shop = Child([sys.executable, "-m", "target_app", "--port", str(port)], environment, folder / "shop.log")
    traffic: Child | None = None
    try:
        with waiting("the shop starts"):
            up = answers(f"{url}/health", START_PATIENCE)
        if not up:
            raise ConfigError([f"the demo shop does not answer at {url}: {_last_line(folder / 'shop.log')}"])
        traffic = Child([sys.executable, "-m", "target_app.traffic", url], {}, folder / "traffic.log")
        yield shop
    finally:
        for child in (traffic, shop):
            if child is not None:
                child.stop()


def _last_line(file: Path) -> str:
    return next(iter(reversed(file.read_text().strip().splitlines())), "it printed nothing")
