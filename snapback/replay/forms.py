"""The forms in which people have events: from one JSON value, or from a table, to CloudTrail records and envelopes.

- CloudTrail's log files, lists, single records and EventBridge envelopes
- `aws cloudtrail lookup-events`, `get-query-results`, and `aws athena get-query-results`
- CloudTrail Lake's and Athena's exports, as JSON or CSV: a column `eventJson`, or a column for each field
- what Logstash, Filebeat and Elasticsearch make of a record (`@timestamp`, `event.original`, `_source`)
- CloudWatch Logs (`message`; `aws logs get-query-results`), and messages of SQS and SNS
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from chalicelib.core.event import text

MARKS = frozenset({"eventSource", "eventName", "eventVersion", "eventID", "userIdentity"})
_LISTS = ("Records", "Events", "events", "logEvents", "Messages", "hits")
_HOLDERS = (
    "CloudTrailEvent",
    "eventJson",
    "eventjson",
    "_source",
    "cloudtrail",
    "message",
    "Message",
    "body",
    "Body",
    "@message",
)
_DEEPEST = 6
_FIELDS = [
    "eventVersion",
    "userIdentity",
    "eventTime",
    "eventSource",
    "eventName",
    "awsRegion",
    "sourceIPAddress",
    "userAgent",
    "errorCode",
    "errorMessage",
    "requestParameters",
    "responseElements",
    "additionalEventData",
    "requestID",
    "eventID",
    "resources",
    "eventType",
    "apiVersion",
    "readOnly",
    "recipientAccountId",
    "serviceEventDetails",
    "sharedEventID",
    "vpcEndpointId",
    "eventCategory",
    "managementEvent",
    "tlsDetails",
]
_OF_IDENTITY = [
    "type",
    "principalId",
    "arn",
    "accountId",
    "accessKeyId",
    "userName",
    "invokedBy",
    "sessionContext",
    "sessionIssuer",
    "attributes",
    "mfaAuthenticated",
    "creationDate",
    "identityProvider",
]
_SPELT = {name.lower(): name for name in _FIELDS + _OF_IDENTITY}
"""Athena writes all names in lower case: https://docs.aws.amazon.com/athena/latest/ug/cloudtrail-logs.html."""
_OBJECTS = ("userIdentity", "requestParameters", "responseElements", "additionalEventData", "serviceEventDetails")
_NOTHING = frozenset({"", "null", "-"})


def is_event(value: Any) -> bool:
    return isinstance(value, Mapping) and (
        ("detail" in value and ("source" in value or "detail-type" in value)) or not MARKS.isdisjoint(value)
    )


def events(value: Any, depth: int = 0) -> Iterator[Any]:
    """The events in a JSON value of any of the forms above; nothing for a value that holds none."""
    if depth > _DEEPEST:
        return
    if isinstance(value, str):
        if value.lstrip()[:1] in {"{", "["}:
            with suppress(msgspec.DecodeError, RecursionError, UnicodeEncodeError):
                yield from events(msgspec.json.decode(value), depth + 1)
    elif isinstance(value, list):
        for each in value:
            yield from events(each, depth + 1)
    elif isinstance(value, Mapping):
        yield from _of_object(value, depth)


def _of_object(value: Mapping[str, Any], depth: int) -> Iterator[Any]:
    if is_event(value):
        yield _timed(value)
        return
    held = next((value[key] for key in _HOLDERS if key in value), text(value, "event", "original"))
    if held is not None:
        yield from events(held, depth + 1)
        return
    lowered = {str(key).lower(): each for key, each in value.items()}
    if "eventsource" in lowered and "eventname" in lowered:
        yield _of_columns(lowered)
        return
    if isinstance(value.get("ResultSet"), Mapping):
        yield from _of_athena(value["ResultSet"])
        return
    for key in ("QueryResultRows", "results"):
        if isinstance(value.get(key), list):
            yield from events([_row(each) for each in value[key]], depth + 1)
            return
    for key in _LISTS:
        if isinstance(value.get(key), list | Mapping):
            yield from events(value[key], depth + 1)
            return


def _timed(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Logstash takes a record's time for its own `@timestamp`."""
    if "eventTime" in value or "@timestamp" not in value or "detail" in value:
        return value
    return {**value, "eventTime": re.sub(r"\.\d+(?=Z|$)", "", str(value["@timestamp"]))}


def _row(cells: Any) -> Any:
    """A row from its cells: Lake has `{"eventName": "…"}` for each column, Logs Insights `{"field": "…", "value": "…"}`.

    https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetQueryResults.html
    """
    row: dict[str, Any] = {}
    for cell in cells if isinstance(cells, list) else []:
        if isinstance(cell, Mapping):
            row |= {str(cell["field"]): cell.get("value")} if "field" in cell else cell
    return row


def _of_athena(result: Mapping[str, Any]) -> Iterator[Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryResults.html: the first row has the names."""
    lines = [[text(cell, "VarCharValue") or "" for cell in row.get("Data", [])] for row in result.get("Rows", [])]
    names, rows = (lines[0], lines[1:]) if lines else ([], [])
    for row in rows:
        yield from events(dict(zip(names, row, strict=False)))


def table(lines: Iterable[str], most: int) -> Iterator[Mapping[str, Any]]:
    """The rows of a CSV export, each as an object. Raises csv.Error."""
    csv.field_size_limit(most)
    yield from csv.DictReader(lines)


def is_header(line: str) -> bool:
    """Whether a first line names the columns of an export."""
    names = {each.strip().strip('"').lower() for each in line.split(",")}
    return "eventjson" in names or {"eventsource", "eventname"} <= names


def _of_columns(row: Mapping[str, Any]) -> dict[str, Any]:
    """A record from a row with a column for each field."""
    if isinstance(held := row.get("eventjson"), str):
        return next(events(held), {})
    record = {
        _SPELT[name]: value
        for name, value in row.items()
        if name in _SPELT and value not in _NOTHING and value is not None
    }
    for name in _OBJECTS:
        if isinstance(record.get(name), str):
            record[name] = _object(record[name])
        elif isinstance(record.get(name), Mapping):
            record[name] = _spelt(record[name])
    for name in ("readOnly", "managementEvent"):
        if isinstance(record.get(name), str):
            record[name] = record[name].lower() == "true"
    return record


def _object(written: str) -> Any:
    """A column that holds an object: as JSON, or as Athena shows a struct, `{type=IAMUser, username=dana}`."""
    with suppress(msgspec.DecodeError):
        return msgspec.json.decode(written)
    return _spelt(_struct(written)) if written.startswith("{") else written


def _struct(written: str) -> Any:
    inside, found, depth, start = written.strip()[1:-1], {}, 0, 0
    for place, letter in enumerate([*inside, ","]):
        depth += (letter in "{[") - (letter in "}]")
        if letter == "," and depth == 0:
            name, _, value = inside[start:place].strip().partition("=")
            start = place + 1
            if name and value not in _NOTHING:
                found[name] = _struct(value) if value.startswith("{") else value
    return found


def _spelt(value: Any) -> Any:
    return {_SPELT.get(key, key): _spelt(each) for key, each in value.items()} if isinstance(value, Mapping) else value
