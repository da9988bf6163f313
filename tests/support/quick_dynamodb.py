"""moto's DynamoDB without HTTP, and without reading the same expressions again: the ledger is most of a test's calls.

moto answers the first request of each form and so judges its expressions; later ones of that form write and read moto's
own tables here. What isn't known here goes to moto. tests/delivery/test_memory.py holds the two to the same answers.
"""

from __future__ import annotations

import json
import re
from collections import deque
from copy import deepcopy
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from chalicelib.aws.ledger_table import LedgerTable
from snapback.memory_aws.table import changed, holds
from tests.support.events import HOME, REGION

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.wiring import Application

LARGE = 300_000
"""Bytes of an item that moto judges, as AWS takes 400 KB at most."""
_KNOWN = {
    "GetItem": {"TableName", "Key", "ConsistentRead"},
    "BatchGetItem": {"RequestItems"},
    "PutItem": {"TableName", "Item", "ConditionExpression"},
    "UpdateItem": {"TableName", "Key", "UpdateExpression", "ConditionExpression", "ReturnValues"},
    "TransactWriteItems": {"TransactItems"},
    "Query": {
        "TableName",
        "IndexName",
        "KeyConditionExpression",
        "FilterExpression",
        "ScanIndexForward",
        "Select",
        "Limit",
    },
}
_ALWAYS = {"ExpressionAttributeNames", "ExpressionAttributeValues"}
_WRITES = ({"Put"}, {"Update"})
_RANGE = re.compile(r"(\w+) = (:\w+)(?: AND (\w+) (<=?|>=?) (:\w+))?")
_made: dict[str, Any] = {}


Answer: TypeAlias = "tuple[int, Any, Callable[[], object]]"
"""Status, answer, and what writes."""


class _Unknown(Exception):
    """moto is to answer it."""


class _Write(NamedTuple):
    key: Any
    old: Any
    """moto's item, None without one."""
    was: dict[str, Any]
    new: dict[str, Any]
    allowed: bool


def _nothing() -> None: ...


def lay_ledger(application: Application) -> None:
    """The ledger's table, as `create` makes it, at the price of a copy; nothing where it is already."""
    from moto.dynamodb.models import dynamodb_backends

    tables = dynamodb_backends[HOME][REGION].tables
    if (name := application.table) in tables:
        return
    if name not in _made:
        LedgerTable(application.dynamodb, name).create()
        _made[name] = deepcopy(tables[name])
    tables[name] = deepcopy(_made[name])


class QuickEndpoint:
    """Stands in the place of a client's endpoint. `heard` tells those who watch the client of a request."""

    def __init__(self, real: Any, heard: Callable[..., Any]) -> None:
        self._real, self._heard = real, heard
        self._judged: set[Any] = _JUDGED

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def make_request(self, model: Any, request: Any) -> Any:
        body = json.loads(request["body"]) if model.name in _KNOWN else None
        form = _form(body)
        if body is None or form not in self._judged or not _moto_is_on():
            answer = self._real.make_request(model, request)
            if body is not None and (answer[0].status_code < 300 or "Canceled" in str(answer[1]["Error"])):
                self._judged.add(form)
            return answer
        try:
            status, answer, commit = _ANSWERS[model.name](body)
        except _Unknown:
            return self._real.make_request(model, request)
        sent = SimpleNamespace(
            url=request["url"], method=request["method"], headers=request["headers"], params={}, data=request["body"]
        )
        for event in ("request-created", "before-send"):  # Whoever hears of it may raise, and nothing is written.
            self._heard(f"{event}.dynamodb.{model.name}", request=sent, operation_name=model.name)
        commit()
        told = {"HTTPStatusCode": status, "HTTPHeaders": {}, "RetryAttempts": 0}
        return AWSResponse(request["url"], status, HTTPHeaders(), None), {**answer, "ResponseMetadata": told}


_JUDGED: set[Any] = set()
"""The forms of requests that moto took, of all clients."""


def _moto_is_on() -> bool:
    from moto.core.models import botocore_stubber

    return botocore_stubber.enabled


def _form(body: Any) -> Any:
    """A request without what it is about: its expressions, the types of their values, and which items have which."""
    if not isinstance(body, dict):
        return None
    if "TransactItems" in body:
        return tuple((*item, _form(next(iter(item.values())))) for item in body["TransactItems"])
    values = body.get("ExpressionAttributeValues", {})
    names = body.get("ExpressionAttributeNames", {})
    plain = {name: value for name, value in body.items() if isinstance(value, str | bool)}
    return (
        *sorted(body),
        *sorted(plain.items()),
        *sorted(names.items()),
        *sorted((name, *value) for name, value in values.items()),
    )


def _table(name: str) -> Any:
    from moto.dynamodb.models import dynamodb_backends

    table = dynamodb_backends[HOME][REGION].tables.get(name)
    if table is None or table.hash_key_attr != "pk" or table.range_key_attr:
        raise _Unknown(name)
    return table


def _plain(body: Any, operation: str) -> None:
    if body.keys() - _KNOWN[operation] - _ALWAYS:
        raise _Unknown(operation)


def _key(typed: Any) -> Any:
    from moto.dynamodb.models.dynamo_type import DynamoType

    return DynamoType(typed["pk"])


def _json(item: Any) -> dict[str, Any]:
    found: dict[str, Any] = deepcopy(item.to_json()["Attributes"]) if item is not None else {}
    return found


def _write(body: Any) -> _Write:
    table = _table(body["TableName"])
    key = _key(body.get("Item") or body["Key"])
    old = table.items.get(key)
    was = _json(old)
    try:
        allowed = holds(body.get("ConditionExpression", ""), body, was)
        new = body["Item"] if "Item" in body else changed(body["UpdateExpression"], body, was or dict(body["Key"]))
    except NotImplementedError as error:
        raise _Unknown from error
    if len(json.dumps(new)) > LARGE:
        raise _Unknown
    return _Write(key, old, was, new, allowed)


def _commit(table: Any, write: _Write) -> None:
    from moto.dynamodb.models.dynamo_type import DynamoType, Item

    item = Item(write.key, None, {})
    for name, value in write.new.items():
        dict.__setitem__(item.attrs, name, DynamoType(deepcopy(value)))
    table.items[write.key] = item
    if table.stream_shard is not None:
        table.stream_shard.add(write.old, item)


def _get_item(body: Any) -> Answer:
    _plain(body, "GetItem")
    item = _table(body["TableName"]).items.get(_key(body["Key"]))
    return 200, {} if item is None else {"Item": _json(item)}, _nothing


def _batch_get_item(body: Any) -> Answer:
    found = {}
    for name, asked in body["RequestItems"].items():
        if asked.keys() - {"Keys", "ConsistentRead"}:
            raise _Unknown
        items = _table(name).items
        found[name] = [_json(items[key]) for key in map(_key, asked["Keys"]) if key in items]
        if len(found[name]) > 100 or len(json.dumps(found[name])) > LARGE:
            raise _Unknown
    return 200, {"Responses": found, "UnprocessedKeys": {}}, _nothing


def _put_or_update(body: Any) -> Answer:
    _plain(body, "PutItem" if "Item" in body else "UpdateItem")
    write = _write(body)
    if not write.allowed:
        said = {"Code": "ConditionalCheckFailedException", "Message": "The conditional request failed"}
        return 400, {"Error": said, "message": said["Message"]}, _nothing
    updated = {name: value for name, value in write.new.items() if name != "pk" and value != write.was.get(name)}
    kinds = {"NONE": {}, "ALL_OLD": write.was, "ALL_NEW": write.new, "UPDATED_NEW": updated}
    returned = kinds.get(body.get("ReturnValues", "NONE"))
    if returned is None:
        raise _Unknown
    told = {"Attributes": deepcopy(returned)} if returned else {}
    return 200, told, partial(_commit, _table(body["TableName"]), write)


def _transact(body: Any) -> Answer:
    items = [next(iter(each.items())) for each in body["TransactItems"]]
    if any({kind} not in _WRITES for kind, _ in items):
        raise _Unknown
    writes = [_write(request) for _, request in items]
    if len({write.key for write in writes}) < len(writes):
        raise _Unknown
    if all(write.allowed for write in writes):
        tables = [_table(request["TableName"]) for _, request in items]
        return 200, {}, lambda: deque(map(_commit, tables, writes), 0)
    reasons = [
        {"Code": "None"}
        if write.allowed
        else {
            "Code": "ConditionalCheckFailed",
            "Message": "The conditional request failed",
            **({"Item": write.was} if write.was and "ReturnValuesOnConditionCheckFailure" in request else {}),
        }
        for (_, request), write in zip(items, writes, strict=True)
    ]
    codes = ", ".join(reason["Code"] for reason in reasons)  # type: ignore[misc]
    said = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    told = {"Error": {"Code": "TransactionCanceledException", "Message": said}, "Message": said}
    return 400, {**told, "CancellationReasons": reasons}, _nothing


def _query(body: Any) -> Answer:
    from moto.dynamodb.models.dynamo_type import DynamoType

    _plain(body, "Query")
    names, values = body.get("ExpressionAttributeNames", {}), body["ExpressionAttributeValues"]
    said = re.sub(r"#\w+", lambda found: names[found[0]], body["KeyConditionExpression"])
    table = _table(body["TableName"])
    indexes = [each.name for each in table.all_indexes()]
    if not (asked := _RANGE.fullmatch(said)) or body.get("IndexName") not in indexes or len(table.items) > 500:
        raise _Unknown
    name, value, _, compares, bound = asked.groups()
    wanted = DynamoType(values[value])
    passes = body.get("FilterExpression", "")
    if not any(wanted == item.attrs.get(name, _NOTHING) for item in table.items.values()):
        return 200, {"Count": 0, "ScannedCount": 0, "Items": []}, _nothing
    try:
        items, scanned, more = table.query(
            None,
            compares,
            [DynamoType(values[bound])] if bound else [],
            None,
            None,
            body.get("ScanIndexForward", True),
            None,
            body["IndexName"],
            filter_expression=SimpleNamespace(expr=lambda item: holds(passes, body, _json(item))),
            hash_key_conditions=[(name, wanted)],
        )
    except NotImplementedError as error:
        raise _Unknown from error
    if more or scanned >= body.get("Limit", LARGE):  # moto makes the pages.
        raise _Unknown
    listed = {} if body.get("Select") == "COUNT" else {"Items": [_json(item) for item in items]}
    return 200, {"Count": len(items), "ScannedCount": scanned, **listed}, _nothing


_NOTHING = SimpleNamespace(type="", cast_value=None)
_ANSWERS: dict[str, Callable[[Any], Answer]] = {
    "GetItem": _get_item,
    "BatchGetItem": _batch_get_item,
    "PutItem": _put_or_update,
    "UpdateItem": _put_or_update,
    "TransactWriteItems": _transact,
    "Query": _query,
}
