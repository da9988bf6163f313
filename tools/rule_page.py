"""A rule's docs page in Markdown: its card first, what Snapback does, and the event pattern folded away at the end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from snapback.catalog import KINDS, NONE, TOOLS, policy_text, techniques, uses_title
from tools.controls_page import CIS, verdicts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chalicelib.core.pattern import Pattern
    from snapback.catalog import Entry

_LANGUAGES = {"cloudformation": "yaml", "terraform": "hcl", "cli": "sh"}
USES = {"call": "API call ", "events": "CloudTrail events ", "log": ""}


def page(entry: Entry, pattern: Pattern, made: str) -> str:
    lines = [f"# {entry['title']}", "", made, _head(entry), "", f"**Why it matters.** {entry['why']}", ""]
    lines += [entry["doc"], "", "## The right way", "", *_right_way(entry["right_way"])]
    lines += ["## Legitimate look-alikes", "", entry["legitimate"], ""]
    lines += ["## What Snapback does", "", *_does(entry)]
    lines += ["## Controls, compliance, technique", "", *_standards(entry), ""]
    lines += ["## Prevention", "", *_prevention(entry["prevention"])]
    lines += [f"## {uses_title(entry)}", "", *_uses(entry["uses"]), ""]
    events = ["```json", json.dumps(pattern, indent=2), "```"]
    return "\n".join([*lines, "<details>", "<summary>Event pattern</summary>", "", *events, "", "</details>", ""])


def sentence(text: str) -> str:
    """`none, because …` as a sentence."""
    text = text.rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def _head(entry: Entry) -> str:
    head = f"{entry['kind'].capitalize()} `{entry['id']}` · severity **{entry['severity']}**"
    return " · ".join([head, *([", ".join(entry["controls"])] if entry["controls"] else [])])


def _right_way(found: Any) -> Iterator[str]:
    if isinstance(found, str):
        yield from (sentence(found), "")
        return
    for name, title in TOOLS.items():
        snippet = found[name]
        if snippet.startswith(NONE):
            yield from (f"**{title}**: {snippet.rstrip('.')}.", "")
        else:
            yield from (f"**{title}**", "", f"```{_LANGUAGES[name]}", snippet.rstrip(), "```", "")


def _does(entry: Entry) -> Iterator[str]:
    if entry["kind"] == "tripwire":
        yield from (
            "It evaluates the event only, because the event leaves no state. It alerts and changes nothing.",
            "",
        )
        return
    if minutes := entry["grace_minutes"]:
        yield from (
            f"**Waits** {minutes} {'minute' if minutes == 1 else 'minutes'} after the event, so that a pipeline can finish, then evaluates the resource.",
            "",
        )
    yield from (f"**Evaluates** {entry['resource']}, with {code(entry['reads'])}.", "")
    if not entry["fix"]:
        yield from ("**Fix**: none; alerts only.", "")
        return
    undo = "Undo is possible." if entry["reversible"] else "Undo is **not** possible, so the fix always needs approval."
    opt_in = " It runs only where the settings name this guardrail." if entry["opt_in"] else ""
    yield from (f"**Fix**: {entry['fix']} {undo}{opt_in}", "")
    yield from (f"The fix reads with {code(entry['fix_reads'])} and writes with {code(entry['writes'])}.", "")
    if settles := entry["settles"]:
        yield from (f"**Time until AWS shows it**: {settles['says']} ([AWS]({settles['page']})).", "")


def _prevention(found: Any) -> Iterator[str]:
    if isinstance(found, str):
        yield from (sentence(found), "")
        return
    for each in found:
        yield from (f"**{KINDS[each['kind']]}.** {each['text']}", "")
        if "policy" in each:
            yield from ("```json", policy_text(each["policy"]), "```", "")
        yield from (f"Undos that it would refuse: {each['undo']}", "")


def _uses(found: Any) -> Iterator[str]:
    if isinstance(found, str):
        yield sentence(found)
        return
    for each in found:
        names = ", ".join(each["names"]) if each["kind"] == "log" else code(each["names"])
        yield f"- {USES[each['kind']]}{names}: {each['shows']}"


def _standards(entry: Entry) -> Iterator[str]:
    pages = {each.control: each.page for each in verdicts()}
    controls = [
        f"[{each}]({pages[each]})" if each in pages else each
        for each in entry["controls"]
        if each in pages or CIS in each
    ]
    none = "none that agrees; see [controls](../../controls.md)"
    yield f"- Controls: {', '.join(controls) or none}"
    listed: Mapping[str, list[str]] = entry["compliance"]
    for standard, requirements in listed.items():
        yield f"- {standard}, as AWS maps these controls: {', '.join(requirements)}"
    for each in techniques(entry):
        yield f"- MITRE ATT&CK: [{each.partition(' ')[0]}]({technique_page(each)}) {each.partition(' ')[2]}"
    if isinstance(entry["technique"], str):
        yield f"- MITRE ATT&CK: {entry['technique']}"


def technique_page(technique: str) -> str:
    """Of a technique as the catalog has it, its id first."""
    return f"https://attack.mitre.org/techniques/{technique.partition(' ')[0].replace('.', '/')}/"


def code(names: Any) -> str:
    return ", ".join(f"`{each}`" for each in names)
