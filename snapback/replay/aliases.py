"""Ids in records and the ids that an in-memory AWS gave to the same things."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import date
from typing import Any

_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,}")
_ACCOUNT = re.compile(r"[0-9]{12}")
_NO_ID = frozenset({"requestid", "ownerid", "requesterid", "clienttoken", "accountid", "principalid"})
_ARN_HEAD = 5
"""`arn`, partition, service, region and account: what comes after is the resource."""


def fold(name: str) -> str:
    """By which a name's spellings are one: `IpPermissions`, `ipPermissions`, `x-amz-acl` and `XAmzAcl`."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


class Aliases:
    """Learnt from what was recorded beside what memory answered; a record's id is rewritten wherever it stands."""

    def __init__(self) -> None:
        self._memory: dict[str, str] = {}
        self._log: dict[str, str] = {}

    def put(self, recorded: str, made: str) -> None:
        if recorded != made:
            self._memory[recorded] = made
            self._log[made] = recorded
        self._log.setdefault(made, recorded)

    def made(self, id: str) -> bool:
        """Whether an id is one that memory gave."""
        return id in self._log

    def to_memory(self, value: Any) -> Any:
        """A record's JSON with the ids that memory has."""
        return _rewritten(value, self._memory) if self._memory else value

    def to_log(self, value: Any) -> Any:
        """Text, JSON or a dataclass with the ids of the records."""
        return _rewritten(value, self._log) if self._log else value

    def learn(self, recorded: Any, answered: Any, key: str = "") -> None:
        """Walk two answers to the same call side by side: where the one has an id, the other has its alias."""
        recorded = _bare(recorded)
        if isinstance(answered, Mapping):
            if not isinstance(recorded, Mapping):
                return
            spelt = {fold(str(name)).removesuffix("set"): value for name, value in recorded.items()}
            for name, value in answered.items():
                folded = fold(str(name))
                for spelling in (folded, folded.removesuffix("s")):
                    if spelling in spelt:
                        self.learn(spelt[spelling], value, folded)
                        break
        elif isinstance(answered, list):
            there = recorded if isinstance(recorded, list) else [recorded]
            if len(there) == len(answered):
                for one, other in zip(there, answered, strict=True):
                    self.learn(one, other, key)
        elif isinstance(recorded, str) and isinstance(answered, str):
            self._pair(recorded, answered, key)

    def _pair(self, recorded: str, answered: str, key: str) -> None:
        if recorded.startswith("arn:") and answered.startswith("arn:"):
            one, other = (re.split(r"[:/]", arn)[_ARN_HEAD:] for arn in (recorded, answered))
            if len(one) == len(other):
                for this, that in zip(one, other, strict=True):
                    if this != that and len(this) > 2:  # noqa: PLR2004 - as short as a token gets
                        self.put(this, that)
        elif key.endswith(("id", "ids")) and key not in _NO_ID and not _ACCOUNT.fullmatch(recorded):
            self.put(recorded, answered)


def _bare(value: Any) -> Any:
    """Without the wrappers that CloudTrail puts round lists and EC2's answers."""
    while isinstance(value, Mapping):
        if len(value) == 1:
            ((name, inner),) = value.items()
            if name in {"items", "item", "member"} or (str(name).endswith("Response") and isinstance(inner, Mapping)):
                value = inner
                continue
        break
    return value


def _rewritten(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        if value in names:
            return type(value)(names[value]) if type(value) is str else value
        return _TOKEN.sub(lambda token: names.get(token[0], token[0]), value) if type(value) is str else value
    if isinstance(value, Mapping):
        return {name: _rewritten(each, names) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_rewritten(each, names) for each in value)
    if is_dataclass(value) and not isinstance(value, type | date):
        return replace(value, **{each.name: _rewritten(getattr(value, each.name), names) for each in fields(value)})
    return value
