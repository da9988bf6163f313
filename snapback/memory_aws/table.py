"""A DynamoDB table in this process, as far as Snapback uses one: a replay's ledger, at a hundredth of moto's price.

tests/delivery/test_memory.py holds it to moto's answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from operator import eq, ge, gt, le, lt, ne
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.aws.ledger_table import FILLED

Item = dict[str, Any]
Check = Callable[[Mapping[str, Any], Mapping[str, Any]], bool]
Change = Callable[[Item, Item, Mapping[str, Any]], None]


class _NotFound(ClientError):
    pass


class _Canceled(ClientError):
    pass


class _Refused(ClientError):
    pass


class Table:
    """A DynamoDB client that knows one table with the key `pk`. `step` is called before each call."""

    exceptions = SimpleNamespace(
        ResourceNotFoundException=_NotFound,
        TransactionCanceledException=_Canceled,
        ConditionalCheckFailedException=_Refused,
    )

    def __init__(self, step: Callable[[], None] = lambda: None, region: str = "us-east-1") -> None:
        self.items: dict[str, Item] = {FILLED: {"pk": {"S": FILLED}, "filled_at": {"N": str(2**40)}}}
        self.step = step
        self.meta = SimpleNamespace(region_name=region)

    def get_item(self, **request: Any) -> Any:
        self.step()
        item = self.items.get(_key(request))
        return {"Item": dict(item)} if item else {}

    def batch_get_item(self, **request: Any) -> Any:
        self.step()
        ((table, wanted),) = request["RequestItems"].items()
        keys = (key["pk"]["S"] for key in wanted["Keys"])
        return {"Responses": {table: [dict(self.items[key]) for key in keys if key in self.items]}}

    def put_item(self, **put: Any) -> Any:
        self._write(put, "PutItem")
        return {}

    def update_item(self, **update: Any) -> Any:
        old = self.items.get(_key(update), {})
        new = self._write(update, "UpdateItem")
        returned = update.get("ReturnValues", "NONE")
        if returned == "UPDATED_NEW":
            new = {name: value for name, value in new.items() if old.get(name) != value}
        return {} if returned == "NONE" else {"Attributes": dict(new)}

    def delete_item(self, **request: Any) -> Any:
        self.step()
        self.items.pop(_key(request), None)
        return {}

    def transact_write_items(self, **request: Any) -> Any:
        self.step()
        writes = [next(iter(item.values())) for item in request["TransactItems"]]
        reasons = [None if self._allows(write) else self.items.get(_key(write), {}) for write in writes]
        if any(reason is not None for reason in reasons):
            told = [
                {"Code": "None"}
                if reason is None
                else {"Code": "ConditionalCheckFailed"} | ({"Item": dict(reason)} if reason else {})
                for reason in reasons
            ]
            answer: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": told}
            raise _Canceled(answer, "TransactWriteItems")
        for write in writes:
            self._do(write)
        return {}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "query"
        return SimpleNamespace(paginate=self._query)

    def _step_of_query(self, _: Item) -> None:
        self.step()

    def _query(self, **request: Any) -> Iterator[Any]:
        """Of both indexes: their range key is `updated_at`."""
        self._step_of_query(request)
        keyed = [each for each in self.items.values() if holds(request["KeyConditionExpression"], request, each)]
        keyed.sort(key=lambda item: str(item["updated_at"]["S"]), reverse=not request.get("ScanIndexForward", True))
        size = request.get("Limit", max(1, len(keyed)))
        for start in range(0, max(1, len(keyed)), size):
            page = keyed[start : start + size]
            found = [dict(each) for each in page if holds(request.get("FilterExpression", ""), request, each)]
            yield {"Count": len(found)} | ({} if request.get("Select") == "COUNT" else {"Items": found})

    def _allows(self, write: Any) -> bool:
        return holds(write.get("ConditionExpression", ""), write, self.items.get(_key(write), {}))

    def _write(self, write: Any, operation: str) -> Item:
        self.step()
        if not self._allows(write):
            raise _Refused({"Error": {"Code": "ConditionalCheckFailedException"}}, operation)
        return self._do(write)

    def _do(self, write: Any) -> Item:
        key = _key(write)
        new = (
            dict(write["Item"])
            if "Item" in write
            else changed(write["UpdateExpression"], write, self.items.get(key, {"pk": {"S": key}}))
        )
        self.items[key] = new
        return new


class StreamedTable(Table):
    """With the table's stream: what was written and not yet handed over."""

    def __init__(self, name: str, region: str) -> None:
        super().__init__(region=region)
        self.stream = f"arn:aws:dynamodb:{region}:000000000000:table/{name}/stream/1"
        self._written: list[dict[str, Any]] = []
        self._number = 0

    def _do(self, write: Any) -> Item:
        old = self.items.get(_key(write))
        new = super()._do(write)
        self._number += 1
        images = {"NewImage": new} | ({"OldImage": old} if old else {})
        self._written.append(
            {
                "eventID": str(self._number),
                "eventName": "MODIFY" if old else "INSERT",
                "eventSource": "aws:dynamodb",
                "eventSourceARN": self.stream,
                "awsRegion": self.meta.region_name,
                "dynamodb": {
                    "Keys": {"pk": new["pk"]},
                    "SequenceNumber": str(self._number),
                    "StreamViewType": "NEW_AND_OLD_IMAGES",
                    **images,
                },
            }
        )
        return new

    def take(self, most: int) -> list[dict[str, Any]]:
        """The next items of the stream, as Lambda gets them: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html."""
        taken, self._written = self._written[:most], self._written[most:]
        return taken


def _key(write: Any) -> str:
    return str((write.get("Item") or write["Key"])["pk"]["S"])


_WORDS = re.compile(r"\s*(<>|<=|>=|[()=<>,]|:?\w+)")


def holds(condition: str, request: Mapping[str, Any], item: Item) -> bool:
    """Whether an item meets a request's condition. Raises NotImplementedError for what isn't known here."""
    return not condition or _condition(_meant(condition, request))(item, request.get("ExpressionAttributeValues", {}))


def changed(update: str, request: Mapping[str, Any], item: Item) -> Item:
    """An item after a request's update. Raises NotImplementedError for what isn't known here."""
    new = dict(item)
    for change in _changes(_meant(update, request)):
        change(new, item, request.get("ExpressionAttributeValues", {}))
    return new


def _meant(text: str, request: Mapping[str, Any]) -> str:
    names = request.get("ExpressionAttributeNames", {})
    return re.sub(r"#\w+", lambda found: str(names[found[0]]), text)


@cache
def _condition(text: str) -> Check:
    """`a = :b AND (attribute_not_exists(c) OR d < :e)`."""
    words = _WORDS.findall(text)
    if "".join(words) != text.replace(" ", ""):
        raise NotImplementedError(text)
    check = _either(words)
    if words:
        raise NotImplementedError(text)
    return check


def _either(words: list[str]) -> Check:
    parts = [_both(words)]
    while words[:1] == ["OR"]:
        words.pop(0)
        parts.append(_both(words))
    return lambda item, values: any(part(item, values) for part in parts)


def _both(words: list[str]) -> Check:
    parts = [_one(words)]
    while words[:1] == ["AND"]:
        words.pop(0)
        parts.append(_one(words))
    return lambda item, values: all(part(item, values) for part in parts)


def _one(words: list[str]) -> Check:
    word = words.pop(0)
    if word == "(":
        inner = _either(words)
        assert words.pop(0) == ")"
        return inner
    if word in {"attribute_not_exists", "size", "contains"}:
        inside = words[1 : words.index(")")]
        del words[: len(inside) + 2]
        name = inside[0]
        if word == "attribute_not_exists":
            return lambda item, _: name not in item
        if word == "contains":
            return lambda item, values: name in item and values[inside[2]]["S"] in _sized(item[name])
        compare, value = words.pop(0), words.pop(0)
        return lambda item, values: name in item and _compared({"N": len(_sized(item[name]))}, compare, values[value])
    compare, value = words.pop(0), words.pop(0)
    if compare not in _COMPARES or not value.startswith(":"):
        raise NotImplementedError(f"{word} {compare} {value}")
    return lambda item, values: word in item and _compared(item[word], compare, values[value])


_COMPARES = frozenset({"=", "<>", "<", "<=", ">", ">="})


def _sized(held: Any) -> Any:
    ((_, value),) = held.items()
    return value


def _compared(held: Any, compare: str, given: Any) -> bool:
    ((type_, one),), ((other_type, other),) = held.items(), given.items()
    if type_ != other_type:
        return compare == "<>"
    if type_ == "N":
        one, other = float(one), float(other)
    return bool({"=": eq, "<>": ne, "<": lt, "<=": le, ">": gt, ">=": ge}[compare](one, other))


@cache
def _changes(text: str) -> list[Change]:
    """`ADD a :b SET c = :d, e = if_not_exists(f, :g) REMOVE h`."""
    changes: list[Change] = []
    clauses = re.findall(r"(ADD|SET|REMOVE) (.*?)(?= ADD | SET | REMOVE |$)", text)
    if " ".join(f"{verb} {clause}" for verb, clause in clauses) != text:
        raise NotImplementedError(text)
    for verb, clause in clauses:
        changes += [_CLAUSES[verb](part) for part in re.split(r", (?![^(]*\))", clause)]
    return changes


def _added(text: str) -> Change:
    name, given = text.split()

    def change(new: Item, old: Item, values: Mapping[str, Any]) -> None:
        ((kind, more),) = values[given].items()
        if kind == "N":
            new[name] = {"N": str(int(old.get(name, {"N": "0"})["N"]) + int(more))}
        else:
            new[name] = {kind: sorted({*old.get(name, {kind: []})[kind], *more})}

    return change


def _removed(text: str) -> Change:
    return lambda new, _, __: new.pop(text, None)


def _set(text: str) -> Change:
    name, given = text.split(" = ")
    if found := re.fullmatch(r"if_not_exists\((\w+), (:\w+)\)", given):
        other, default = found.groups()
        return lambda new, old, values: new.update({name: old.get(other, values[default])})
    if not re.fullmatch(r":\w+", given):
        raise NotImplementedError(text)
    return lambda new, _, values: new.update({name: values[given]})


_CLAUSES: dict[str, Callable[[str], Change]] = {"ADD": _added, "REMOVE": _removed, "SET": _set}
