"""Records as items of the ledger's table, in DynamoDB's typed JSON, as in its stream."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalicelib.aws.ledger_conditions import string
from chalicelib.core.errors import UnreadableRecord
from chalicelib.core.event import Actor
from chalicelib.core.record import STATES, Record, Step
from chalicelib.core.types import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SMALL = {"tags", "calls"}
_TIMES = {"event_time", "seen_at"}


def stepped(item: Mapping[str, Any], load: Callable[[Mapping[str, Any]], Record]) -> Record | None:
    """The record in an item of the table's stream, as `load` reads it, if it is there with a new step.

    A new step, and not a new status: a question that is asked anew, with another preview, stays `asking`.
    """
    new, old = item["dynamodb"].get("NewImage"), item["dynamodb"].get("OldImage") or {}
    if not new or not new["pk"]["S"].startswith("record#"):
        return None
    if len(new["history"]["L"]) <= len(old.get("history", {}).get("L", [])):
        return None
    return load(new)


def to_item(record: Record) -> dict[str, Any]:
    item: dict[str, Any] = {"pk": {"S": f"record#{record.id}"}}
    for field in fields(record):
        value = getattr(record, field.name)
        if field.name == "history":
            item["history"] = {"L": [{"S": json.dumps(asdict(step))} for step in value]}
        elif field.name == "actor":
            item["actor"] = {"S": json.dumps(asdict(value))}
        elif field.name in {*STATES, *_SMALL}:
            item[field.name] = {"S": json.dumps(value)}
        elif field.name in _TIMES:
            item[field.name] = {"S": value.isoformat()}
        elif isinstance(value, bool):
            item[field.name] = {"BOOL": value}
        else:
            item[field.name] = {"N": str(value)} if isinstance(value, int) else {"S": str(value)}
    return item


def from_item(item: Mapping[str, Any]) -> Record:
    """A record from DynamoDB's typed JSON, as in the table and in its stream. Raises UnreadableRecord.

    What it is comes from its key, which IAM limits; all else has to fit that.
    """
    key = string(item, "pk")
    try:
        record = _parsed(item)
    except (AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise UnreadableRecord(
            f"item {key!r} can't be read as a record by this version: {type(error).__name__}"
        ) from error
    if key != f"record#{record.id}" or not record.is_of_one_service:
        raise UnreadableRecord(
            f"item {key!r} isn't a record from Snapback: its key, id, guardrail and kind don't match"
        )
    return record


def _parsed(item: Mapping[str, Any]) -> Record:
    values: dict[str, Any] = {}
    for field in fields(Record):
        if field.name not in item:
            continue
        ((type_, value),) = item[field.name].items()
        if field.name == "history":
            value = tuple(Step(**json.loads(step["S"])) for step in value)
        elif field.name == "actor":
            value = Actor(**json.loads(value))
        elif field.name == "status":
            value = Status(value)
        elif field.name in {*STATES, *_SMALL}:
            value = json.loads(value)
            value = tuple(value) if isinstance(value, list) else value
        elif field.name in _TIMES:
            value = datetime.fromisoformat(value)
        values[field.name] = int(value) if type_ == "N" else value
        if field.type == "str" and not isinstance(values[field.name], str):
            raise TypeError(field.name)
    return Record(**values)
