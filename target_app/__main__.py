"""Runs the demo shop: `python -m target_app --port 8000`."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import uvicorn

from target_app.failure_state import FailureStateReader
from target_app.middleware import CRASH_EXIT_CODE


def main() -> None:
    """Serve until SIGTERM, SIGINT or a crash."""
    options = _options()
    # Here the main process knows that it is it; workers inherit it.
    os.environ["CHAOS_MAIN_PID"] = str(os.getpid())
    with _common_metrics(options.workers):
        uvicorn.run(
            "target_app.shop:create_app",
            factory=True,
            host=options.host,
            port=options.port,
            workers=options.workers,
            access_log=False,
            log_level="warning",
        )
    # As pid 1 with workers, uvicorn ends a crash with 0, and `restart: on-failure` would not act.
    if FailureStateReader().state().mode == "crash":
        sys.exit(CRASH_EXIT_CODE)


@contextmanager
def _common_metrics(workers: int) -> Iterator[None]:
    """Let several workers count together; they read the variable when they import prometheus_client."""
    if workers == 1:
        yield
        return
    with TemporaryDirectory(prefix="shop-metrics-", ignore_cleanup_errors=True) as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m target_app", description="The demo shop.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (0.0.0.0 in a container)")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
