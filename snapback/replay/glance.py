"""A first look at a CloudTrail log: which of its records can matter, without decoding the others.

msgspec reads only the fields of `Head`, at the record's own level, whatever stands inside its other fields; the rest of
the text is checked as JSON, and skipped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    LeaveOut = Callable[["Head"], bool]
    """Whether a record surely doesn't matter; counts it then."""


class Identity(msgspec.Struct):
    type: Any = None


class Head(msgspec.Struct, rename="camel"):
    """The fields by which most records are left out. None for what is missing or null."""

    event_source: Any = None
    event_name: Any = None
    event_time: Any = None
    event_type: Any = None
    event_category: Any = None
    aws_region: Any = None
    recipient_account_id: Any = None
    error_code: Any = None
    read_only: Any = None
    user_identity: Identity | None = None
    detail: msgspec.Raw | None = None

    @property
    def is_record(self) -> bool:
        """A bare CloudTrail record, whose fields are as they should be."""
        return (
            self.detail is None
            and isinstance(self.event_source, str)
            and isinstance(self.event_name, str)
            and isinstance(self.event_time, str)
            and isinstance(self.event_type, str | None)
        )


class _Log(msgspec.Struct, forbid_unknown_fields=True):
    """A log file as CloudTrail writes it: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html."""

    records: list[msgspec.Raw] = msgspec.field(name="Records")


_logs, _heads = msgspec.json.Decoder(_Log), msgspec.json.Decoder(Head)


def head_of(raw: bytes | msgspec.Raw) -> Head | None:
    """None for what is no plain CloudTrail record."""
    try:
        head = _heads.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
    return head if head.is_record else None


def records(data: bytes, leave_out: LeaveOut) -> list[tuple[int, Any]] | None:
    """The records of a log file that may matter, each with its number; None for any other text.

    Raises nothing: a text that is not all JSON in UTF-8 is any other text too.
    """
    if not data[:64].lstrip().startswith(b"{") or not _is_utf8(data):
        return None
    try:
        found = _logs.decode(data).records
        if not found or head_of(found[0]) is None:
            return None
        return list(_chosen(found, leave_out))
    except (msgspec.DecodeError, RecursionError):
        return None


def is_left_out(line: bytes, leave_out: LeaveOut) -> bool:
    """Whether a line is a record that surely doesn't matter."""
    head = head_of(line) if _is_utf8(line) else None
    return head is not None and leave_out(head)


def _chosen(found: list[msgspec.Raw], leave_out: LeaveOut) -> Iterator[tuple[int, Any]]:
    for number, raw in enumerate(found, 1):
        head = head_of(raw)
        if head is None or not leave_out(head):
            yield number, msgspec.json.decode(raw)


def _is_utf8(data: bytes) -> bool:
    """What is skipped is not checked for that."""
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


SEEN = frozenset({"source", "detail-type", *(f"detail.{name}" for name in ("eventSource", "eventName", "eventType"))})
"""Paths of an event that a head tells for sure."""
IDENTITY = "detail.userIdentity.type"


def narrowed(pattern: Mapping[str, Any], paths: frozenset[str], at: str = "") -> dict[str, Any]:
    """What a pattern asks of these paths: all that matches the whole matches this too. Nothing asked is {}."""
    kept: dict[str, Any] = {}
    for key, value in pattern.items():
        path = f"{at}.{key}" if at else key
        if key == "$or" and isinstance(value, list):
            options = [narrowed(each, paths, at) for each in value]
            if all(options):
                kept[key] = options
        elif isinstance(value, dict):
            if inner := narrowed(value, paths, path):
                kept[key] = inner
        elif path in paths:
            kept[key] = value
    return kept
