"""From what a user wrote under `notify` to what sends notices there."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping

from chaos_engine.adapters.syslog import Line, Syslog
from chaos_engine.adapters.webhook import Webhook
from chaos_engine.notice_fields import (
    AppriseDocument,
    NotifierDocument,
    SyslogDocument,
    WebhookDocument,
    address_of,
    socket_of,
)
from chaos_engine.occasions import Notice, told
from chaos_engine.payload import Payload, plain
from chaos_engine.secret_text import filled
from chaos_engine.written import ConfigError

Send = Callable[[Notice], None]  # NotDeliveredError: it did not arrive
_DATA = ("experiment", "fault", "scenario", "target", "verdict", "recovery", "late", "rule")


def prepared(notifiers: Mapping[str, NotifierDocument], environment: Mapping[str, str]) -> Mapping[str, Send]:
    """What sends a notice to each of them, their secrets filled in. ConfigError names those that lack one."""
    made: dict[str, Send] = {}
    problems = []
    for name, document in notifiers.items():
        try:
            made[name] = sender(document, environment)
        except ValueError as error:
            problems.append(f"notify.{name}: {error}")
    if problems:
        raise ConfigError(problems)
    return made


def sender(document: NotifierDocument, environment: Mapping[str, str]) -> Send:
    """What sends a notice there. ValueError: a secret is missing, or an address is none."""
    match document:
        case WebhookDocument():
            return _to_webhook(document, environment)
        case SyslogDocument():
            return _to_syslog(syslog_of(document, environment))
        case AppriseDocument():
            return _to_apprise(document, environment)


def webhook_of(document: WebhookDocument, environment: Mapping[str, str]) -> Webhook:
    """The address with its secrets. ValueError as for `sender`."""
    headers = {name: filled(value, environment) for name, value in document.headers.items()}
    url = address_of(filled(document.webhook, environment))
    return Webhook(url, document.method, headers, document.timeout)


def syslog_of(document: SyslogDocument, environment: Mapping[str, str]) -> Syslog:
    """The server. ValueError as for `sender`."""
    form, address = socket_of(filled(document.syslog, environment))
    return Syslog(form, address, document.facility, document.timeout)


def _to_webhook(document: WebhookDocument, environment: Mapping[str, str]) -> Send:
    webhook = webhook_of(document, environment)
    form = plain if document.payload is None else Payload(document.payload).rendered
    return lambda notice: webhook.send(form(told(notice, socket.gethostname())))


def _to_syslog(syslog: Syslog) -> Send:
    def send(notice: Notice) -> None:
        known = told(notice, "")
        data = {"occasion": notice.occasion, **{name: known[name] for name in _DATA}}
        syslog.send(Line(notice.at, notice.level, notice.kind, notice.text, data))

    return send


def _to_apprise(document: AppriseDocument, environment: Mapping[str, str]) -> Send:
    from chaos_engine.adapters.apprise_services import Services  # noqa: PLC0415 - an extra, and not light

    services = Services([filled(url, environment) for url in document.apprise])
    return lambda notice: services.send(_title(notice), notice.text, notice.level)


def _title(notice: Notice) -> str:
    return f"Chaos Engine: {notice.occasion.replace('_', ' ')}"
