"""A YAML node as the type that the settings have in its place, each problem with its line.

Read by what the settings' types expect, not by YAML's guesses: `off` is a mode and no boolean, an account number keeps
its leading zero, and JSON reads as well, being YAML.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec
import yaml
from msgspec import inspect as kinds

from chalicelib.core.partitions import REGION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_WORDS = {
    r"^[0-9]{12}$": "an account id of 12 digits",
    r"^[^=]+=.*$": "a tag as key=value",
    r"^(?![aA][wW][sS]:)[A-Za-z0-9 _.:/=+@-]{1,128}$": "a tag's key, which doesn't begin with aws:",
    r"^o-[a-z0-9]{10,32}$": "an organization id as o-abcde12345",
    r"^pl-": "a prefix list id as pl-0123456789abcdef0",
    r"^[A-Za-z0-9_-]{1,40}$": "1 to 40 letters, digits, _ and -",
    r"^(https?://|ssm:/|secretsmanager:).+$": "https://…, ssm:/path or secretsmanager:name",
    r"^(ssm:/|secretsmanager:).+$": "the name of a secret, not its value: ssm:/path or secretsmanager:name",
    r"^[CG][A-Z0-9]{6,}$": "the id of a Slack channel as C0123456789",
    r"^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$": "the ARN of an SNS topic",
    r"^arn:[a-z-]+:s3:::[a-z0-9.-]+(/.*)?$": "the ARN of a bucket, and a prefix: arn:aws:s3:::bucket/prefix",
    r"^[a-z0-9.-]+\.[a-z]{2,}$": "a domain in lower case, as example.com",
    r"^([01][0-9]|2[0-3]):[0-5][0-9]$": "a time of day as 22:00",
    r"^.{1,50}$": "1 to 50 characters",
    r"^arn:[a-z-]+:iam::[0-9]{12}:role/.+$": "the ARN of a role: arn:aws:iam::123456789012:role/name",
    f"^{REGION.pattern}$": "a region as eu-west-1",
    r"^https://[!-;=?-~]+$": "an https:// URL",
}
NOT_FOR_PEOPLE = {"trouble", "stack", "published"}
"""Keys that the deployment sets."""
HIDDEN = {"url", "token", "secret", "slack_signing_secret", "page_key"}
"""Keys whose values are never shown, since a secret may stand there by mistake."""
BAD: Any = object()
"""In place of a value that can't be read."""
_OTHER: Any = object()
_SCALARS = (kinds.EnumType, kinds.LiteralType, kinds.StrType, kinds.IntType, kinds.BoolType, kinds.DateType)
_PLAIN_TAG = re.compile(r"tag:yaml\.org,2002:[a-z]+")
_SHAPES: dict[type[yaml.Node], str] = {
    yaml.MappingNode: "keys and values",
    yaml.SequenceNode: "a list",
    yaml.ScalarNode: "a single value",
}

Where = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a settings file, or, with `warning`, one that is allowed but surely not meant."""

    file: str
    line: int
    what: str
    allowed: str = ""
    warning: bool = False

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.what}" + (f"; allowed: {self.allowed}" if self.allowed else "")


class Reader:
    """Reads a YAML node as the type that the settings have in its place; goes on after a problem."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.lines: dict[Where, int] = {}
        self.partial: dict[Where, dict[str, Any]] = {}
        """What could be read of things that lack something, so that what refers to them can be checked."""

    def wrong(
        self, at: yaml.Node | Where, what: str, allowed: str = "", *, line: int = 0, warning: bool = False
    ) -> Any:
        line = line or (at.start_mark.line + 1 if isinstance(at, yaml.Node) else self.lines.get(at, 0))
        self.problems.append(Problem(self.file, line, what, allowed, warning))
        return BAD

    def doubtful(self, at: Where, what: str) -> None:
        self.wrong(at, what, warning=True)

    def read(self, node: yaml.Node, kind: kinds.Type, path: Where) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if not _PLAIN_TAG.fullmatch(node.tag):
            return self.wrong(node, f"{name_of(path)} has the tag {node.tag!r}", "YAML without tags of its own")
        empty = node.tag == "tag:yaml.org,2002:null"
        if (types := _tagged(kind)) and isinstance(node, yaml.MappingNode):
            return self._one_of(node, types, path)
        for each in kind.types if isinstance(kind, kinds.UnionType) else (kind,):
            found = self._nothing(each) if empty else self._as(node, each, path)
            if found is not _OTHER:
                return found
        shape = "nothing" if empty else _SHAPES[type(node)]
        return self.wrong(node, f"{name_of(path)} has {shape}", allowed(kind))

    @staticmethod
    def _nothing(kind: kinds.Type) -> Any:
        """A key whose whole content is commented out is as good as absent."""
        match kind:
            case kinds.NoneType():
                return None
            case kinds.StructType(fields=fields) if not any(field.required for field in fields):
                return {}
            case kinds.DictType():
                return {}
            case kinds.VarTupleType() | kinds.FrozenSetType():
                return []
        return _OTHER

    def _as(self, node: yaml.Node, kind: kinds.Type, path: Where) -> Any:
        match kind, node:
            case kinds.StructType(), yaml.MappingNode():
                return self._struct(node, kind, path)
            case kinds.DictType(), yaml.MappingNode():
                return self._dict(node, kind, path)
            case ((kinds.VarTupleType() | kinds.FrozenSetType()), yaml.SequenceNode()):
                return [self.read(item, kind.item_type, (*path, number)) for number, item in enumerate(node.value)]
            case _, yaml.ScalarNode() if isinstance(kind, _SCALARS):
                return self._scalar(node, kind, name_of(path), hidden=path[-1] in HIDDEN)
        return _OTHER

    def _one_of(self, node: yaml.MappingNode, types: Mapping[str, kinds.StructType], path: Where) -> Any:
        """A struct that says by one of its keys which it is."""
        field = str(next(iter(types.values())).tag_field)
        found = next((pair for pair in node.value if pair[0].value == field), None)
        if found is None:
            return self.wrong(node, f"{name_of(path)} lacks {field!r}", ", ".join(types))
        key, value = found
        where = (*path, field)
        self.lines[where] = key.start_mark.line + 1
        if not isinstance(value, yaml.ScalarNode):
            return self.wrong(value, f"{name_of(where)} has {_SHAPES[type(value)]}", ", ".join(types))
        if value.value not in types:
            what = f"{name_of(where)} is {quoted(value.value)}{meant(value.value, types)}"
            return self.wrong(value, what, ", ".join(types))
        return self._struct(node, types[value.value], path)

    def _pairs(self, node: yaml.MappingNode, path: Where) -> Iterator[tuple[yaml.ScalarNode, str, yaml.Node]]:
        seen: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.wrong(key, f"a key of {name_of(path)} is not text", "text")
            elif key.value in seen:
                self.wrong(key, f"{name_of((*path, key.value))} appears twice, first in line {seen[key.value]}", "once")
            else:
                seen[key.value] = key.start_mark.line + 1
                yield key, key.value, value

    def _struct(self, node: yaml.MappingNode, kind: kinds.StructType, path: Where) -> Any:
        fields = {field.encode_name: field for field in kind.fields if field.name not in NOT_FOR_PEOPLE}
        found: dict[str, Any] = {}
        for key, name, value in self._pairs(node, path):
            if name == kind.tag_field:
                found[name] = kind.tag
                continue
            if name not in fields:
                instead = "; use `allow` and `require`" if (*path, name) == ("known",) else meant(name, fields)
                what = f"unknown key {quoted(name)} in {name_of(path)}{instead}"
                self.wrong(key, what, ", ".join(filter(None, (kind.tag_field, *fields))))
                continue
            self.lines[*path, name] = key.start_mark.line + 1
            found[name] = self.read(value, fields[name].type, (*path, name))
        for name, field in fields.items():
            if field.required and name not in found:
                self.wrong(node, f"{name_of(path)} lacks {name!r}", allowed(field.type))
                found[name] = BAD
        whole = all(found[name] is not BAD for name, field in fields.items() if field.required)
        good = {name: value for name, value in found.items() if value is not BAD}
        if not whole:
            self.partial[path] = good
        return good if whole else BAD

    def _dict(self, node: yaml.MappingNode, kind: kinds.DictType, path: Where) -> Any:
        found = {}
        for key, name, value in self._pairs(node, path):
            self.lines[*path, name] = key.start_mark.line + 1
            self._scalar(key, kind.key_type, f"a key of {name_of(path)}")
            found[name] = self.read(value, kind.value_type, (*path, name))
        return {name: value for name, value in found.items() if value is not BAD}

    def _scalar(self, node: yaml.ScalarNode, kind: kinds.Type, name: str, *, hidden: bool = False) -> Any:
        text = node.value
        match kind:
            case kinds.EnumType():
                good, value = text in list(kind.cls), text
            case kinds.LiteralType():
                good, value = text in kind.values, text
            case kinds.StrType():
                # "" is allowed only where a minimum of 0 says so.
                least = 1 if kind.min_length is None else kind.min_length
                good = len(text) >= least and bool(re.search(kind.pattern or "", text))
                value = text
            case kinds.IntType():
                good = node.style is None and bool(re.fullmatch(r"0|-?[1-9][0-9]{0,17}", text))
                value = int(text) if good else 0
                good = good and (kind.ge is None or value >= kind.ge) and (kind.le is None or value <= kind.le)
            case kinds.BoolType():
                good, value = node.tag == "tag:yaml.org,2002:bool", text.lower() in {"true", "yes", "on"}
            case _:
                good, value = _is_date(text), text
        if good:
            return value
        what = f"{name} is {'not valid' if hidden else quoted(text)}"
        return self.wrong(node, what + meant(text, [str(value) for value in _values(kind)]), allowed(kind))


def _tagged(kind: kinds.Type) -> dict[str, kinds.StructType]:
    """The structs of a union whose keys say which it is, by what they say."""
    types = kind.types if isinstance(kind, kinds.UnionType) else ()
    return {str(each.tag): each for each in types if isinstance(each, kinds.StructType) and each.tag_field}


def allowed(kind: kinds.Type) -> str:
    words = {kinds.DictType: "keys and values", kinds.BoolType: "true, false", kinds.DateType: "a day as 2027-01-31"}
    text = words.get(type(kind), "")
    match kind:
        case kinds.UnionType() if types := _tagged(kind):
            text = f"keys and values, with `type` {', '.join(types)}"
        case kinds.UnionType():
            text = ", or ".join(allowed(each) for each in kind.types if not isinstance(each, kinds.NoneType))
        case kinds.EnumType() | kinds.LiteralType():
            text = ", ".join(map(str, _values(kind)))
        case kinds.StructType():
            text = f"the keys {', '.join(field.name for field in kind.fields if field.name not in NOT_FOR_PEOPLE)}"
        case kinds.VarTupleType() | kinds.FrozenSetType():
            text = f"a list (- …), each {allowed(kind.item_type)}"
        case kinds.StrType(pattern=str(pattern)):
            text = _WORDS.get(pattern, f"text like {pattern}")
        case kinds.StrType():
            text = f"text of at least {kind.min_length} characters" if kind.min_length else "text"
        case kinds.IntType():
            text = f"a whole number from {kind.ge} to {kind.le}"
    return text


def _values(kind: kinds.Type) -> list[Any]:
    match kind:
        case kinds.EnumType():
            return [member.value for member in kind.cls]
        case kinds.LiteralType():
            return list(kind.values)
    return []


def name_of(path: Where) -> str:
    """`exemptions[0].expires`, as a person would write it."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
    return text or "the file"


def meant(word: str, words: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, [*words], n=1, cutoff=0.6)
    return f", did you mean {near[0]!r}?" if near else ""


def quoted(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "…")  # noqa: PLR2004


def _is_date(text: str) -> bool:
    try:
        msgspec.convert(text, date)
    except msgspec.ValidationError:
        return False
    return True
