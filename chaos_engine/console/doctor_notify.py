"""`doctor`'s part for notices: whether those who are to be told can be reached."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from urllib.parse import urlsplit

from chaos_engine.adapters.courier import NotDeliveredError
from chaos_engine.config import Settings
from chaos_engine.console.findings import BAD, NOTE, OK, Finding
from chaos_engine.notice_fields import AppriseDocument, NotifierDocument, SyslogDocument, WebhookDocument
from chaos_engine.notifiers import sender, syslog_of, webhook_of
from chaos_engine.occasions import sample

BUDGET = 5.0
TEXT = "A test of chaos-engine doctor: nothing has happened"
_PORTS = {"http": 80, "https": 443}


def examine(settings: Settings, environment: Mapping[str, str], *, send: bool) -> Iterator[Finding]:
    """One finding a notifier. `send`: each is sent a notice of the first kind that it is told of."""
    for name, document in settings.notify.items():
        try:
            state, text = _sent(document, environment) if send else _reached(document, environment)
        except (ValueError, NotDeliveredError) as error:
            state, text = BAD, str(error)
        yield Finding(f"notify {name}", state, text)


def _sent(document: NotifierDocument, environment: Mapping[str, str]) -> tuple[str, str]:
    notice = replace(sample(document.on[0]), at=time.time(), text=TEXT)
    sender(document, environment)(notice)
    if isinstance(document, SyslogDocument) and syslog_of(document, environment).form == "udp":
        return NOTE, "was sent a test notice; nobody says whether it arrived"
    return OK, "took a test notice"


def _reached(document: NotifierDocument, environment: Mapping[str, str]) -> tuple[str, str]:
    match document:
        case WebhookDocument():
            webhook = webhook_of(document, environment)
            return _connected(webhook.url, webhook.place)
        case SyslogDocument():
            return _syslog(document, environment)
        case AppriseDocument():
            sender(document, environment)
            return NOTE, "its addresses are known to Apprise; --send-test-notice tries them"


def _connected(url: str, place: str) -> tuple[str, str]:
    """Whether somebody listens there. Nothing is sent: a request would be an event."""
    parts = urlsplit(url)
    try:
        socket.create_connection((str(parts.hostname), parts.port or _PORTS[parts.scheme]), BUDGET).close()
    except OSError as error:
        return BAD, f"{place} cannot be reached: {error.strerror or error}"
    return OK, f"{place} can be reached"


def _syslog(document: SyslogDocument, environment: Mapping[str, str]) -> tuple[str, str]:
    syslog = syslog_of(document, environment)
    try:
        with closing(syslog.connect()):
            pass
    except OSError as error:
        return BAD, f"{syslog.place} cannot be reached: {error.strerror or error}"
    if syslog.form == "udp":
        return NOTE, f"{syslog.place}: nobody says whether a datagram arrives"
    return OK, f"{syslog.place} can be reached"
