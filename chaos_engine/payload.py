"""What a webhook is sent: JSON, from a template of the user's or as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Template

MOST = 64 * 1024  # characters of a payload
_HINT = "write {{ text | tojson }}, without quotes around it, for a text"


class Payload:
    """A template in Jinja's sandbox. ValueError: it is none."""

    def __init__(self, template: str) -> None:
        self._template = _compiled(template)

    def rendered(self, told: Mapping[str, Any]) -> str:
        """The JSON text. ValueError: it names what there is not, or what comes out is no JSON."""
        from jinja2 import TemplateError  # noqa: PLC0415 - for those who have a template

        try:
            text = self._template.render(told)
        except (TemplateError, ArithmeticError, TypeError, ValueError, LookupError, AttributeError) as error:
            raise ValueError(f"cannot be filled in: {error}") from None
        if len(text) > MOST:
            raise ValueError(f"gives {len(text)} characters; allowed: {MOST}")
        try:
            return json.dumps(json.loads(text), allow_nan=False)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"gives no JSON ({error}); {_HINT}") from None


def plain(told: Mapping[str, Any]) -> str:
    """All there is, where nobody wrote a template."""
    return json.dumps(told, default=str)


def _compiled(template: str) -> Template:
    from jinja2 import StrictUndefined, TemplateSyntaxError  # noqa: PLC0415
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    jinja = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    jinja.policies["json.dumps_kwargs"] = {"sort_keys": False, "default": str}
    try:
        return jinja.from_string(template)
    except TemplateSyntaxError as error:
        raise ValueError(f"is no template, line {error.lineno}: {error.message}") from None
