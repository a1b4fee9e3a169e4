"""What users write under `notify`; secrets are never repeated."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from chaos_engine import notice_fields
from chaos_engine.config import Settings, load_settings
from chaos_engine.notice_fields import AppriseDocument, SyslogDocument, WebhookDocument
from chaos_engine.notifiers import prepared, webhook_of
from chaos_engine.occasions import ALARMS, EVENTS, MEANINGS
from chaos_engine.written import ConfigError

SECRET = "xoxb-s3cr3t"


def load(tmp_path: Path, notify: str, **environment: str) -> Settings:
    file = tmp_path / "chaos.yml"
    file.write_text(f"targets: {{shop: {{state_file: {tmp_path}/s}}}}\nnotify:\n{notify}\n")
    return load_settings(file, environment)


def refused(tmp_path: Path, notify: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"  n: {notify}")
    assert SECRET not in str(caught.value)
    return str(caught.value).removeprefix(f"{tmp_path}/chaos.yml:3: ")


def test_three_kinds(tmp_path: Path) -> None:
    notify = load(
        tmp_path,
        """
  hook: {webhook: "https://hooks/x", on: [halted]}
  log: {syslog: "tcp://loghost", facility: local3, on: overdue}
  people: {apprise: "json://localhost"}
""",
    ).notify
    assert isinstance(notify["hook"], WebhookDocument)
    assert isinstance(notify["log"], SyslogDocument)
    assert isinstance(notify["people"], AppriseDocument)
    assert [document.on for document in notify.values()] == [("halted",), ("overdue",), ALARMS]
    assert WebhookDocument(webhook="http://x/").on == EVENTS


@pytest.mark.parametrize(("written", "says"), [
    (f"https://hooks/{SECRET}", "notify.n: is no notifier; allowed: a mapping with webhook: URL"),
    (f"[{SECRET}]", "notify.n: is no notifier"),
    (f"{{webhook: 'https://{SECRET}/', syslog: 'udp://x'}}", "notify.n: is no notifier"),
    (f"{{webhook: 'htp://{SECRET}/'}}", "notify.n.webhook: is no address; allowed: http://HOST:PORT/PATH"),
    (f"{{webhook: 'http://h:99999/{SECRET}'}}", "notify.n.webhook: is no address"),
    (f"{{webhook: 'http://h/ {SECRET}'}}", "notify.n.webhook: is no address"),
    (f"{{webhook: [{SECRET}]}}", "notify.n.webhook: is no text"),
    (f"{{webhook: 'http://h/', headers: {{A: [{SECRET}]}}}}", "notify.n.headers.A: is no text"),
    (f"{{webhook: 'http://h/', headers: {{A: \"{SECRET}\\nB: c\"}}}}", "notify.n.headers: 'A' is no header"),
    ("{webhook: 'http://h/', headers: {'A B': c}}", "notify.n.headers: 'A B' is no header"),
    ("{webhook: 'http://h/', on: [injekt]}", "notify.n.on: unknown occasion 'injekt'"),
    ("{webhook: 'http://h/', on: []}", "notify.n.on: [] is no list of occasions; allowed: inject, "),
    ("{webhook: 'http://h/', methd: PUT}", "notify.n.methd: unknown key 'methd'; did you mean 'method'?"),
    ("{webhook: 'http://h/', method: GET}", "notify.n.method: 'GET' does not do; allowed: 'POST'"),
    ("{webhook: 'http://h/', timeout: 2h}", "notify.n.timeout: timeout: '2h' is out of bounds"),
    ("{syslog: 'udp:/h'}", "notify.n.syslog: is no syslog address; allowed: udp://HOST:PORT, tcp://HOST:PORT"),
    ("{syslog: 'udp://h/x'}", "notify.n.syslog: is no syslog address"),
    ("{syslog: 'udp://h', facility: loca0}", "notify.n.facility: unknown 'loca0'; did you mean 'local0'?"),
    ("{apprise: []}", "notify.n.apprise: is no text"),
])  # fmt: skip
def test_what_is_wrong_is_named_and_no_secret_is(tmp_path: Path, written: str, says: str) -> None:
    assert refused(tmp_path, written).startswith(says)


# --- payloads -------------------------------------------------------------------------------


@pytest.mark.parametrize(("payload", "says"), [
    ("{% if x %}", "payload is no template, line 1: Unexpected end of template"),
    ('{"a": {{ texxt | tojson }}}', "payload, on inject, cannot be filled in: 'texxt' is undefined"),
    ('{"a": "{{ text }}"}', "payload, on inject, gives no JSON"),
    ('{"a": {{ text.__class__.__mro__ }}}', "payload, on inject, cannot be filled in: access to attribute"),
    ('{"a": {{ 1 / 0 }}}', "payload, on inject, cannot be filled in: division by zero"),
    ('{{ "[" + "1," * 40000 + "1]" }}', "payload, on inject, gives 80003 characters; allowed: 65536"),
    ('{"a": {{ verdict.upper() | tojson }}}', "payload, on inject, cannot be filled in: 'None' has"),
])  # fmt: skip
def test_a_payload_is_tried_before_it_is_needed(tmp_path: Path, payload: str, says: str) -> None:
    assert refused(tmp_path, f"{{webhook: 'http://h/', payload: '{payload}'}}").startswith(
        f"notify.n: {says}"
    )


def test_a_payload_is_tried_on_every_occasion_that_it_is_sent_on(tmp_path: Path) -> None:
    only = "{webhook: 'http://h/', payload: '{\"late\": {{ late + 1 }}}', on: [cleared%s]}"
    assert load(tmp_path, "  n: " + only % "").notify
    assert refused(tmp_path, only % ", halted").startswith(
        "notify.n: payload, on halted, cannot be filled in"
    )


# --- secrets --------------------------------------------------------------------------------

HOOK = """
  n:
    webhook: https://hooks/${HOOK}
    headers: {Authorization: "Bearer ${TOKEN}"}
"""


def test_secrets_come_from_the_environment_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{SECRET}\n")
    document = load(tmp_path, HOOK).notify["n"]
    assert isinstance(document, WebhookDocument)
    hook = webhook_of(document, {"HOOK": "abc", "TOKEN_FILE": str(tmp_path / "token")})
    assert (hook.url, hook.headers) == ("https://hooks/abc", {"Authorization": f"Bearer {SECRET}"})
    assert hook.place == "https://hooks"


def test_a_setting_of_the_environment_may_be_the_secret(tmp_path: Path) -> None:
    variable = {"CHAOS_NOTIFY__N__HEADERS__AUTHORIZATION": f"Bearer {SECRET}"}
    document = load(tmp_path, HOOK, **variable).notify["n"]
    assert isinstance(document, WebhookDocument)
    assert document.headers == {"Authorization": f"Bearer {SECRET}"}


def test_a_secret_that_is_missing_is_named_when_it_is_needed(tmp_path: Path) -> None:
    notify = load(tmp_path, HOOK).notify  # `validate` checks the file, not this machine's environment
    with pytest.raises(
        ConfigError, match=r"^notify\.n: neither TOKEN nor TOKEN_FILE is set in the environment$"
    ):
        prepared(notify, {"HOOK": "abc"})
    with pytest.raises(ConfigError, match=r"^notify\.n: environment TOKEN_FILE: '/no/such' cannot be read"):
        prepared(notify, {"HOOK": "abc", "TOKEN_FILE": "/no/such"})


def test_an_address_that_is_whole_only_then_is_checked_then(tmp_path: Path) -> None:
    notify = load(tmp_path, "  n: {webhook: '${HOOK}'}\n  l: {syslog: '${LOG}'}").notify
    with pytest.raises(ConfigError) as caught:
        prepared(notify, {"HOOK": SECRET, "LOG": SECRET})
    assert [problem.split(";")[0] for problem in caught.value.problems] == [
        "notify.n: is no address", "notify.l: is no syslog address",
    ]  # fmt: skip


def test_no_secret_is_in_what_a_document_shows_of_itself(tmp_path: Path) -> None:
    notify = load(
        tmp_path,
        f"""
  n: {{webhook: "https://{SECRET}/", headers: {{A: {SECRET}}}}}
  p: {{apprise: "json://{SECRET}"}}
""",
    ).notify
    assert SECRET not in repr(notify)
    document = notify["n"]
    assert isinstance(document, WebhookDocument)
    assert SECRET not in repr(webhook_of(document, {}))


# --- Apprise --------------------------------------------------------------------------------


def test_without_the_extra_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notice_fields, "find_spec", lambda _: None)
    assert refused(tmp_path, "{apprise: 'json://x'}").endswith("pip install 'chaos-engine[notify]' has it")


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # Apprise's own import
def test_an_address_that_apprise_does_not_know_is_refused(tmp_path: Path) -> None:
    notify = load(tmp_path, f"  n: {{apprise: ['json://localhost', 'nosuch://{SECRET}']}}").notify
    with pytest.raises(ConfigError, match=r"^notify\.n: address 2 is none that Apprise knows$"):
        prepared(notify, {})


def test_who_asks_for_none_loads_none_of_it(tmp_path: Path) -> None:
    load(tmp_path, "  n: {syslog: 'udp://h'}")
    heavy = "import sys; from chaos_engine.console import run; print([m for m in sys.modules if m in %r])"
    import subprocess

    asked = heavy % (["apprise", "jinja2", "prometheus_client", "requests", "boto3", "fastapi"],)
    out = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_every_word_has_a_meaning() -> None:
    assert all(meaning for meaning in MEANINGS.values())
