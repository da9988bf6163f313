"""The settings file: YAML for people, checked against `core.settings.Settings`, each problem with its line.

The file is read by what the settings' types expect, not by YAML's guesses: `off` is a mode and no boolean, an
account number keeps its leading zero, and JSON reads as well, being YAML.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import yaml
from msgspec import inspect as kinds

from chalicelib import catalog
from chalicelib.core.partitions import REGION
from chalicelib.core.rule import Guardrail, Rule
from chalicelib.core.settings import Asking, Settings
from chalicelib.core.types import Mode
from chalicelib.notify.routing import NEVER_QUIET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_WORDS = {
    r"^[0-9]{12}$": "an account id of 12 digits",
    r"^[^=]+=.*$": "a tag as key=value",
    r"^(?![aA][wW][sS]:)[A-Za-z0-9 _.:/=+@-]{1,128}$": "a tag's key, which doesn't begin with aws:",
    r"^o-[a-z0-9]{10,32}$": "an organization id as o-abcde12345",
    r"^pl-": "a prefix list id as pl-0123456789abcdef0",
    r"^[A-Za-z0-9_-]{1,40}$": "1 to 40 letters, digits, _ and -",
    r"^(https?://|ssm:/|secretsmanager:).+$": "https://…, ssm:/path or secretsmanager:name",
    r"^(ssm:/|secretsmanager:).+$": "where it is kept: ssm:/path or secretsmanager:name",
    r"^[CG][A-Z0-9]{6,}$": "the id of a Slack channel as C0123456789",
    r"^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$": "the ARN of an SNS topic",
    r"^arn:[a-z-]+:s3:::[a-z0-9.-]+(/.*)?$": "the ARN of a bucket, and a prefix: arn:aws:s3:::bucket/prefix",
    r"^[a-z0-9.-]+\.[a-z]{2,}$": "a domain in lower case, as example.com",
    r"^([01][0-9]|2[0-3]):[0-5][0-9]$": "a time of day as 22:00",
    f"^{REGION.pattern}$": "a region as eu-west-1",
}
_NOT_FOR_PEOPLE = {"trouble", "stack", "published"}
_HIDDEN = {"url", "token", "secret", "slack_signing_secret", "page_key"}
_LISTED = "an id that `snapback catalog` lists"
_BAD: Any = object()
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


class BadSettings(Exception):
    """The file can't be used; one line a problem, `file:line: what; allowed: …`."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def read_settings(path: str | Path, *, warn: Callable[[Problem], None] = lambda _: None) -> Settings:
    """Raises BadSettings with all the problems at once; what is only doubtful goes to `warn`."""
    settings, problems = check(path)
    for problem in problems:
        if problem.warning:
            warn(problem)
    if settings is None:
        raise BadSettings([problem for problem in problems if not problem.warning])
    return settings


def check(path: str | Path, today: date | None = None) -> tuple[Settings | None, list[Problem]]:
    """The settings, None when they can't be used, and all that is wrong or doubtful, by line."""
    reader = _Reader(str(path))
    try:
        root = _composed(Path(path))
    except _Unreadable as error:
        reader.wrong((), str(error), line=error.line)
        return None, reader.problems
    values = {} if root is None else reader.read(root, kinds.type_info(Settings), ())
    if values is not _BAD:
        rules = {rule.id: rule for rule in catalog.all_rules()}
        _check_guardrails(reader, values, rules)
        _check_grace(reader, values, rules)
        _check_exemptions(reader, values, rules, today or datetime.now(UTC).date())
        _check_cidrs(reader, values)
        _check_channels(reader, values)
        _check_telling(reader, values, rules)
    reader.problems.sort(key=lambda problem: problem.line)
    settings = None
    if values is not _BAD and all(problem.warning for problem in reader.problems):
        try:
            settings = msgspec.convert(values, Settings)
        except msgspec.ValidationError as error:  # A constraint that _Reader doesn't know yet.
            reader.wrong((), str(error))
    return settings, reader.problems


def to_json(settings: Settings) -> bytes:
    """As the functions read them (`adapters.settings.load_settings`); equal settings give equal bytes."""
    return msgspec.json.encode(settings, order="deterministic")


class _Unreadable(Exception):
    line = 0


def _composed(path: Path) -> yaml.Node | None:
    text = ""
    try:
        text = path.read_text("utf-8")
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except OSError as error:
        raise _Unreadable(f"can't be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise _Unreadable("is not UTF-8; save it as YAML in UTF-8") from error
    except RecursionError as error:
        raise _Unreadable("is nested too deep") from error
    except yaml.reader.ReaderError as error:
        unreadable = _Unreadable(f"is no YAML: {error.reason} (character #x{error.character:x})")
        unreadable.line = text.count("\n", 0, error.position) + 1
        raise unreadable from error
    except yaml.MarkedYAMLError as error:
        unreadable = _Unreadable(f"is no YAML: {error.problem or error.context}")
        if mark := error.problem_mark or error.context_mark:
            unreadable.line = mark.line + 1
        raise unreadable from error


class _Reader:
    """Reads a YAML node as the type that the settings have in its place; goes on after a problem."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.lines: dict[Where, int] = {}

    def wrong(
        self, at: yaml.Node | Where, what: str, allowed: str = "", *, line: int = 0, warning: bool = False
    ) -> Any:
        line = line or (at.start_mark.line + 1 if isinstance(at, yaml.Node) else self.lines.get(at, 0))
        self.problems.append(Problem(self.file, line, what, allowed, warning))
        return _BAD

    def doubtful(self, at: Where, what: str) -> None:
        self.wrong(at, what, warning=True)

    def read(self, node: yaml.Node, kind: kinds.Type, path: Where) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if not _PLAIN_TAG.fullmatch(node.tag):
            return self.wrong(node, f"{_name(path)} has the tag {node.tag!r}", "YAML without tags of its own")
        empty = node.tag == "tag:yaml.org,2002:null"
        if (types := _tagged(kind)) and isinstance(node, yaml.MappingNode):
            return self._one_of(node, types, path)
        for each in kind.types if isinstance(kind, kinds.UnionType) else (kind,):
            found = self._nothing(each) if empty else self._as(node, each, path)
            if found is not _OTHER:
                return found
        shape = "nothing" if empty else _SHAPES[type(node)]
        return self.wrong(node, f"{_name(path)} has {shape}", _allowed(kind))

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
                return self._scalar(node, kind, _name(path), hidden=path[-1] in _HIDDEN)
        return _OTHER

    def _one_of(self, node: yaml.MappingNode, types: Mapping[str, kinds.StructType], path: Where) -> Any:
        """A struct that says by one of its keys which it is."""
        field = str(next(iter(types.values())).tag_field)
        found = next((pair for pair in node.value if pair[0].value == field), None)
        if found is None:
            return self.wrong(node, f"{_name(path)} lacks {field!r}", ", ".join(types))
        key, value = found
        where = (*path, field)
        self.lines[where] = key.start_mark.line + 1
        if not isinstance(value, yaml.ScalarNode):
            return self.wrong(value, f"{_name(where)} has {_SHAPES[type(value)]}", ", ".join(types))
        if value.value not in types:
            what = f"{_name(where)} is {_quoted(value.value)}{_meant(value.value, types)}"
            return self.wrong(value, what, ", ".join(types))
        return self._struct(node, types[value.value], path)

    def _pairs(self, node: yaml.MappingNode, path: Where) -> Iterator[tuple[yaml.ScalarNode, str, yaml.Node]]:
        seen: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.wrong(key, f"a key of {_name(path)} is no text", "text")
            elif key.value in seen:
                self.wrong(key, f"{_name((*path, key.value))} is there twice, first in line {seen[key.value]}", "once")
            else:
                seen[key.value] = key.start_mark.line + 1
                yield key, key.value, value

    def _struct(self, node: yaml.MappingNode, kind: kinds.StructType, path: Where) -> Any:
        fields = {field.encode_name: field for field in kind.fields if field.name not in _NOT_FOR_PEOPLE}
        found: dict[str, Any] = {}
        for key, name, value in self._pairs(node, path):
            if name == kind.tag_field:
                found[name] = kind.tag
                continue
            if name not in fields:
                what = f"unknown key {_quoted(name)} in {_name(path)}{_meant(name, fields)}"
                self.wrong(key, what, ", ".join(filter(None, (kind.tag_field, *fields))))
                continue
            self.lines[*path, name] = key.start_mark.line + 1
            found[name] = self.read(value, fields[name].type, (*path, name))
        for name, field in fields.items():
            if field.required and name not in found:
                self.wrong(node, f"{_name(path)} lacks {name!r}", _allowed(field.type))
                found[name] = _BAD
        whole = all(found[name] is not _BAD for name, field in fields.items() if field.required)
        return {name: value for name, value in found.items() if value is not _BAD} if whole else _BAD

    def _dict(self, node: yaml.MappingNode, kind: kinds.DictType, path: Where) -> Any:
        found = {}
        for key, name, value in self._pairs(node, path):
            self.lines[*path, name] = key.start_mark.line + 1
            self._scalar(key, kind.key_type, f"a key of {_name(path)}")
            found[name] = self.read(value, kind.value_type, (*path, name))
        return {name: value for name, value in found.items() if value is not _BAD}

    def _scalar(self, node: yaml.ScalarNode, kind: kinds.Type, name: str, *, hidden: bool = False) -> Any:
        text = node.value
        match kind:
            case kinds.EnumType():
                good, value = text in list(kind.cls), text
            case kinds.LiteralType():
                good, value = text in kind.values, text
            case kinds.StrType():
                good = bool(text) and len(text) >= (kind.min_length or 0) and bool(re.search(kind.pattern or "", text))
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
        meant = _meant(text, [str(value) for value in _values(kind)])
        return self.wrong(node, f"{name} is {'something else' if hidden else _quoted(text)}{meant}", _allowed(kind))


def _check_guardrails(reader: _Reader, values: dict[str, Any], rules: Mapping[str, Rule]) -> None:
    for name, chosen in values.get("guardrails", {}).items():
        path = ("guardrails", name)
        if name not in rules:
            reader.wrong(path, f"no guardrail {_quoted(name)}{_meant(name, rules)}", _LISTED)
        for where, mode in _modes(path, chosen):
            if limit := _limit(rules.get(name), mode):
                reader.doubtful(where, f"{name} is set to {mode}, but {limit}")
        for tag, mode in (chosen.get("tags", {}) if isinstance(chosen, dict) else {}).items():
            key, is_tag, _ = tag.partition("=")
            if is_tag and mode == Mode.OFF and key not in values.get("trusted_tags", []):
                what = f"{tag} turns nothing off, since {_quoted(key)} is not among trusted_tags"
                reader.doubtful((*path, "tags", tag), what)


def _check_exemptions(reader: _Reader, values: dict[str, Any], rules: Mapping[str, Rule], today: date) -> None:
    for number, exemption in _good(values.get("exemptions", [])):
        path, glob = ("exemptions", number), exemption["guardrail"]
        if not any(fnmatchcase(name, glob) for name in rules):
            what = f"{_quoted(glob)} is no guardrail{_meant(glob, rules)}"
            reader.wrong((*path, "guardrail"), what, f"{_LISTED}, or a glob of some")
        if date.fromisoformat(exemption["expires"]) < today:
            reader.doubtful((*path, "expires"), f"the exemption expired on {exemption['expires']} and counts no more")
        if {glob, exemption.get("resource", "*"), exemption.get("actor", "*")} == {"*"}:
            reader.doubtful(path, "the exemption covers everything, so nothing is ever told")


def _check_grace(reader: _Reader, values: dict[str, Any], rules: Mapping[str, Rule]) -> None:
    for glob in values.get("grace", {}):
        met = [rule for name, rule in rules.items() if fnmatchcase(name, glob)]
        if not met:
            what = f"{_quoted(glob)} is no guardrail{_meant(glob, rules)}"
            reader.wrong(("grace", glob), what, f"{_LISTED}, or a glob of some")
        elif not any(isinstance(rule, Guardrail) and rule.grace for rule in met):
            reader.doubtful(("grace", glob), f"{_quoted(glob)} is none of the guardrails that wait")


def _check_cidrs(reader: _Reader, values: dict[str, Any]) -> None:
    for number, cidr in _good(values.get("allow", {}).get("cidrs", [])):
        try:
            ip_network(cidr)
        except ValueError:
            what = f"{_quoted(cidr)} is no range of addresses"
            reader.wrong(("allow", "cidrs", number), what, "as 203.0.113.0/24 or 2001:db8::/32")


def _check_channels(reader: _Reader, values: dict[str, Any]) -> None:
    channels = dict(_good(values.get("channels", [])))
    names = Counter(channel["name"] for channel in channels.values())
    for number, channel in channels.items():
        if names[channel["name"]] > 1:
            reader.wrong(("channels", number, "name"), f"two channels are called {channel['name']!r}", "each name once")
        if channel["type"] == "sns" and not channel["topic"].rpartition(":")[2].startswith("snapback-"):
            what = "Snapback's functions may publish to topics only whose names begin with snapback-"
            reader.doubtful(("channels", number, "topic"), what)
    for path, value in _secrets(values, channels):
        if not value.startswith(("ssm:/snapback/", "secretsmanager:snapback/")) and ":secret:snapback/" not in value:
            what = f"{_name(path)} is a secret that Snapback's functions may not read; put it under snapback/"
            reader.doubtful(path, what)
    if len(channels) == len(values.get("channels", [])):  # Else one that can't be read may be the one that is named.
        _check_names(reader, values, channels)


def _check_names(reader: _Reader, values: dict[str, Any], channels: Mapping[int, Any]) -> None:
    """That each name of a channel is that of one which is there, and that no fallback leads back."""
    types = {channel["name"]: channel["type"] for channel in channels.values()}
    apps = [name for name, kind in types.items() if kind == "slack_app"]
    for path, name in _channel_names(values, channels):
        if name not in types:
            what = f"{_name(path)}: no channel {_quoted(name)}{_meant(name, types)}"
            reader.wrong(path, what, ", ".join(types) or "none: there are no channels")
        elif path == ("direct", "via") and name not in apps:
            what = f"{_name(path)}: channel {name!r} is of type {types[name]}"
            reader.wrong(path, what, f"a channel of type slack_app{''.join(': ' + ', '.join(apps) for _ in apps[:1])}")
    fallbacks = {channel["name"]: channel.get("fallback") for channel in channels.values()}
    for number, channel in channels.items():
        way, after = [channel["name"]], channel.get("fallback")
        while after and after not in way:
            way, after = [*way, after], fallbacks.get(after)
        if after == channel["name"]:
            what = f"channel {after!r} falls back to itself: {' → '.join([*way, after])}"
            reader.wrong(("channels", number, "fallback"), what, "another channel, without a circle")


def _secrets(values: dict[str, Any], channels: Mapping[int, Any]) -> Iterator[tuple[Where, str]]:
    """The names of secrets, and where they are."""
    places: list[tuple[Where, Any]] = [(("channels", number), channel) for number, channel in channels.items()]
    for path, each in [*places, (("clicks",), values.get("clicks", {}))]:
        for name in sorted(_HIDDEN & each.keys()):
            if each[name] and each[name].startswith(("ssm:", "secretsmanager:")):
                yield (*path, name), each[name]


def _channel_names(values: dict[str, Any], channels: Mapping[int, Any]) -> Iterator[tuple[Where, str]]:
    for number, channel in channels.items():
        if "fallback" in channel and channel["fallback"] is not None:
            yield ("channels", number, "fallback"), channel["fallback"]
    for number, route in _good(values.get("routes", [])):
        for place, name in _good(route["channels"]):
            yield ("routes", number, "channels", place), name
    if direct := values.get("direct"):
        yield ("direct", "via"), direct["via"]
    for place, name in _good(values.get("asking", {}).get("escalate_to", [])):
        yield ("asking", "escalate_to", place), name


def _check_telling(reader: _Reader, values: dict[str, Any], rules: Mapping[str, Rule]) -> None:
    for part in ("routes", "approvers"):
        for number, each in _good(values.get(part, [])):
            glob = each.get("guardrail", "*")
            if not any(fnmatchcase(name, glob) for name in rules):
                what = f"{_quoted(glob)} is no guardrail{_meant(glob, rules)}"
                reader.wrong((part, number, "guardrail"), what, f"{_LISTED}, or a glob of some")
            if part == "routes" and not each["channels"]:
                reader.doubtful((part, number, "channels"), "what fits this route is told nowhere, only in the ledger")
    _check_quiet(reader, values.get("quiet") or {})
    asking = msgspec.structs.asdict(Asking()) | values.get("asking", {})
    for name in ("remind_hours", "escalate_hours"):
        if asking[name] >= asking["expire_hours"]:
            what = f"asking.{name} is {asking[name]}, but a question is closed after {asking['expire_hours']} hours"
            reader.wrong(("asking", name if ("asking", name) in reader.lines else "expire_hours"), what, "fewer hours")


def _check_quiet(reader: _Reader, quiet: dict[str, Any]) -> None:
    if zone := quiet.get("zone"):
        from zoneinfo import available_timezones

        if zone not in (zones := available_timezones()):
            what = f"quiet.zone: no time zone {_quoted(zone)}{_meant(zone, zones)}"
            reader.wrong(("quiet", "zone"), what, "a name of the tz database, as Europe/Berlin")
    if quiet and quiet["start"] == quiet["end"]:
        reader.wrong(("quiet", "end"), f"quiet.start and quiet.end are both {quiet['end']}", "two times of day")
    for number, severity in _good(quiet.get("severities") or []):
        if severity in NEVER_QUIET:
            reader.doubtful(
                ("quiet", "severities", number), f"{severity} findings wait for nothing, quiet hours or not"
            )


def _good(values: list[Any]) -> Iterator[tuple[int, Any]]:
    return ((number, value) for number, value in enumerate(values) if value is not _BAD)


def _modes(path: Where, chosen: Any) -> Iterator[tuple[Where, Mode]]:
    if not isinstance(chosen, dict):
        yield path, Mode(chosen)
        return
    if "mode" in chosen:
        yield (*path, "mode"), Mode(chosen["mode"])
    for part in ("accounts", "tags"):
        for key, mode in chosen.get(part, {}).items():
            yield (*path, part, key), Mode(mode)


def _limit(rule: Rule | None, mode: Mode) -> str:
    if rule is None or mode in (Mode.OFF, Mode.ALERT):
        return ""
    if not isinstance(rule, Guardrail):
        return "it is a tripwire and only alerts"
    if rule.fix is None:
        return "it has no fix and only alerts"
    return "" if rule.fix.reversible or mode is Mode.ASK else "its fix can't be undone, so it asks"


def _tagged(kind: kinds.Type) -> dict[str, kinds.StructType]:
    """The structs of a union whose keys say which it is, by what they say."""
    types = kind.types if isinstance(kind, kinds.UnionType) else ()
    return {str(each.tag): each for each in types if isinstance(each, kinds.StructType) and each.tag_field}


def _allowed(kind: kinds.Type) -> str:
    words = {kinds.DictType: "keys and values", kinds.BoolType: "true, false", kinds.DateType: "a day as 2027-01-31"}
    text = words.get(type(kind), "")
    match kind:
        case kinds.UnionType() if types := _tagged(kind):
            text = f"keys and values, of which `type` is {', '.join(types)}"
        case kinds.UnionType():
            text = ", or ".join(_allowed(each) for each in kind.types if not isinstance(each, kinds.NoneType))
        case kinds.EnumType() | kinds.LiteralType():
            text = ", ".join(map(str, _values(kind)))
        case kinds.StructType():
            text = f"the keys {', '.join(field.name for field in kind.fields if field.name not in _NOT_FOR_PEOPLE)}"
        case kinds.VarTupleType() | kinds.FrozenSetType():
            text = f"a list (- …), each {_allowed(kind.item_type)}"
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


def _name(path: Where) -> str:
    """`exemptions[0].expires`, as a person would write it."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
    return text or "the file"


def _meant(word: str, words: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, [*words], n=1, cutoff=0.6)
    return f", did you mean {near[0]!r}?" if near else ""


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "…")  # noqa: PLR2004


def _is_date(text: str) -> bool:
    try:
        msgspec.convert(text, date)
    except msgspec.ValidationError:
        return False
    return True
