"""The command `rehearsal` as a process: what it says, how it ends, what stays moto's."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.integration.engine_process import ROOT, until
from tests.integration.rehearsal_fis.rehearsal_server import COMMAND, Aws, hurt, post, serving, wait
from tests.unit.fis_templates import TEMPLATE


def asked(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once_in_the_middle_of_an_experiment(number: signal.Signals) -> None:
    with serving() as (process, url):
        aws = Aws(url, "eu-north-1", "shop")
        aws.at(aws.run({"wait": wait("PT1H")}), "running")
        process.send_signal(number)
        began = time.monotonic()
        said, complained = process.communicate(timeout=10)
        assert process.returncode == 0
        assert time.monotonic() - began < 2
        assert (said, complained) == ("", "")


def test_a_taken_port_is_bad_input() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = asked("--port", str(port))
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr == f"chaos-engine: cannot listen on 127.0.0.1 port {port}: Address already in use\n"


def test_a_host_that_is_not_ours_is_bad_input() -> None:
    ended = asked("--port", "0", "--host", "192.0.2.1")
    assert ended.returncode == 2
    assert ended.stderr.startswith("chaos-engine: cannot listen on 192.0.2.1 port 0: ")
    assert "Traceback" not in ended.stderr


def test_without_moto_it_says_which_extra_is_missing(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['moto'] = None\n")
    ended = asked("--port", "0", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert ended.returncode == 2
    assert ended.stderr == "chaos-engine: the rehearsal needs moto: install chaos-engine[rehearsal]\n"


LOADED = """
import sys, engine, chaos_engine.cli, chaos_engine.console.run
print([name for name in sys.modules if name.partition(".")[0] in ("moto", "boto3", "botocore", "flask")])
"""


def test_the_daemon_loads_nothing_of_it() -> None:
    said = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "[]"


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return bytes(answer.read())


def test_what_clients_do_not_see_and_what_moto_has() -> None:
    with serving() as (_, url):
        assert post(f"{url}/experimentTemplates", TEMPLATE)[0] == 200
        for body, said in (
            ({**TEMPLATE, "colour": "red"}, "colour: the rehearsal does not know this key"),
            ({**TEMPLATE, "actions": {"wait": {"startafter": []}}}, "actions.wait.startafter: the rehearsal"),
            ({**TEMPLATE, "targets": []}, "targets: []"),
        ):
            status, answer = post(f"{url}/experimentTemplates", body)
            assert (status, answer["__type"]) == (400, "ValidationException")
            assert said in answer["message"]
        assert b"Moto" in get(f"{url}/moto-api/")
        aws = Aws(url, "eu-north-1", "shop")
        some = aws.instances(1)
        run = aws.run({"stop": hurt("stop", startInstancesAfterDuration="PT1H")})
        aws.at(run, "running", "stop")
        assert aws.states(some) == ["stopped"]
        assert post(f"{url}/moto-api/reset", {})[0] == 200
        assert aws.fis.list_experiments()["experiments"] == []
        # Time goes on after it.
        again = aws.run({"wait": wait("PT1S")})
        until(lambda: aws.experiment(again)["state"]["status"] == "completed")
