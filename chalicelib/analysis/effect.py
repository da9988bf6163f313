"""What a fix does, as a sentence without its subject: `removes READ for AllUsers`. One function for all fixes' states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.analysis.secrets import open_and_redact, redact
from chalicelib.analysis.text import cut, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MOST = 3
"""Phrases of a sentence; what is more is counted."""
_NAMED = ("Sid", "ID", "Id", "Name", "Key", "name", "id")
_FLAGS = {
    "exists": ("creates it again", "deletes it"),
    "enabled": ("enables it", "disables it"),
    "assigned": ("assigns it", "removes the assignment"),
    "archived": ("archives it", "takes it out of the archive"),
    "joined": ("connects them again", "ends the connection"),
    "assigns_public_addresses": ("makes it assign public addresses", "stops it from assigning public addresses"),
}
_WORDS = {
    "audit": "the audit log",
    "block": "the block of public sharing",
    "encrypted_by_default": "encryption by default",
    "private": "private access",
    "public": "public access",
    "recovery": "point-in-time recovery",
    "reserved": "reserved concurrency",
    "versioned": "versioning",
}
_SELF_EVIDENT = frozenset({"admin", "attached", "but", "permissions", "unknown_principals"})
"""Lists that hold nothing but what the fix is about: a sentence doesn't name them."""
_PAST = {
    "adds": "added",
    "archives": "archived",
    "assigns": "assigned",
    "changes": "changed",
    "connects": "connected",
    "creates": "created",
    "deletes": "deleted",
    "disables": "disabled",
    "enables": "enabled",
    "ends": "ended",
    "makes": "made",
    "removes": "removed",
    "sets": "set",
    "stops": "stopped",
    "takes": "took",
    "turns": "turned",
}
"""By the verb that each phrase begins with."""
_LEFT_OUT = "[left out"
_PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}


class _Unclear(Exception):
    """The structure doesn't say what a person would call the change."""


def effect(before: Any, after: Any, *, past: bool = False) -> str:
    """On one line, without secrets, not escaped; nothing where the states differ in a way that no sentence tells.

    In the `past`, it says what a fix did.
    """
    hidden: dict[str, int] = {}
    try:
        old, new = open_and_redact(before, hidden), open_and_redact(after, hidden)
        phrases = list(dict.fromkeys(_differences(old, new)))
    except (_Unclear, RecursionError):
        return ""
    if len(phrases) > _MOST + 1:
        phrases = [*phrases[:_MOST], f"makes {len(phrases) - _MOST} more changes"]
    return cut(plain(redact(_joined([cut(_in_past(each) if past else each, 160) for each in phrases]))), 500)


def _in_past(phrase: str) -> str:
    verb, _, rest = phrase.partition(" ")
    if verb == "removes":
        rest = rest.replace(", which allows ", ", which allowed ").replace(", which denies ", ", which denied ")
    return f"{_PAST[verb]} {rest}"


def _joined(words: Iterable[str]) -> str:
    *first, last = [*words] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def _differences(old: Any, new: Any) -> Iterator[str]:
    if not isinstance(old, dict) or not isinstance(new, dict):
        raise _Unclear
    keys = [*old, *(key for key in new if key not in old)]
    if old.get("Statement") != new.get("Statement"):
        keys = ["Statement"]  # And not the version and id, which come and go with the policy.
    for key in keys:
        if old.get(key) != new.get(key):
            yield from _changed(key, old.get(key), new.get(key))


def _changed(key: str, old: Any, new: Any) -> Iterator[str]:
    name = _WORDS.get(key) or key.replace("_", " ")
    if isinstance(old, bool | None) and isinstance(new, bool) and key in _FLAGS:
        yield _FLAGS[key][not new]
    elif isinstance(old, bool | None) and isinstance(new, bool):
        yield f"turns {name} {'on' if new else 'off'}"
    elif _is_value(old) and _is_value(new):
        yield _set(name, old, new)
    elif key == "Statement" or isinstance(old, list) or isinstance(new, list):
        if key[:1].islower() and not all(isinstance(each, list | None) for each in (old, new)):
            raise _Unclear  # In policies only, a value alone is as good as a list of it.
        yield from _listed("" if key in _SELF_EVIDENT else name, _as_list(old), _as_list(new))
    elif (thing := _thing(old or new)) and not (old and new):
        yield f"{'removes' if old else 'adds'} {thing}"
    elif isinstance(old, dict | None) and isinstance(new, dict | None):
        yield from _differences(old or {}, new or {})
    else:
        raise _Unclear


def _set(name: str, old: Any, new: Any) -> str:
    old, new = (each or None for each in (old, new)) if isinstance(old, str) else (old, new)
    hidden_old, hidden_new = (str(each).startswith(_LEFT_OUT) for each in (old, new))
    if new is None:
        return f"removes {name}" if hidden_old else f"removes {name} {old}"
    if hidden_new:
        return f"changes {name}"
    return f"sets {name} to {new}" if old is None or hidden_old else f"changes {name} from {old} to {new}"


def _listed(name: str, old: list[Any], new: list[Any]) -> Iterator[str]:
    gone, come = [each for each in old if each not in new], [each for each in new if each not in old]
    if len(gone) == len(come) and all(map(_is_same_thing, gone, come)):
        for one, other in zip(gone, come, strict=True):
            yield from (f"{each} in {_label(one)}" for each in _differences(one, other))
        return
    if not gone and not come:
        raise _Unclear  # Only the order differs.
    for verb, word, some in (("removes", "from", gone), ("adds", "to", come)):
        if some and all(isinstance(each, str) for each in some):
            yield f"{verb} {_shortened(some)}" + (f" {word} {name}" if name else "")
            continue
        things = [_thing(each) for each in some]
        if not all(things):
            raise _Unclear
        if things:
            yield f"{verb} {_shortened(things)}"


def _is_same_thing(one: Any, other: Any) -> bool:
    if not isinstance(one, dict) or not isinstance(other, dict):
        return False
    names = [key for key in _NAMED if key in one or key in other]
    return bool(names) and all(one.get(key) == other.get(key) for key in names)


def _label(found: dict[str, Any]) -> str:
    name = next(str(found[key]) for key in _NAMED if key in found)
    return f"statement {name}" if "Effect" in found else name


def _thing(found: Any) -> str:
    """What a person calls it; nothing if its structure doesn't say."""
    if not isinstance(found, dict):
        return ""
    if "Grantee" in found and "Permission" in found:
        return _grant(found)
    if "Effect" in found and ("Action" in found or "NotAction" in found):
        return _statement(found)
    if "IpProtocol" in found or ("Protocol" in found and "RuleAction" in found):
        return _traffic(found)
    if len(found) == 1 and _is_value(value := next(iter(found.values()))):
        return "everyone" if found == {"Group": "all"} else str(value)
    return ""


def _grant(found: dict[str, Any]) -> str:
    who = found["Grantee"] if isinstance(found["Grantee"], dict) else {}
    name = str(who.get("URI") or who.get("ID") or who.get("EmailAddress") or "?")
    return f"{found['Permission']} for {cut(name.rsplit('/', 1)[-1], 24)}"


def _statement(found: dict[str, Any]) -> str:
    named = f"statement {found['Sid']}" if found.get("Sid") else "a statement"
    verb = "allows" if found["Effect"] == "Allow" else "denies"
    actions = f"all but {_shortened(_as_list(found['NotAction']))}" if "NotAction" in found else ""
    what = actions or _shortened(_as_list(found["Action"]))
    what = "everything" if what == "*" else what
    limits = " under conditions" if found.get("Condition") else ""
    who = found.get("Principal")
    if who is None:
        return f"{named}, which {verb} {what}{limits}"
    people = [each for some in who.values() for each in _as_list(some)] if isinstance(who, dict) else [who]
    return f"{named}, which {verb} {what} for {'anyone' if '*' in people else _shortened(people)}{limits}"


def _traffic(found: dict[str, Any]) -> str:
    protocol = str(found.get("IpProtocol") or found.get("Protocol"))
    ports = found.get("PortRange") if isinstance(found.get("PortRange"), dict) else {}
    first, last = found.get("FromPort", (ports or {}).get("From")), found.get("ToPort", (ports or {}).get("To"))
    span = "" if first in {None, -1} else f" {first}" if first == last else f" {first}-{last}"
    what = "all traffic" if protocol == "-1" else f"{_PROTOCOLS.get(protocol, protocol)}{span}"
    keys = ("CidrIpv4", "CidrIpv6", "CidrBlock", "Ipv6CidrBlock", "PrefixListId", "ReferencedGroupInfo")
    whom = next((found[key] for key in keys if found.get(key)), "")
    whom = whom.get("GroupId", "") if isinstance(whom, dict) else whom
    outward = found.get("IsEgress") or found.get("Egress")
    return f"{what} {'to' if outward else 'from'} {whom}" if whom else what


def _shortened(some: Iterable[Any]) -> str:
    texts = [cut(str(each), 90) for each in some]
    return _joined([*texts[:2], f"{len(texts) - 2} more"] if len(texts) > 3 else texts)  # noqa: PLR2004


def _as_list(found: Any) -> list[Any]:
    return found if isinstance(found, list) else [] if found is None else [found]


def _is_value(found: Any) -> bool:
    return found is None or isinstance(found, str | int | float)
