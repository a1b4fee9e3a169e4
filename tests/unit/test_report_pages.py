"""A report as a page: the same content in each form, whatever the texts; and alone, without a network."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import made_up
from chaos_engine.cli import cli
from chaos_engine.journal import Journal
from chaos_engine.report import picture
from chaos_engine.report.document import Material, Order, report
from chaos_engine.report.pages import Form, page, percent, plain, seconds, signed
from chaos_engine.report.timeline import SLICES, timeline
from chaos_engine.report.trials import Trial
from tests.unit.report_story import span, trial, trials, with_spans

ROOT = Path(__file__).parents[2]
ORDER = Order(0.0, 1e6, 1e6, ZoneInfo("Europe/Berlin"))
NASTY = '</style><script>alert("1")</script>|`*_[x](http://evil.example)\n# <img src=http://evil.example>'
VOID = {"meta", "rect", "br", "img"}


def told(
    found: list[Trial], before: list[Trial] | None = None, notes: Mapping[str, str] | None = None
) -> dict[str, Any]:
    rows = [
        {"experiment": id_, "kind": "issue", "text": text, "who": ""} for id_, text in (notes or {}).items()
    ]
    return report(ORDER, Material(found, before or [], rows, {"crash": 1.0}))


class Checked(HTMLParser):
    """Tags that open and close, and what refers to something elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.refers: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        elsewhere = ("src", "href", "action", "srcset", "style")
        self.refers += [f"{tag} {name}" for name, _ in attrs if name in elsewhere or name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


# --- what it shows ------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(trials(), trials(8), st.sampled_from(["html", "markdown"]))
def test_every_history_has_a_page(now: list[Trial], before: list[Trial], form: Form) -> None:
    found = told(now, before)
    text = page(found, form)
    assert json.loads(json.dumps(found, allow_nan=False)) == json.loads(json.dumps(found))
    shown = Checked(text).text if form == "html" else text
    for row in found["recommendations"]:
        assert (row["because"] if form == "html" else plain(row["because"])) in shown
    for one in found["experiments"]:
        assert one["experiment"] in shown
    if form == "html":
        assert Checked(text).open == []


def test_texts_of_others_are_texts(tmp_path: Path) -> None:
    one = with_spans(
        trial(1, "not_supported", title=NASTY, scenario=NASTY, target=NASTY, reason=NASTY, experiment=NASTY),
        span("during", NASTY, "broken", 3600, 3700, success=0.5),
    )
    found = told([one], notes={NASTY: NASTY})
    html = page(found, "html")
    checked = Checked(html)
    assert not checked.tags & {"script", "img", "a", "link", "iframe"}
    assert html.count("</style>") == 1
    assert 'alert("1")' in checked.text
    markdown = page(found, "markdown")
    assert "<script" not in markdown.replace("\\<script", "")
    assert "\n# \\<img" not in markdown
    tables = [line for line in markdown.splitlines() if line.startswith("|")]
    widths = {len(re.findall(r"(?<!\\)\|", line)) for line in tables if "evil" in line}
    assert widths <= {len(re.findall(r"(?<!\\)\|", line)) for line in tables if "evil" not in line}


def test_a_page_needs_nothing_from_elsewhere() -> None:
    text = made_up.example()
    assert Checked(text).refers == []
    assert "Content-Security-Policy" in text
    assert "url(" not in text
    assert "@import" not in text
    assert "<script" not in text


def test_no_rate_without_its_count() -> None:
    found = told([trial(n, "supported" if n % 3 else "not_supported") for n in range(1, 31)])
    for form in ("html", "markdown"):
        shown = page(found, form)
        assert "20 of 30" in shown
    assert "not enough" in page(told([trial(1)]), "html")
    assert "**Resilience score: not enough** (1 experiments" in page(told([trial(1)]), "markdown")


@pytest.mark.parametrize(
    ("share", "words"),
    [(None, "\u2013"), (0.0, "0%"), (1.0, "100%"), (0.996, "99.6%"), (0.004, "0.4%")],
)
def test_nearly_all_is_not_all(share: float | None, words: str) -> None:
    assert percent(share) == words


def test_times_as_people_say_them() -> None:
    shown = [seconds(found) for found in (None, 0.0, 0.25, 4.26, 250.4)]
    assert shown == ["\u2013", "0.0 s", "250 ms", "4.3 s", "250 s"]


def test_a_change_of_nothing_has_no_sign() -> None:
    shown = [signed(by) for by in (0.0, -0.004, 0.06, -1.0)]
    assert shown == ["less than a point", "less than a point", "+6 points", "-100 points"]


def test_the_newest_are_told_those_with_something_to_say_first() -> None:
    history = [trial(n, "not_supported" if n == 2 else "supported") for n in range(1, 30)]
    order = Order(0.0, 1e6, 1e6, ZoneInfo("UTC"), shown=4)
    notes = [{"experiment": "e1", "kind": "issue", "text": "said", "who": "mo"}]
    found = report(order, Material(history, [], notes, {}))
    assert [one["experiment"] for one in found["experiments"]] == ["e29", "e28", "e2", "e1"]
    assert found["experiments"][-1]["issues"] == ["said (mo)"]
    assert found["not_shown"] == 25


# --- the picture --------------------------------------------------------------------------------


@given(trials())
def test_shapes_lie_in_the_picture(found: list[Trial]) -> None:
    line = timeline(found)
    if line is None:
        assert found == []
        return
    boxes = picture.faults(line) + picture.shadows(line)
    for lane in line["lanes"]:
        assert 0 <= lane["mean"] <= 1
        boxes += picture.lane(line, lane)
        assert len(picture.sparkline(lane, line)) == 60
    for box in boxes:
        assert 0 <= box.x <= box.x + box.width <= picture.WIDTH + 0.02
        assert 0 <= box.y <= box.y + box.height <= picture.LANE + 0.02


def test_what_was_not_judged_is_not_drawn() -> None:
    one = with_spans(trial(1), span("before", "http a", "pass", 3600, 3610, success=1.0),
                     span("during", "http a", "broken", 3610, 3620, success=0.0),
                     span("after", "http a", "no_data", 3620, 3640))  # fmt: skip
    line = timeline([one, trial(3)])
    assert line is not None
    [lane] = line["lanes"]
    assert lane["mean"] == 0.5
    assert sum(piece["seconds"] for piece in lane["slices"]) == pytest.approx(20)


def test_many_faults_are_counted() -> None:
    history = [trial(n, "supported" if n % 4 else "not_supported") for n in range(1, 1001)]
    line = timeline(history)
    assert line is not None
    assert line["faults"] == []
    assert sum(sum(piece["verdicts"].values()) for piece in line["counts"]) == 1000
    assert len(line["counts"]) == SLICES
    assert max(box.height for box in picture.faults(line)) <= picture.LANE


# --- the command --------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CHAOS_DATA_DIR", str(tmp_path))
    journal = Journal(tmp_path)
    made_up.tell(journal, seed=3, count=20, start=1e9, every=3600)
    journal.close()
    return tmp_path


def call(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(cli, list(arguments))
    assert result.exit_code == code, result.output
    return result.output


def test_the_command_writes_each_form(folder: Path) -> None:
    period = ("--since", "2001-09-09T00:00+00:00", "--until", "2001-09-12")
    assert call("note", "e3", "a word", "--kind", "improvement") == "noted on e3\n"
    found = json.loads(call("report", *period, "--format", "json"))
    assert found["totals"]["begun"] == 20
    assert "a word" in " ".join(t for one in found["experiments"] for t in one["improvements"])
    for name, begins in (("r.html", "<!doctype html>"), ("r.md", "# Resilience report"), ("r.json", "{")):
        call("report", *period, "-o", str(folder / name))
        assert (folder / name).read_text().lstrip().startswith(begins)
    assert "20 experiments" in (folder / "r.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("report", "--since", "soon"), "--since: 'soon' is no moment"),
        (("report", "--since", "1d", "--until", "2d"), "is not before the end of the period"),
        (("report", "--timezone", "Mars/Base"), "'Mars/Base' is no time zone"),
        (("note", "e99", "x"), "unknown experiment 'e99'"),
        (("note", "e1", " "), "the note is empty"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_cannot_be_told_is_refused(arguments: tuple[str, ...], words: str) -> None:
    assert words in call(*arguments, code=2)


def test_no_journal_an_empty_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAOS_DATA_DIR", str(tmp_path / "none"))
    assert "not enough" in call("report")
    assert not (tmp_path / "none").exists()


def test_the_example_is_what_the_generator_makes() -> None:
    """`python -m benchmarks.made_up examples/report.html` makes it anew."""
    assert (ROOT / "examples" / "report.html").read_text(encoding="utf-8") == made_up.example()
