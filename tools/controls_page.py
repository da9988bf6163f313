"""docs/controls.md: which of Security Hub's controls a rule's findings stand for, and where the two differ.

The table is tools/controls.toml; its head says what the verdicts mean.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TABLE = Path(__file__).parent / "controls.toml"
VERDICTS = {"same": "same", "stricter": "Snapback stricter", "laxer": "Snapback laxer", "different": "different"}
NAMED = frozenset({"same", "stricter"})
"""The verdicts with which a rule names the control."""
CIS = "CIS-5.0 "
_GUIDE = "https://docs.aws.amazon.com/securityhub/latest/userguide"
_MADE = "<!-- Made by `make generate` from tools/controls.toml; edit the table there. -->\n"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one control, and the CIS requirements that AWS lists for it, compare with some rules together."""

    control: str
    title: str
    config: str | None
    """The identifier of the AWS Config rule by which Security Hub evaluates it, where AWS names one."""
    cis: tuple[str, ...]
    verdict: str
    rules: tuple[str, ...]
    words: str

    @property
    def ids(self) -> tuple[str, ...]:
        """As rules name them: `EC2.2`, and `CIS-5.0 5.5`."""
        return (self.control, *(f"{CIS}{each}" for each in self.cis))

    @property
    def page(self) -> str:
        """AWS's page about it; CIS's of a requirement that AWS has no control for."""
        if self.control.startswith(CIS):
            return "https://www.cisecurity.org/benchmark/amazon_web_services"
        service = self.control.partition(".")[0].lower()
        return f"{_GUIDE}/{service}-controls.html#{self.control.lower().replace('.', '-')}"


@cache
def verdicts() -> tuple[Verdict, ...]:
    """The rows of the table, as it has them. KeyError for a verdict that there isn't."""
    return tuple(_verdicts())


def _verdicts() -> Iterator[Verdict]:
    for control, entry in _table()["controls"].items():
        title, config, cis = entry.pop("title"), entry.pop("config", None), tuple(entry.pop("cis", ()))
        for verdict, found in entry.items():
            for each in found if isinstance(found, list) else [found]:
                VERDICTS[verdict]
                yield Verdict(control, title, config, cis, verdict, tuple(each["rules"]), each.get("words", ""))


def page() -> str:
    rows = verdicts()
    lines = ["# Controls of Security Hub and CIS", "", _MADE]
    lines += [
        "A rule names a control where its findings stand for it: what fails the control is found by the rule, or by the rules",
        "of a row together. *Same*: nothing else is found. *Stricter*: the rules find more. Where Snapback is laxer, or the two",
        "differ both ways, the rule doesn't name the control, and a finding sent to Security Hub doesn't carry its id.",
        "",
        "This holds for the settings that Snapback ships with: each entry under `allow` lets a rule find less. It says nothing",
        f"of how soon a guardrail looks. Ids and titles were compared on {_table()['checked']} with:",
        "",
        *(f"- {each}" for each in _table()["sources"]),
        "",
    ]
    lines += ["## Named", "", *_lines(each for each in rows if each.verdict in NAMED), ""]
    lines += ["## Not named", "", *_lines(each for each in rows if each.verdict not in NAMED), ""]
    return "\n".join(lines)


def _lines(rows: Iterable[Verdict]) -> Iterator[str]:
    yield "| control | what it asks | CIS v5.0.0 | rules | verdict | the difference |"
    yield "|---|---|---|---|---|---|"
    for each in rows:
        links = ", ".join(f"[{rule}](guardrails/{rule.replace('.', '/', 1)}.md)" for rule in each.rules)
        cis = ", ".join(each.cis)
        yield f"| [{each.control}]({each.page}) | {each.title} | {cis} | {links} | {VERDICTS[each.verdict]} | {each.words} |"


def _table() -> dict[str, Any]:
    return tomllib.loads(TABLE.read_text())
