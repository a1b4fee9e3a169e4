"""The shape of `notify`: who is told, of what, and how. No value is ever repeated: it may be a secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from logging.handlers import SysLogHandler
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Discriminator, Field, Tag, field_validator, model_validator

from chaos_engine.document import Document
from chaos_engine.occasions import ALARMS, EVENTS, MEANINGS, sample, told
from chaos_engine.payload import Payload
from chaos_engine.probe_fields import between
from chaos_engine.secret_text import names
from chaos_engine.spelling import nearest

INSTALL = "the package apprise is not installed; pip install 'chaos-engine[notify]' has it"
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # of a header, by RFC 9110
_ADDRESS = "udp://HOST:PORT, tcp://HOST:PORT or unix:///PATH"
T = TypeVar("T")
_KINDS = ("webhook", "syslog", "apprise")


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("is no text; allowed: a text, such as ${NAME} for a variable of the environment")
    return value.strip()


def _texts(value: object) -> tuple[str, ...]:
    several = isinstance(value, (list, tuple)) and value
    return tuple(_text(each) for each in (value if several else [value]))  # type: ignore[attr-defined]


def _occasions(value: object) -> object:
    wanted = (value,) if isinstance(value, str) else value
    if not isinstance(wanted, (list, tuple)) or not wanted:
        raise ValueError(f"{value!r} is no list of occasions; allowed: {', '.join(MEANINGS)}")
    for each in wanted:
        if each not in MEANINGS:
            hint = nearest(str(each), MEANINGS)
            raise ValueError(f"unknown occasion {each!r}{hint}; allowed: {', '.join(MEANINGS)}")
    return tuple(dict.fromkeys(wanted))


def _timeout(value: object) -> float:
    return between("timeout", value, 0.1, 60.0)


Text = Annotated[str, BeforeValidator(_text)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]
Occasions = Annotated[tuple[str, ...], BeforeValidator(_occasions)]
Timeout = Annotated[float, BeforeValidator(_timeout)]


def address_of(url: str) -> str:
    """The address of a webhook. ValueError: it is none."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or any(letter.isspace() for letter in url):
        raise ValueError("is no address; allowed: http://HOST:PORT/PATH or https://…")
    return url


def socket_of(address: str) -> tuple[str, str | tuple[str, int]]:
    """`udp`, `tcp` or `unix`, and where. ValueError: it is none of them."""
    try:
        parts = urlsplit(address)
        if parts.scheme == "unix" and parts.path and not parts.netloc:
            return "unix", parts.path
        if parts.scheme in ("udp", "tcp") and parts.hostname and parts.port != 0 and not parts.path:
            return parts.scheme, (parts.hostname, parts.port or 514)
    except ValueError:
        pass
    raise ValueError(f"is no syslog address; allowed: {_ADDRESS}")


def _once_known(text: str, check: Callable[[str], object]) -> str:
    """Checked when it is read, unless a variable is in it: then when that is known."""
    if not any(names(text)):
        check(text)
    return text


class WebhookDocument(Document):
    """An HTTP request for each notice. Without a payload all that is known is sent, as JSON."""

    webhook: Text = Field(repr=False)
    method: Literal["POST", "PUT", "PATCH"] = "POST"
    headers: dict[str, Text] = Field(default_factory=dict, repr=False)
    payload: Text | None = None
    on: Occasions = EVENTS
    timeout: Timeout = 5.0

    @field_validator("webhook")
    @classmethod
    def _is_address(cls, url: str) -> str:
        return _once_known(url, address_of)

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, headers: Mapping[str, str]) -> Mapping[str, str]:
        for name, value in headers.items():
            if not _NAME.fullmatch(name) or not value.isprintable():
                raise ValueError(
                    f"{name!r} is no header; allowed: a name of letters, digits and hyphens, a line"
                )
        return headers

    @model_validator(mode="after")
    def _gives_json(self) -> WebhookDocument:
        """Tried with a sample of every occasion: an alarm is no time to learn that a name is misspelled."""
        if self.payload is not None:
            payload = _part("payload", partial(Payload, self.payload))
            for occasion in self.on:
                _part(f"payload, on {occasion},", partial(payload.rendered, told(sample(occasion), "host")))
        return self


class SyslogDocument(Document):
    """A line in the form of RFC 5424."""

    syslog: Text = Field(repr=False)
    facility: str = "user"
    on: Occasions = EVENTS
    timeout: Timeout = 5.0

    @field_validator("syslog")
    @classmethod
    def _is_address(cls, address: str) -> str:
        return _once_known(address, socket_of)

    @field_validator("facility")
    @classmethod
    def _is_facility(cls, name: str) -> str:
        known = SysLogHandler.facility_names
        if name not in known:
            raise ValueError(f"unknown {name!r}{nearest(name, known)}; allowed: {', '.join(sorted(known))}")
        return name


class AppriseDocument(Document):
    """Whatever Apprise knows: mail, chat, telephones."""

    apprise: Texts = Field(repr=False)
    on: Occasions = ALARMS

    @field_validator("apprise")
    @classmethod
    def _is_there(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        if find_spec("apprise") is None:
            raise ValueError(INSTALL)
        return urls


def _part(name: str, work: Callable[[], T]) -> T:
    try:
        return work()
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None


def _mapping(value: object) -> object:
    """Not in pydantic's words, which repeat the value: it may be an address with a secret in it.

    To YAML 1.1 the key `on` is the boolean.
    """
    if isinstance(value, Document):
        return value
    value = (
        {"on" if key is True else key: each for key, each in value.items()} if isinstance(value, dict) else {}
    )
    if len([kind for kind in _KINDS if kind in value]) != 1:
        raise ValueError(
            "is no notifier; allowed: a mapping with webhook: URL, syslog: ADDRESS or apprise: URLS"
        )
    return value


def _form(value: object) -> str:
    keys = value if isinstance(value, dict) else (type(value).__name__.removesuffix("Document").lower(),)
    return next(f"to_{kind}" for kind in _KINDS if kind in keys)


NotifierDocument = WebhookDocument | SyslogDocument | AppriseDocument
NotifierSetting = Annotated[
    Annotated[WebhookDocument, Tag("to_webhook")]
    | Annotated[SyslogDocument, Tag("to_syslog")]
    | Annotated[AppriseDocument, Tag("to_apprise")],
    Discriminator(_form),
    BeforeValidator(_mapping),
]
