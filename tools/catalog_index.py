"""snapback/catalog.json: what commands and pages say of each rule, so that nobody has to import the rules for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalicelib.core.rule import Guardrail
from tools import cards
from tools.cards import Absent, Call, Declarative, Log, ResourceControlPolicy, ServiceControlPolicy, Setting
from tools.compliance import requirements
from tools.delays import delays

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chalicelib.core.rule import Rule

LOOK_ALIKES = "Legitimate look-alikes: "


def text(entries: Iterable[Mapping[str, Any]]) -> str:
    """The file: a rule a line, so that a change of one is a change of one line."""
    lines = ",\n".join(json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in entries)
    return f"[\n{lines}\n]\n"


def entry(rule: Rule) -> dict[str, Any]:
    """Raises cards.BadCard."""
    doc, _, legitimate = rule.doc.partition("\n")[2].strip().partition(LOOK_ALIKES)
    return {
        "id": rule.id,
        "kind": "guardrail" if isinstance(rule, Guardrail) else "tripwire",
        "service": rule.service,
        "severity": str(rule.severity),
        "title": rule.title,
        "doc": doc.strip(),
        "legitimate": legitimate[:1].upper() + legitimate[1:],
        "events": _events(rule.on),
        **_of_guardrail(rule),
        "controls": list(rule.controls),
        "compliance": requirements(rule.controls),
        **_of_card(cards.card_of(rule.id)),
    }


def _of_guardrail(rule: Rule) -> dict[str, Any]:
    """A tripwire has these keys too, as of a guardrail without a fix."""
    guardrail = rule if isinstance(rule, Guardrail) else None
    fix = guardrail.fix if guardrail else None
    delay = delays().get(type(fix).__name__)  # A test holds that none of Snapback's own is missing.
    return {
        "resource": guardrail.resource.cloudformation_type if guardrail else None,
        "reads": list(guardrail.reads) if guardrail else [],
        "grace_minutes": int(guardrail.grace.total_seconds() / 60) if guardrail else 0,
        "fix": fix.summary if fix else None,
        "reversible": fix.reversible if fix else None,
        "opt_in": guardrail.opt_in if guardrail else False,
        "fix_reads": list(fix.reads) if fix else [],
        "writes": list(fix.writes) if fix else [],
        "settles": {"says": delay.says, "page": delay.page} if delay else None,
    }


def _of_card(card: cards.Card) -> dict[str, Any]:
    return {
        "why": card.why,
        "right_way": card.right_way
        if isinstance(card.right_way, Absent)
        else {name: getattr(card.right_way, name) for name in card.right_way.__struct_fields__},
        "technique": card.technique
        if isinstance(card.technique, Absent)
        else [{"id": each, "name": cards.techniques()[each]} for each in card.technique],
        "prevention": card.prevention
        if isinstance(card.prevention, Absent)
        else [_prevention(each) for each in card.prevention],
        "uses": card.uses if isinstance(card.uses, Absent) else [_use(each) for each in card.uses],
    }


def _prevention(each: cards.Prevention) -> dict[str, Any]:
    match each:
        case Setting():
            return {"kind": "setting", "text": each.text, "undo": each.undo}
        case Declarative():
            return {"kind": "declarative_policy", "text": each.text, "policy": each.policy, "undo": each.undo}
        case ServiceControlPolicy() | ResourceControlPolicy():
            kind = "scp" if isinstance(each, ServiceControlPolicy) else "rcp"
            return {"kind": kind, "text": each.text, "policy": cards.policy(each), "undo": _undo(each)}


def _undo(each: ServiceControlPolicy | ResourceControlPolicy) -> str:
    roles = [arn.rpartition("/")[2] for arn in cards.exempt(each.statement)]
    if roles:
        return f"None. The policy excepts {' and '.join(roles)}, so that Snapback's fixes and undos still work."
    return "None. Snapback's fixes and undos send no call that the policy refuses."


def _use(each: cards.Use) -> dict[str, Any]:
    match each:
        case Call():
            return {"kind": "call", "names": [each.action], "shows": each.shows}
        case Log():
            return {"kind": "log", "names": [each.name], "shows": each.shows}
        case _:
            return {"kind": "events", "names": list(each.names), "shows": each.shows}


def _events(pattern: Any) -> list[str]:
    """The eventNames, and for native events the detail-types, that a rule's pattern lets through."""
    found: list[str] = []
    for one in pattern.get("$or", [pattern]):
        calls = [name for name in one.get("detail", {}).get("eventName", ()) if isinstance(name, str)]
        found += calls or [each if isinstance(each, str) else f"{each['prefix']}…" for each in one["detail-type"]]
    return list(dict.fromkeys(found))


def messages_text(entries: Iterable[dict[str, Any]]) -> str:
    """The part of the cards that messages show, one rule a line: chalicelib/notify/cards.json."""
    lines = []
    for each in entries:
        uses, right_way = (
            each[key] if isinstance(each[key], kind) else kind() for key, kind in (("uses", list), ("right_way", dict))
        )
        check = [f"{', '.join(use['names'])}: {use['shows']}" for use in uses]
        card = {"why": each["why"], "check": check, "right_way": right_way}
        lines.append(f"{json.dumps(each['id'])}:{json.dumps(card, separators=(',', ':'), ensure_ascii=False)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
