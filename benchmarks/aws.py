"""What the daemon takes with AWS loaded: runs of FIS and SSM, judged by CloudWatch, in a rehearsal of AWS."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from benchmarks.table import Row, show

ROOT = Path(__file__).parents[1]
PATIENCE = 180.0  # seconds
PORT = 4598
URL = f"http://127.0.0.1:{PORT}"
SOMEBODY = {
    "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
}  # fmt: skip
SEED = """
- fis.create_experiment_template:
    description: two seconds
    roleArn: arn:aws:iam::123456789012:role/any
    stopConditions: [{source: none}]
    targets: {}
    actions: {wait: {actionId: "aws:fis:wait", parameters: {duration: PT2S}}}
    tags: {_custom_id_: EXTtwoseconds}
- ssm.create_document:
    Name: TwoSeconds
    DocumentType: Automation
    Content: >-
      {"schemaVersion": "0.3", "mainSteps":
      [{"name": "Wait", "action": "aws:sleep", "inputs": {"Duration": "PT2S"}}]}
- cloudwatch.put_metric_alarm:
    {AlarmName: ShopFails, Namespace: Shop, MetricName: Errors, Statistic: Sum, Period: 10, Threshold: 1,
     EvaluationPeriods: 1, ComparisonOperator: GreaterThanThreshold, TreatMissingData: notBreaching}
"""
SETTINGS = f"""
schedule: {{every: 4s, startup_wait: 1s, min_interval: 1s}}
aws: {{region: eu-central-1, endpoint: "{URL}"}}
targets: {{shop: {{aws: true}}}}
hypothesis:
  probes:
    - alarm: ShopFails
      wait: 1s
    - cloudwatch: {{metric: Shop/Errors, stat: Sum, period: 1}}
      wait: 1s
      expect: "< 1"
scenarios:
  fis: {{template: EXTtwoseconds}}
  ssm_automation: {{document: TwoSeconds}}
"""
NAIVE = f"""
import boto3, time
for service in ("fis", "ssm", "cloudwatch"):
    boto3.client(service, region_name="eu-central-1", endpoint_url="{URL}")
time.sleep(600)
"""


def rows() -> list[Row]:
    """About a minute."""
    with tempfile.TemporaryDirectory() as folder, _rehearsal(Path(folder)):
        ours, most = _daemon(Path(folder))
        with _process([sys.executable, "-c", NAIVE], SOMEBODY) as naive:
            time.sleep(5)
            bare = psutil.Process(naive.pid).memory_info().rss / 2**20
    said = "MB; naive: boto3 and its three clients alone"
    return [
        Row("resident memory, FIS, SSM and CloudWatch in use", ours, said, bare, ours / bare),
        Row("the most of it, ever", most, "MB"),
    ]


def _daemon(folder: Path) -> tuple[float, float]:
    """Resident MB once a run of each has a verdict, and the most until then."""
    (folder / "chaos.yml").write_text(SETTINGS)
    where = {"CHAOS_CONFIG": str(folder / "chaos.yml"), "CHAOS_DATA_DIR": str(folder / "data")}
    where["CHAOS_API_LISTEN"] = "off"
    with _process([sys.executable, "-m", "chaos_engine", "run"], {**SOMEBODY, **where}) as daemon:
        _until(lambda: _judged(where) >= {"fis", "ssm_automation"})
        resident = psutil.Process(daemon.pid).memory_info().rss / 2**20
        status = Path(f"/proc/{daemon.pid}/status").read_text()
    most = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return resident, int(most) / 1024


def _judged(where: Mapping[str, str]) -> set[str]:
    """The scenarios of which a run has ended well in AWS."""
    said = subprocess.run(
        [sys.executable, "-m", "chaos_engine", "history", "--json"],
        cwd=ROOT, env={**os.environ, **where}, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    entries: list[dict[str, Any]] = json.loads(said or "[]")
    return {one["scenario"] for one in entries if one["result"] and one["result"]["run"] == "completed"}


@contextmanager
def _rehearsal(folder: Path) -> Iterator[None]:
    (folder / "seed.yml").write_text(SEED)
    seeded = ("rehearsal", "--port", str(PORT), "--seed", str(folder / "seed.yml"))
    with _process([sys.executable, "-m", "chaos_engine", *seeded], {}) as process:
        _until(lambda: any(c.laddr.port == PORT for c in psutil.Process(process.pid).net_connections()))
        yield


@contextmanager
def _process(command: list[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _until(seen: Any) -> None:
    ends = time.monotonic() + PATIENCE
    while not seen():
        if time.monotonic() > ends:
            raise TimeoutError(f"not within {PATIENCE:g} s")
        time.sleep(1)


if __name__ == "__main__":
    show("The daemon with AWS", rows())
