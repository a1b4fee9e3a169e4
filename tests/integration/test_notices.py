"""Notices reach real servers; those that fail or hang hold nothing up."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos_engine.adapters.courier import MOST_WAITING, Courier, NotDeliveredError
from chaos_engine.adapters.webhook import Webhook
from chaos_engine.happenings import Happening
from chaos_engine.notice_fields import AppriseDocument, NotifierDocument, SyslogDocument, WebhookDocument
from chaos_engine.notices import Notices
from chaos_engine.occasions import Notice, sample
from tests.integration.engine_process import until
from tests.integration.receivers import Receiver, listening, receiving

SECRET = "s3cr3t-in-a-path"


class Said:
    """A log that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, event: str, **fields: Any) -> None:
        self.lines.append(event)

    debug = warning = error = info


class Told:
    """Notices, what they said of themselves, and what became of each."""

    def __init__(self, **notifiers: NotifierDocument) -> None:
        self.log = Said()
        self.counts: Counter[tuple[str, str]] = Counter()
        self.notices = Notices(self.log, lambda name, outcome: self.counts.update([(name, outcome)]))
        self.notices.take(notifiers, {})

    def happens(self, occasion: str, **changes: object) -> None:
        of = sample(occasion)
        self.notices(Happening(of.at, of.level, of.kind, of.text, {**of.fields, **changes}))

    def counted(self, name: str, outcome: str, count: int = 1) -> None:
        until(lambda: self.counts[name, outcome] >= count, what=f"{self.counts}")
        assert self.counts[name, outcome] == count


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def hook(receiver: Receiver, **more: Any) -> WebhookDocument:
    return WebhookDocument.model_validate({"webhook": f"{receiver.url}/{SECRET}", "timeout": "1s", **more})


# --- webhooks -------------------------------------------------------------------------------


def test_a_webhook_is_sent_all_that_is_known(receiver: Receiver) -> None:
    told = Told(n=hook(receiver, headers={"X-Key": "abc"}))
    told.happens("inject")
    told.counted("n", "sent")
    (request,) = receiver.requests
    assert (request.method, request.path) == ("POST", f"/{SECRET}")
    assert (request.headers["X-Key"], request.headers["Content-Type"]) == ("abc", "application/json")
    assert (request.json["occasion"], request.json["target"]) == ("inject", "shop")
    assert request.json["host"] == socket.gethostname()


def test_a_template_is_filled_in(receiver: Receiver) -> None:
    told = Told(n=hook(receiver, payload='{"text": {{ text | tojson }}, "time": {{ at_ms }}}', method="PUT"))
    told.happens("halted")
    told.counted("n", "sent")
    assert receiver.requests[0].method == "PUT"
    assert receiver.requests[0].json == {"text": sample("halted").text, "time": 1_700_000_000_000}


def test_only_the_occasions_that_were_asked_for_are_told(receiver: Receiver) -> None:
    told = Told(n=hook(receiver, on=["halted", "not_supported"]))
    for occasion in ("inject", "not_supported", "cleared", "supported", "halted", "resumed"):
        told.happens(occasion)
    told.counted("n", "sent", 2)
    assert [request.json["occasion"] for request in receiver.requests] == ["not_supported", "halted"]


def test_what_comes_with_every_try_is_told_once_a_fault(receiver: Receiver) -> None:
    told = Told(n=hook(receiver, on=["could_not_clear", "overdue"]))
    for _ in range(5):
        told.happens("could_not_clear")
        told.happens("overdue")
    told.happens("could_not_clear", fault="e2-0")
    told.happens("cleared")
    told.happens("could_not_clear")
    told.notices.close(patience=20.0)  # all of them are there now
    assert told.counts == {("n", "sent"): 4}


def test_a_server_that_is_busy_is_asked_again() -> None:
    with receiving(503, 429, 200) as receiver:
        told = Told(n=hook(receiver))
        told.happens("inject")
        told.counted("n", "sent")
        assert (len(receiver.requests), told.log.lines) == (3, [])


@pytest.mark.parametrize(("status", "asked"), [(503, 3), (400, 1), (500, 1), (302, 1)])
def test_tries_are_few_and_a_failure_is_told_once_and_counted(status: int, asked: int) -> None:
    with receiving(status) as receiver:
        told = Told(n=hook(receiver))
        told.happens("inject")
        told.happens("cleared")
        told.counted("n", "failed", 2)
        assert len(receiver.requests) == 2 * asked
        assert told.log.lines == [
            f"Notices to n do not arrive: {receiver.url} answers HTTP {status}; further ones are only counted"
        ]
        assert all(request.path != "/elsewhere" for request in receiver.requests)  # no redirect is followed


def test_it_is_told_when_they_arrive_again() -> None:
    with receiving(400, 200) as receiver:
        told = Told(n=hook(receiver))
        told.happens("inject")
        told.happens("cleared")
        told.counted("n", "sent")
        assert told.log.lines[1:] == ["Notices to n arrive again"]


def test_no_answer_in_time_is_a_failure_and_is_not_tried_again(receiver: Receiver) -> None:
    """It may have been taken."""
    receiver.hangs = True
    told = Told(n=hook(receiver, timeout="300ms"))
    told.happens("inject")
    told.counted("n", "failed")
    assert len(receiver.requests) == 1
    assert "has not answered within 0.3 s" in told.log.lines[0]


def test_nobody_there_is_a_failure_that_names_no_secret() -> None:
    with receiving() as gone:
        webhook = Webhook(f"{gone.url}/{SECRET}", "POST", {"Authorization": SECRET}, 1.0)
    with pytest.raises(NotDeliveredError) as caught:
        webhook.send("{}")
    assert str(caught.value) == f"{gone.url}: ConnectionError"
    assert SECRET not in repr(webhook)


# --- a receiver that hangs ------------------------------------------------------------------


def test_a_receiver_that_hangs_holds_up_neither_the_engine_nor_the_others(receiver: Receiver) -> None:
    receiver.hangs = True
    with receiving() as good:
        told = Told(slow=hook(receiver, timeout="60s"), quick=hook(good))
        began = time.monotonic()
        for _ in range(50):
            told.happens("inject")
        assert time.monotonic() - began < 2.0  # the one that hangs would take minutes
        told.counted("quick", "sent", 50)
        assert told.counts["slow", "sent"] == 0


def test_what_does_not_fit_is_dropped_and_counted_and_told_once(receiver: Receiver) -> None:
    receiver.hangs = True
    told = Told(n=hook(receiver, timeout="60s"))
    told.happens("inject")
    until(lambda: receiver.requests)
    for _ in range(MOST_WAITING + 7):
        told.happens("inject")
    told.counted("n", "dropped", 7)
    assert told.log.lines == ["Notices to n do not arrive: too many wait; further ones are only counted"]


def test_the_end_waits_for_a_fraction_of_a_second(receiver: Receiver) -> None:
    receiver.hangs = True
    told = Told(n=hook(receiver, timeout="60s"))
    for _ in range(3):
        told.happens("inject")
    until(lambda: receiver.requests)
    began = time.monotonic()
    told.notices.close()
    assert time.monotonic() - began < 1.5
    assert told.log.lines == ["3 notices were given up at the end"]


def test_what_waits_at_the_end_is_still_sent(receiver: Receiver) -> None:
    told = Told(n=hook(receiver))
    for _ in range(3):
        told.happens("inject")
    told.notices.close(patience=10.0)
    assert (len(receiver.requests), told.log.lines) == (3, [])


def test_new_settings_take_the_place_of_the_old(receiver: Receiver) -> None:
    with receiving() as other:
        told = Told(old=hook(receiver))
        told.notices.take({"new": hook(other)}, {})
        told.happens("inject")
        told.counted("new", "sent")
        assert not receiver.requests


def test_a_text_of_an_error_that_nobody_foresaw_is_not_repeated() -> None:
    def send(_: Notice) -> None:
        raise ValueError(SECRET)

    said: list[str] = []
    over = threading.Event()
    courier = Courier("n", send, said.append, lambda _: over.set())
    courier.offer(sample("inject"))
    assert over.wait(10)
    courier.close(time.monotonic() + 10)
    assert said == ["Notices to n do not arrive: ValueError; further ones are only counted"]


# --- syslog ---------------------------------------------------------------------------------

FORM = re.compile(
    r"<(?P<pri>\d+)>1 (?P<time>\S+) (?P<host>\S+) chaos-engine (?P<pid>\d+) (?P<id>\S+) "
    r"\[chaos@32473(?P<data>(?: [a-z_]+=\"(?:[^\"\\\]]|\\.)*\")*)\] (?P<text>.*)"
)


@pytest.mark.parametrize("form", ["udp", "tcp", "unix", "unix-stream"])
def test_a_line_by_rfc_5424(form: str, tmp_path: Path) -> None:
    with listening(form, tmp_path) as server:
        told = Told(n=SyslogDocument.model_validate({"syslog": server.address, "facility": "local3"}))
        told.happens("could_not_clear", target='a "shop" ] \\')
        told.happens("inject")
        until(lambda: len(server.lines) == 2)
    found = FORM.fullmatch(server.lines[0])
    assert found, server.lines[0]
    assert int(found["pri"]) == 19 * 8 + 4  # local3, warning
    assert (found["time"], found["id"]) == ("2023-11-14T22:13:20.000Z", "clear_failed")
    assert found["text"] == " ".join(sample("inject").text.split())  # a line is a line
    assert ' occasion="could_not_clear" experiment="e1" fault="e1-0"' in found["data"]
    assert ' target="a \\"shop\\" \\] \\\\"' in found["data"]


def test_syslog_that_is_not_there_is_a_failure() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    told = Told(n=SyslogDocument.model_validate({"syslog": f"tcp://127.0.0.1:{port}"}))
    told.happens("inject")
    told.counted("n", "failed")
    assert told.log.lines[0].startswith(f"Notices to n do not arrive: syslog at tcp://127.0.0.1:{port}: ")


def test_syslog_that_takes_nothing_is_given_up(tmp_path: Path) -> None:
    """A server whose queue is full: a datagram to it waits."""
    path = tmp_path / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(path))
        told = Told(n=SyslogDocument.model_validate({"syslog": f"unix://{path}", "timeout": "200ms"}))
        for _ in range(60):
            told.happens("inject")
        until(lambda: told.counts["n", "failed"])
        told.notices.close()


# --- Apprise --------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # Apprise's own import
def test_apprise_is_told(receiver: Receiver) -> None:
    url = receiver.url.replace("http://", "json://")
    told = Told(n=AppriseDocument.model_validate({"apprise": [f"{url}/{SECRET}"]}))
    told.happens("cleared")  # of which people are not told, if they do not ask for it
    told.happens("not_supported")
    told.counted("n", "sent")
    (request,) = receiver.requests
    assert request.json["title"] == "Chaos Engine: not supported"
    assert request.json["type"] == "warning"
    assert "two lines" in request.json["message"]


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_apprise_that_fails_says_which_service_and_no_secret(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with receiving(500) as receiver:
        url = receiver.url.replace("http://", "json://")
        told = Told(n=AppriseDocument.model_validate({"apprise": f"{url}/{SECRET}"}))
        told.happens("overdue")
        told.counted("n", "failed")
        assert 1 < len(receiver.requests) <= 3
    assert told.log.lines[0].startswith("Notices to n do not arrive: Apprise could not deliver to JSON;")
    said = capfd.readouterr()
    assert SECRET not in said.out + said.err + caplog.text + "".join(told.log.lines)
