"""An AWS that costs nothing: a DynamoDB table and S3 buckets' ACLs, as far as Snapback uses them.

The ledger itself is the real one. tests/delivery/test_memory.py holds the table against moto's.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from functools import cache
from operator import eq, ge, gt, le, lt, ne
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.aws.ledger_table import FILLED

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline

Item = dict[str, Any]
Check = Callable[[Mapping[str, Any], Mapping[str, Any]], bool]
Change = Callable[[Item, Item, Mapping[str, Any]], None]

EVERYONE = "http://acs.amazonaws.com/groups/global/AllUsers"
SIGNED_IN = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
OWNER = {"DisplayName": "owner", "ID": "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a"}


class _NotFound(ClientError):
    pass


class _Canceled(ClientError):
    pass


class _Refused(ClientError):
    pass


class Table:
    """A DynamoDB client that knows one table with the key `pk`. `step` is called before each call.

    With `SNAPBACK_SCHEDULES=all` a query of an empty shard counts as a call, too.
    """

    every_query = os.environ.get("SNAPBACK_SCHEDULES") == "all"

    exceptions = SimpleNamespace(
        ResourceNotFoundException=_NotFound,
        TransactionCanceledException=_Canceled,
        ConditionalCheckFailedException=_Refused,
    )

    def __init__(self, step: Callable[[], None] = lambda: None) -> None:
        self.items: dict[str, Item] = {FILLED: {"pk": {"S": FILLED}, "filled_at": {"N": str(2**40)}}}
        self.rewritten: list[str] = []
        """The records whose history was not gone on with, but written anew."""
        self.step = step

    def _shards(self) -> set[str]:
        """The numbers of the shards that have items. A record keeps its shard's number whatever its status.

        A query of any other shard finds nothing, so it gives others no turn: a turn before it is worth as much as one
        before the job's next call. That leaves a third of the schedules of a job that maintains the ledger.
        """
        return {item["status_shard"]["S"][-1] for item in self.items.values() if "status_shard" in item}

    def get_item(self, *, Key: Item, **_: Any) -> Any:
        self.step()
        item = self.items.get(Key["pk"]["S"])
        return {"Item": dict(item)} if item else {}

    def batch_get_item(self, *, RequestItems: Any) -> Any:
        self.step()
        ((table, wanted),) = RequestItems.items()
        keys = (key["pk"]["S"] for key in wanted["Keys"])
        return {"Responses": {table: [dict(self.items[key]) for key in keys if key in self.items]}}

    def put_item(self, **put: Any) -> Any:
        self.step()
        if not self._allows(put):
            raise _Refused({"Error": {"Code": "ConditionalCheckFailedException"}}, "PutItem")
        self._do(put)
        return {}

    update_item = put_item

    def transact_write_items(self, *, TransactItems: Any) -> Any:
        self.step()
        writes = [next(iter(item.values())) for item in TransactItems]
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

    def _query(self, *, ExpressionAttributeValues: Any, FilterExpression: str = "", **_: Any) -> Iterator[Any]:
        wanted = ExpressionAttributeValues[":key"]
        if self.every_query or wanted["S"][-1] in self._shards():
            self.step()
        passes = _condition(FilterExpression) if FilterExpression else lambda *_: True
        found = [each for each in self.items.values() if each.get("status_shard") == wanted]
        found = [dict(each) for each in found if passes(each, ExpressionAttributeValues)]
        yield {"Items": sorted(found, key=lambda item: str(item["updated_at"]["S"]), reverse=True)}

    def _allows(self, write: Any) -> bool:
        return holds(write.get("ConditionExpression", ""), write, self.items.get(_key(write), {}))

    def _do(self, write: Any) -> None:
        key = _key(write)
        if "Item" in write:
            if key.startswith("record#"):
                self._append_to_stream(write["Item"])
            self.items[key] = dict(write["Item"])
            return
        self.items[key] = changed(write["UpdateExpression"], write, self.items.get(key, {"pk": {"S": key}}))

    def _append_to_stream(self, item: Item) -> None:
        """What is on record stays there: a step is added to those there are."""
        steps = self.items.get(item["pk"]["S"], {"history": {"L": []}})["history"]["L"]
        if item["history"]["L"][:-1] != steps:
            self.rewritten.append(item["pk"]["S"])


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


class Buckets:
    """S3 for ACLs. `writes` are which bucket, and its ACL before and after."""

    def __init__(self, step: Callable[[], None]) -> None:
        self.acls: dict[str, Any] = {}
        self.writes: list[tuple[str, Any, Any]] = []
        self.step = step

    def get_bucket_acl(self, *, Bucket: str, **_: Any) -> Any:
        self.step()
        return deepcopy(self._there(Bucket, "GetBucketAcl"))

    def put_bucket_acl(self, *, Bucket: str, AccessControlPolicy: Any, **_: Any) -> Any:
        self.step()
        before = self._there(Bucket, "PutBucketAcl")
        self.acls[Bucket] = deepcopy(AccessControlPolicy)
        self.writes.append((Bucket, before, self.acls[Bucket]))

    def _there(self, bucket: str, operation: str) -> Any:
        if bucket not in self.acls:
            raise ClientError({"Error": {"Code": "NoSuchBucket", "Message": "not there"}}, operation)
        return self.acls[bucket]


def acl(*groups: str, permission: str = "READ") -> Any:
    grants: list[Any] = [{"Grantee": {"ID": OWNER["ID"], "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}]
    grants += [{"Grantee": {"Type": "Group", "URI": group}, "Permission": permission} for group in groups]
    return {"Owner": OWNER, "Grants": grants}


def _no_block(**_: Any) -> Any:
    raise ClientError({"Error": {"Code": "NoSuchPublicAccessBlockConfiguration"}}, "GetPublicAccessBlock")


class Sessions:
    """Reader sessions that remember what they saw, and writer sessions."""

    def __init__(self, buckets: Buckets, baseline: Baseline) -> None:
        self._buckets, self._baseline = buckets, baseline

    def reader(self, account: str, region: str) -> Any:
        seen = cache(self._buckets.get_bucket_acl)
        eyes = SimpleNamespace(
            get_bucket_acl=lambda **call: deepcopy(seen(**call)),
            get_public_access_block=_no_block,
            lookup_events=lambda **_: {"Events": []},
        )
        return SimpleNamespace(account=account, region=region, baseline=self._baseline, client=lambda _: eyes, calls=())

    def writer(self, account: str, region: str, record: str, service: str, *, undo: bool = False) -> Any:
        return SimpleNamespace(
            account=account, region=region, baseline=self._baseline, client=lambda _: self._buckets, calls=()
        )
