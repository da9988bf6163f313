"""docs/settings.md, from the settings' own structs: each key, what it takes, its default."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import inspect as kinds

from chalicelib.core.settings import Settings
from snapback.settings_reader import NOT_FOR_PEOPLE, allowed
from snapback.settings_schema import explained

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONG = 60
INTRO = """# Settings

{made}
`snapback.yaml` shows each key with an example. This page lists every key. `snapback settings check` shows each problem in your file, with its line.

## Choose where functions read the settings

By default, `make package` checks the file and adds it to the functions' package, so a change needs a deployment. With the stack's parameter
`Settings`, a change needs none:

| `Settings=` | where | size | cost | a bad version |
|---|---|---|---|---|
| `packaged` | in the functions' zip | any | none | can't be packaged |
| `ssm` | Parameter Store, `/<stack>/settings` | 8 KB | none up to 4 KB, then 0.05 USD a month | refused by the functions |
| `appconfig` | AppConfig, a hosted configuration | 1 MB | 0.20 USD a million requests, 0.0008 USD each time a container gets new settings | refused by AWS (JSON Schema) and by the functions; rolled back when they refuse it |

Then `snapback settings publish` checks the file, shows what it changes, and writes it as JSON. Nothing else should write there: functions don't read YAML.

Each container reads the settings when it starts, then at most once a minute. If a version can't be used, the container keeps the last good version
and counts `SettingsRefused` (the alarm `SettingsRefused` rings). Within five minutes, each channel gets one message for that version.
If a container has just started and finds no good version, it reads only the channels from its package **and fixes nothing**, because the package lacks later exemptions.
So publish once, right after the deployment that sets `Settings`.

Anybody who can write the published settings decides what Snapback does. Snapback reports each change by anyone except CloudFormation twice: by the tripwire
`ssm.own_settings_changed`, and by an EventBridge rule straight to the alarm topic, which no settings can turn off. Grant `ssm:PutParameter`, `ssm:DeleteParameter`,
`appconfig:StartDeployment` and `appconfig:CreateHostedConfigurationVersion` on them to few people.
"""


@dataclass(frozen=True)
class _Section:
    name: str
    struct: kinds.StructType


def page(made: str) -> str:
    sections = list(_sections())
    links = {each.struct.cls: each.name for each in sections}
    lines = [INTRO.format(made=made)]
    for each in sections:
        lines += [f"## {each.name}", "", _prose(each.struct.cls), "", "| key | what | default |", "|---|---|---|"]
        if each.struct.tag_field:
            lines.append(f"| `{each.struct.tag_field}` | {each.struct.tag} | |")
        told = explained(each.struct.cls)
        lines += [
            f"| `{field.encode_name}` | {_cell(told.get(field.name, '') + _takes(field.type, links))} | {_default(field)} |"
            for field in each.struct.fields
            if field.name not in NOT_FOR_PEOPLE
        ]
        lines.append("")
    return "\n".join(lines)


def _sections() -> Iterator[_Section]:
    """The file, then each struct below the first key that leads there."""
    seen: set[type] = set()
    left: list[tuple[str, kinds.Type]] = [("The file", kinds.type_info(Settings))]
    while left:
        name, kind = left.pop(0)
        for struct in _structs(kind):
            if struct.cls in seen:
                continue
            seen.add(struct.cls)
            yield _Section(f"{name} of type {struct.tag}" if struct.tag_field else name, struct)
            below = "" if struct.cls is Settings else f"{name}."
            left += [
                (below + field.encode_name, field.type) for field in struct.fields if field.name not in NOT_FOR_PEOPLE
            ]


def _structs(kind: kinds.Type) -> Iterator[kinds.StructType]:
    match kind:
        case kinds.StructType():
            yield kind
        case kinds.UnionType(types=types):
            for each in types:
                yield from _structs(each)
        case kinds.VarTupleType(item_type=item) | kinds.FrozenSetType(item_type=item) | kinds.DictType(value_type=item):
            yield from _structs(item)


def _takes(kind: kinds.Type, links: dict[type, str]) -> str:
    """A key's value, after what the key is for."""
    told = _what(kind, links)
    return f"Keys: {told}" if told.startswith("[") else f"Allowed: {told}"


def _what(kind: kinds.Type, links: dict[type, str]) -> str:
    """A struct by the name of its section; all else as `snapback settings check` says it."""
    match kind:
        case kinds.DictType():
            return f"keys ({_what(kind.key_type, links)}), each with a value ({_what(kind.value_type, links)})"
        case kinds.VarTupleType(item_type=item) | kinds.FrozenSetType(item_type=item):
            return f"a list, each {_what(item, links)}"
        case kinds.UnionType(types=types):
            told = (_what(each, links) for each in types if not isinstance(each, kinds.NoneType))
            return ", or ".join(filter(None, told))
        case kinds.StructType():
            name = links[kind.cls]
            return f"[{name}](#{_anchor(name)})"
    return allowed(kind)


def _anchor(name: str) -> str:
    """As GitHub makes it of a heading."""
    return "".join(each for each in name.lower().replace(" ", "-") if each.isalnum() or each in "-_")


def _default(field: Any) -> str:
    if field.required:
        return "**required**"
    made = field.default_factory is not msgspec.NODEFAULT
    value = field.default_factory() if made else field.default
    if isinstance(value, msgspec.Struct):
        return "as below"
    if value is None or value is msgspec.NODEFAULT:  # As `Modes.mode`, which may be unset.
        return "none"
    text = msgspec.json.encode(value, order="deterministic").decode().strip('"')
    return _cell(f"`{text if len(text) <= _LONG else text[: _LONG - 1] + '…'}`") if text else ""


def _prose(cls: type) -> str:
    return inspect.cleandoc(cls.__dict__.get("__doc__") or "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
