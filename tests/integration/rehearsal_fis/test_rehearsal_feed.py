"""`rehearsal --scrape` and `--seed`: metrics in CloudWatch, and things whose names are known beforehand."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.integration.engine_process import ROOT, until
from tests.integration.rehearsal_fis.rehearsal_server import Aws, serving
from tests.integration.rehearsal_fis.test_rehearsal_server import asked

REGION = "eu-central-1"
SEED = ROOT / "examples" / "compose-aws" / "seed.yml"
STEP = 10  # what is counted from scrape to scrape


class Shop(BaseHTTPRequestHandler):
    looks = itertools.count()
    failures = 2  # so often it answers 503 first

    def do_GET(self) -> None:
        look = next(Shop.looks)
        self.send_response(503 if look < Shop.failures else 200)
        self.end_headers()
        text = f'# TYPE asked_total counter\nasked_total{{status="200"}} {look * STEP}\n'
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing."""


@pytest.fixture
def shop() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Shop) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/metrics"
        finally:
            server.shutdown()
            thread.join()


def values(aws: Aws, period: int) -> list[float]:
    metric = {
        "Namespace": "Mine",
        "MetricName": "asked_total",
        "Dimensions": [{"Name": "status", "Value": "200"}],
    }
    query = {"Id": "m1", "MetricStat": {"Metric": metric, "Period": period, "Stat": "Sum"}}
    now = time.time()
    found = aws.client("cloudwatch").get_metric_data(
        MetricDataQueries=[query], StartTime=now - 120, EndTime=now + 60
    )
    return list(found["MetricDataResults"][0]["Values"])


def test_what_is_scraped_is_answered_by_the_second(shop: str) -> None:
    with serving("--scrape", shop, "--every", "1s", "--namespace", "Mine", "--region", REGION) as (
        process,
        url,
    ):
        aws = Aws(url, REGION, "")
        until(lambda: len(values(aws, 1)) >= 3, 30, "three scrapes")
        assert set(values(aws, 1)) <= {float(STEP), 2.0 * STEP}  # a busy machine may be a scrape late
        process.kill()
        complained = process.communicate()[1]
    assert complained.count("answers 503; tried again every 1 s") == 1
    assert complained.count("scraped again") == 1


def test_what_is_seeded_has_the_names_that_the_settings_use() -> None:
    with serving("--seed", str(SEED), "--region", REGION) as (_, url):
        aws = Aws(url, REGION, "")
        template = aws.fis.get_experiment_template(id="EXTstoponeinstance")["experimentTemplate"]
        assert template["arn"].endswith("experiment-template/EXTstoponeinstance")
        assert template["tags"]["Name"] == "stop-one"
        run = aws.start("EXTstoponeinstance")
        aws.at(run, "running", "stop")
        tagged = {"Name": "tag:Name", "Values": ["shop"]}
        described = aws.ec2.describe_instances(Filters=[tagged])["Reservations"]
        states = sorted(one["State"]["Name"] for each in described for one in each["Instances"])
        assert states == ["running", "stopped"]
        document = aws.client("ssm").describe_document(Name="StopForAWhile")["Document"]
        assert document["DocumentType"] == "Automation"


def test_a_chosen_id_is_given_once_and_a_token_gives_the_same_template(aws: Aws) -> None:
    tags = {"_custom_id_": f"EXT{aws.tag}"}
    actions = {"wait": {"actionId": "aws:fis:wait", "parameters": {"duration": "PT1S"}}}
    first = aws.template(actions, tags=tags, clientToken=f"one-{aws.tag}")
    assert first == f"EXT{aws.tag}"
    assert aws.template(actions, tags=tags, clientToken=f"one-{aws.tag}") == first
    with pytest.raises(aws.fis.exceptions.ConflictException):
        aws.template(actions, tags=tags, clientToken=f"two-{aws.tag}")
    ids = [one["id"] for one in aws.fis.list_experiment_templates()["experimentTemplates"]]
    assert ids.count(first) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--scrape", "ftp://shop/metrics"), "allowed: http://host:port/path"),
        (("--scrape", "http://shop/metrics", "--every", "10ms"), "allowed: 1 s and more"),
        (("--seed", "nothing.yml"), "nothing.yml"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_served(arguments: tuple[str, ...], said: str) -> None:
    done = asked("--port", "0", *arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_call_that_is_refused_ends_the_rehearsal(tmp_path: Path) -> None:
    file = tmp_path / "seed.yml"
    file.write_text("- ssm.create_document: {Name: A, DocumentType: Automation, Content: '{}'}\n")
    done = asked("--port", "0", "--seed", str(file))
    assert done.returncode == 2
    assert "ssm.create_document: " in done.stderr
    assert "InvalidDocumentContent" in done.stderr
