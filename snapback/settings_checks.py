"""Checks beyond the settings' types: names must exist, keys must fit together, and no value may have no effect."""

from __future__ import annotations

from collections import Counter
from datetime import date
from fnmatch import fnmatchcase
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.core.rule import Guardrail
from chalicelib.core.settings import Asking
from chalicelib.core.types import Mode
from chalicelib.notify.routing import NEVER_QUIET
from snapback.settings_reader import BAD, HIDDEN, meant, name_of, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chalicelib.core.rule import Rule
    from snapback.settings_reader import Reader, Where

_LISTED = "an id that `snapback catalog` lists"


def check_values(reader: Reader, values: dict[str, Any], rules: Mapping[str, Rule], today: date) -> None:
    """Reports every error and warning about the values to the reader."""
    _check_guardrails(reader, values, rules)
    _check_grace(reader, values, rules)
    _check_exemptions(reader, values, rules, today)
    _check_cidrs(reader, values)
    _check_channels(reader, values)
    _check_routing(reader, values, rules)


def _check_guardrails(reader: Reader, values: dict[str, Any], rules: Mapping[str, Rule]) -> None:
    for name, chosen in values.get("guardrails", {}).items():
        path = ("guardrails", name)
        if name not in rules:
            reader.wrong(path, f"no guardrail {quoted(name)}{meant(name, rules)}", _LISTED)
        for where, mode in _modes(path, chosen):
            if limit := _limit(rules.get(name), mode):
                reader.doubtful(where, f"{name} is set to {mode}, but {limit}")
        for tag, mode in (chosen.get("tags", {}) if isinstance(chosen, dict) else {}).items():
            key, is_tag, _ = tag.partition("=")
            if is_tag and mode == Mode.OFF and key not in values.get("trusted_tags", []):
                what = f"{tag} turns nothing off, because {quoted(key)} isn't in trusted_tags"
                reader.doubtful((*path, "tags", tag), what)


def _check_exemptions(reader: Reader, values: dict[str, Any], rules: Mapping[str, Rule], today: date) -> None:
    for number, exemption in _good(values.get("exemptions", [])):
        path, glob = ("exemptions", number), exemption["guardrail"]
        if not any(fnmatchcase(name, glob) for name in rules):
            what = f"no guardrail matches {quoted(glob)}{meant(glob, rules)}"
            reader.wrong((*path, "guardrail"), what, f"{_LISTED}, or a glob that matches one")
        if date.fromisoformat(exemption["expires"]) < today:
            reader.doubtful((*path, "expires"), f"the exemption expired on {exemption['expires']} and has no effect")
        if {glob, exemption.get("resource", "*"), exemption.get("actor", "*")} == {"*"}:
            reader.doubtful(path, "the exemption covers everything, so Snapback reports nothing")


def _check_grace(reader: Reader, values: dict[str, Any], rules: Mapping[str, Rule]) -> None:
    for glob in values.get("grace", {}):
        met = [rule for name, rule in rules.items() if fnmatchcase(name, glob)]
        if not met:
            what = f"no guardrail matches {quoted(glob)}{meant(glob, rules)}"
            reader.wrong(("grace", glob), what, f"{_LISTED}, or a glob that matches one")
        elif not any(isinstance(rule, Guardrail) and rule.grace for rule in met):
            reader.doubtful(("grace", glob), f"{quoted(glob)} matches no guardrail that waits")


def _check_cidrs(reader: Reader, values: dict[str, Any]) -> None:
    for number, cidr in _good(values.get("allow", {}).get("cidrs", [])):
        try:
            ip_network(cidr)
        except ValueError:
            what = f"{quoted(cidr)} isn't an address range"
            reader.wrong(("allow", "cidrs", number), what, "a CIDR such as 203.0.113.0/24 or 2001:db8::/32")


def _check_channels(reader: Reader, values: dict[str, Any]) -> None:
    channels = dict(_good(values.get("channels", [])))
    names = Counter(channel["name"] for channel in channels.values())
    for number, channel in channels.items():
        if names[channel["name"]] > 1:
            reader.wrong(("channels", number, "name"), f"two channels are called {channel['name']!r}", "each name once")
        if channel["type"] == "sns" and not channel["topic"].rpartition(":")[2].startswith("snapback-"):
            what = "Snapback's functions may publish only to topics whose names begin with snapback-"
            reader.doubtful(("channels", number, "topic"), what)
    for path, value in _secrets(values, channels):
        if not value.startswith(("ssm:/snapback/", "secretsmanager:snapback/")) and ":secret:snapback/" not in value:
            what = f"Snapback's functions can't read the secret of {name_of(path)}; put it under snapback/"
            reader.doubtful(path, what)
    named = {number: reader.partial.get(("channels", number), {}) for number in range(len(values.get("channels", [])))}
    known = {number: channels.get(number, named[number]) for number in named}
    if all(
        {"name", "type"} <= each.keys() for each in known.values()
    ):  # Else a missing name may be an unreadable one's.
        _check_names(reader, values, known)


def _check_names(reader: Reader, values: dict[str, Any], channels: Mapping[int, Any]) -> None:
    """Each channel name must exist, and no fallback may lead back."""
    types = {channel["name"]: channel["type"] for channel in channels.values()}
    apps = [name for name, kind in types.items() if kind == "slack_app"]
    for path, name in _channel_names(values, channels):
        if name not in types:
            what = f"{name_of(path)}: no channel {quoted(name)}{meant(name, types)}"
            reader.wrong(path, what, ", ".join(types) or "none: there are no channels")
        elif path == ("direct", "via") and name not in apps:
            what = f"{name_of(path)}: channel {name!r} is of type {types[name]}"
            fitting = f": {', '.join(apps)}" if apps else ""
            reader.wrong(path, what, f"a channel of type slack_app{fitting}")
    fallbacks = {channel["name"]: channel.get("fallback") for channel in channels.values()}
    for number, channel in channels.items():
        way, after = [channel["name"]], channel.get("fallback")
        while after and after not in way:
            way, after = [*way, after], fallbacks.get(after)
        if after == channel["name"]:
            what = f"channel {after!r} falls back to itself: {' → '.join([*way, after])}"
            reader.wrong(("channels", number, "fallback"), what, "another channel that doesn't lead back")


def _secrets(values: dict[str, Any], channels: Mapping[int, Any]) -> Iterator[tuple[Where, str]]:
    """The names of secrets, and where they are."""
    places: list[tuple[Where, Any]] = [(("channels", number), channel) for number, channel in channels.items()]
    places.append((("clicks",), values.get("clicks", {})))
    for path, each in places:
        for name in sorted(HIDDEN & each.keys()):
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


def _check_routing(reader: Reader, values: dict[str, Any], rules: Mapping[str, Rule]) -> None:
    for part in ("routes", "approvers"):
        for number, each in _good(values.get(part, [])):
            glob = each.get("guardrail", "*")
            if not any(fnmatchcase(name, glob) for name in rules):
                what = f"no guardrail matches {quoted(glob)}{meant(glob, rules)}"
                reader.wrong((part, number, "guardrail"), what, f"{_LISTED}, or a glob that matches one")
            if part == "routes" and not each["channels"]:
                reader.doubtful(
                    (part, number, "channels"), "findings of this route go to no channel, only to the ledger"
                )
    _check_quiet(reader, values.get("quiet") or {})
    asking = msgspec.structs.asdict(Asking()) | values.get("asking", {})
    for name in ("remind_hours", "escalate_hours"):
        if asking[name] >= asking["expire_hours"]:
            what = f"asking.{name} is {asking[name]}, but a question is closed after {asking['expire_hours']} hours"
            reader.wrong(("asking", name if ("asking", name) in reader.lines else "expire_hours"), what, "fewer hours")


def _check_quiet(reader: Reader, quiet: dict[str, Any]) -> None:
    if zone := quiet.get("zone"):
        from zoneinfo import available_timezones

        if zone not in (zones := available_timezones()):
            what = f"quiet.zone: no time zone {quoted(zone)}{meant(zone, zones)}"
            reader.wrong(("quiet", "zone"), what, "a name of the tz database, such as Europe/Berlin")
    if quiet and quiet["start"] == quiet["end"]:
        reader.wrong(("quiet", "end"), f"quiet.start and quiet.end are both {quiet['end']}", "two times of day")
    for number, severity in _good(quiet.get("severities") or []):
        if severity in NEVER_QUIET:
            reader.doubtful(("quiet", "severities", number), f"{severity} findings ignore quiet hours")


def _good(values: list[Any]) -> Iterator[tuple[int, Any]]:
    return ((number, value) for number, value in enumerate(values) if value is not BAD)


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
