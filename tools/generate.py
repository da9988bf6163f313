"""Writes what is generated: docs/guardrails/, docs/catalogue.html, other pages of docs/, snapback/catalog.json, chalicelib/notify/cards.json, .chalice/policies/ and snapback/deploy/policies/.

With --check, says what is stale instead.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from chalicelib import catalog
from chalicelib.core.rule import Guardrail
from chalicelib.notify import cards
from snapback import settings_schema
from snapback.deploy.iam_policies import functions, policy_of
from tools import (
    catalog_index,
    catalogue_page,
    controls_page,
    cost,
    helpers_page,
    permissions_page,
    replay_events_page,
    rule_page,
    settings_page,
    ways_in_page,
)
from tools.cards import BadCard

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCS, POLICIES = ROOT / "docs" / "guardrails", ROOT / ".chalice" / "policies"
SETTINGS, PERMISSIONS, COST, CONTROLS, HELPERS, REPLAY = (
    ROOT / "docs" / f"{name}.md" for name in ("settings", "permissions", "cost", "controls", "helpers", "replay-events")
)
SCHEMA = ROOT / "docs" / "settings.schema.json"
CATALOGUE = ROOT / "docs" / "catalogue.html"
CATALOG = ROOT / "snapback" / "catalog.json"
CARDS = ROOT / "chalicelib" / "notify" / cards.FILE.name
WAYS_IN = ROOT / "docs" / "ways-in"
ROLES = ROOT / "snapback" / "deploy" / "policies"
_MADE = "<!-- Made by `make generate` from the code; edit the docstring there. -->\n"
_CARD = "<!-- Made by `make generate` from the code and the card beside it; edit the docstring or the card there. -->\n"


def index() -> str:
    lines = ["# Guardrails and tripwires", "", _MADE]
    lines += [
        "To filter by service, severity, control, technique or compliance, open [catalogue.html](../catalogue.html) in a browser, or run",
        "`snapback catalog`. `snapback explain GUARDRAIL` shows a page in the terminal.",
        "Every guardrail starts in `alert`. To let it ask or fix, set its mode in `snapback.yaml` ([from alert to fix](../rollout.md)). A tripwire only alerts.",
        "A rule names a control only if the rule and the control agree. [Controls](../controls.md) lists all of them and the differences.",
        "",
    ]
    lines += ["| id | title | severity | fix | undo | controls |", "|---|---|---|---|---|---|"]
    for rule in catalog.all_rules():
        fix = rule.fix if isinstance(rule, Guardrail) else None
        link = f"[{rule.id}]({rule.service}/{rule.id.partition('.')[2]}.md)"
        undo = "" if fix is None else "yes" if fix.reversible else "no"
        controls = ", ".join(rule.controls)
        what = fix.summary if fix else "alerts only"
        lines.append(f"| {link} | {rule.title} | {rule.severity} | {what} | {undo} | {controls} |")
    return "\n".join(lines) + "\n"


def readme() -> str:
    """README as it is, with the number of guardrails and tripwires that there are."""
    guardrails = len(list(catalog.guardrails()))
    counts = f"{guardrails} guardrails and {len(catalog.all_rules()) - guardrails} tripwires"
    return re.sub(r"\d+ guardrails and \d+ tripwires", counts, README.read_text())


def wanted() -> dict[Path, str]:
    entries = [catalog_index.entry(rule) for rule in catalog.all_rules()]
    files = {
        DOCS / rule.service / f"{rule.id.partition('.')[2]}.md": rule_page.page(entry, rule.on, _CARD)
        for rule, entry in zip(catalog.all_rules(), entries, strict=True)
    }
    files[DOCS / "README.md"] = index()
    files[README] = readme()
    files[SETTINGS] = settings_page.page(_MADE)
    files[SCHEMA] = settings_schema.schema()
    files[COST] = cost.page(_MADE)
    files[CATALOGUE] = catalogue_page.page(entries)
    files[CATALOG] = catalog_index.text(entries)
    files[CARDS] = catalog_index.messages_text(entries)
    files[HELPERS] = helpers_page.page(_MADE)
    files[CONTROLS] = controls_page.page()
    files[REPLAY] = replay_events_page.page(_MADE)
    files[PERMISSIONS] = permissions_page.page(_MADE)
    files |= {WAYS_IN / name: text for name, text in ways_in_page.pages().items()}
    files |= {ROLES / f"{name}.json": _json(document) for name, document in permissions_page.documents().items()}
    files |= {POLICIES / f"{name}.json": _json(policy_of(name)) for name in functions()}
    return files


def stale(files: dict[Path, str]) -> list[Path]:
    """Those that are missing, differ, or should no longer be there."""
    there = {path for folder in (DOCS, WAYS_IN, POLICIES, ROLES) for path in folder.rglob("*") if path.is_file()}
    there |= {path for path in files if path.is_file()}
    differ = [path for path, text in files.items() if path not in there or path.read_text() != text]
    return sorted([*differ, *(there - files.keys())])


def main(arguments: list[str]) -> int:
    try:
        files = wanted()
    except BadCard as error:
        print(f"snapback: {error}", file=sys.stderr)
        return 1
    found = stale(files)
    if "--check" in arguments:
        for path in found:
            print(f"{path.relative_to(ROOT)}: stale; run `make generate`", file=sys.stderr)
        return 1 if found else 0
    for path in found:
        if path not in files:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[path])
        print(path.relative_to(ROOT))
    return 0


def _json(document: Any) -> str:
    return json.dumps(document, indent=2) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
