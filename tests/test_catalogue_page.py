"""docs/catalogue.html and the rules' docs pages: whole, escaped, and readable by themselves. tests/clicks/test_browser.py filters it."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chalicelib import catalog
from snapback.catalog import entries
from tools.catalogue_page import page
from tools.compliance import requirements, table
from tools.controls_page import CIS
from tools.rule_page import page as rule_page

if TYPE_CHECKING:
    from chalicelib.core.rule import Rule

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "catalogue.html").read_text()
_ALONE = frozenset({"meta", "input", "br"})


class Read(HTMLParser):
    """The tags with their attributes; a tag that isn't closed where it should be raises."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None], tuple[str, ...]]] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs), tuple(self._open)))
        if tag not in _ALONE:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


READ = Read(PAGE)


def test_it_has_each_rule_once_and_is_small() -> None:
    found = [attributes["id"] for tag, attributes, _ in READ.tags if tag == "details"]
    assert found == [rule.id for rule in catalog.all_rules()]
    assert len(PAGE.encode()) <= 1_000_000


def test_it_needs_nothing_else() -> None:
    """No file and no network: links are for people, and the policy lets its one script and style run."""
    assert [tag for tag, attributes, _ in READ.tags if "src" in attributes or tag in {"link", "iframe", "img"}] == []
    links = {str(attributes["href"]) for tag, attributes, _ in READ.tags if tag == "a"}
    assert [
        each
        for each in links
        if not each.startswith("https://attack.mitre.org/") and not (ROOT / "docs" / each).is_file()
    ] == []
    (script,) = re.findall(r"<script>(.*?)</script>", PAGE, re.DOTALL)
    hashed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{hashed}'" in PAGE
    assert "default-src 'none'" in PAGE


def test_each_field_has_a_label() -> None:
    fields = [(attributes, within) for tag, attributes, within in READ.tags if tag in {"input", "select"}]
    assert {str(attributes["name"]) for attributes, _ in fields} == {
        "text", "service", "severity", "control", "technique", "compliance", "fix", "undo",
    }  # fmt: skip
    assert all("label" in within for _, within in fields)
    assert any(attributes.get("role") == "status" for _, attributes, _ in READ.tags)
    assert any(tag == "html" and attributes.get("lang") == "en" for tag, attributes, _ in READ.tags)


def test_what_a_rule_has_can_be_filtered_by() -> None:
    options = set(re.findall(r"<option>(.*?)</option>", PAGE))
    for tag, attributes, _ in READ.tags:
        if tag == "details":
            for name in ("control", "technique", "compliance"):
                assert {each for each in str(attributes[f"data-{name}"]).split("|") if each} <= options


def test_texts_are_escaped() -> None:
    (first, *_) = entries()
    hostile = '<img src=x onerror="alert(1)">\'&'
    texts = {"why": hostile, "doc": hostile, "title": hostile, "legitimate": hostile, "fix": hostile}
    parts = {
        "right_way": {"cloudformation": hostile, "terraform": hostile, "cli": hostile},
        "prevention": [{"kind": "scp", "text": hostile, "policy": {"Action": hostile}, "undo": hostile}],
        "uses": [{"kind": "log", "names": [hostile], "shows": hostile}],
        "technique": [{"id": "T1", "name": hostile}],
        "controls": [hostile],
        "compliance": {hostile: [hostile]},
    }
    made = page([{**first, **texts, **parts}])
    assert "<img" not in made
    assert not [tag for tag, attributes, _ in Read(made).tags if tag == "img" or "onerror" in attributes]


@pytest.mark.parametrize("rule", catalog.all_rules(), ids=lambda rule: rule.id)
def test_a_docs_page_says_why_first_and_folds_the_pattern_at_the_end(rule: Rule) -> None:
    (entry,) = (each for each in entries() if each["id"] == rule.id)
    lines = rule_page(entry, rule.on, "").splitlines()
    assert next(line for line in lines if line.startswith("**")).startswith("**Why it matters.** ")
    assert [line.removeprefix("## ") for line in lines if line.startswith("## ")] == [
        "The right way",
        "Legitimate look-alikes",
        "What Snapback does",
        "Controls, compliance, technique",
        "Prevention",
        "Who uses what the fix takes away" if entry["fix"] else "What to check before you act",
    ]
    assert lines.count("<details>") == 1
    assert lines[-1] == "</details>"


def test_each_named_control_has_its_requirements() -> None:
    """As AWS lists them; `unseen` are those whose page nobody could read in whole."""
    named = {control for rule in catalog.all_rules() for control in rule.controls if not control.startswith(CIS)}
    assert table()["controls"].keys() | {*table()["unseen"]} == named
    assert not table()["controls"].keys() & {*table()["unseen"]}


FORMS = {
    "NIST SP 800-53 Rev. 5": r"[A-Z]{2}-[0-9]+(\([0-9]+\))?",
    "NIST SP 800-171 Rev. 2": r"3\.[0-9]+\.[0-9]+",
    "PCI DSS v4.0.1": r"[0-9]+(\.[0-9]+)+",
}


def test_requirements_have_the_form_of_their_standard() -> None:
    found = requirements(table()["controls"])
    assert found.keys() == FORMS.keys()
    for standard, listed in found.items():
        assert [each for each in listed if not re.fullmatch(FORMS[standard], each)] == []
