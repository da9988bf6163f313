"""An AWS that costs nothing: a DynamoDB table and S3 buckets' ACLs, as far as Snapback uses them.

The ledger itself is the real one. tests/delivery/test_memory.py holds the table against moto's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from functools import cache
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
    """A DynamoDB client that knows one table with the key `pk`. `step` is called before each call."""

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
        self.step()
        wanted = ExpressionAttributeValues[":key"]
        passes = _condition(FilterExpression) if FilterExpression else lambda *_: True
        found = [each for each in self.items.values() if each.get("status_shard") == wanted]
        found = [dict(each) for each in found if passes(each, ExpressionAttributeValues)]
        yield {"Items": sorted(found, key=lambda item: str(item["updated_at"]["S"]), reverse=True)}

    def _allows(self, write: Any) -> bool:
        condition = write.get("ConditionExpression")
        if not condition:
            return True
        for name, meant in write.get("ExpressionAttributeNames", {}).items():
            condition = condition.replace(name, meant)
        item = self.items.get(_key(write), {})
        return _condition(condition)(item, write.get("ExpressionAttributeValues", {}))

    def _do(self, write: Any) -> None:
        key = _key(write)
        if "Item" in write:
            if key.startswith("record#"):
                self._append_to_stream(write["Item"])
            self.items[key] = dict(write["Item"])
            return
        update = write["UpdateExpression"]
        for name, meant in write.get("ExpressionAttributeNames", {}).items():
            update = update.replace(name, meant)
        old = self.items.get(key, {"pk": {"S": key}})
        self.items[key] = new = dict(old)
        for change in _changes(update):
            change(new, old, write["ExpressionAttributeValues"])

    def _append_to_stream(self, item: Item) -> None:
        """What is on record stays there: a step is added to those there are."""
        steps = self.items.get(item["pk"]["S"], {"history": {"L": []}})["history"]["L"]
        if item["history"]["L"][:-1] != steps:
            self.rewritten.append(item["pk"]["S"])


def _key(write: Any) -> str:
    return str((write.get("Item") or write["Key"])["pk"]["S"])


_WORDS = re.compile(r"\s*(<>|<=|>=|[()=<>,]|:?\w+)")


@cache
def _condition(text: str) -> Check:
    """`a = :b AND (attribute_not_exists(c) OR d < :e)`."""
    words = _WORDS.findall(text)
    assert "".join(words) == text.replace(" ", ""), text
    check = _either(words)
    assert not words, text
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
    if word == "attribute_not_exists":
        _, name, _ = words.pop(0), words.pop(0), words.pop(0)
        return lambda item, _: name not in item
    compare, value = words.pop(0), words.pop(0)
    return lambda item, values: word in item and _compared(item[word], compare, values[value])


def _compared(held: Any, compare: str, given: Any) -> bool:
    ((type_, one),), ((other_type, other),) = held.items(), given.items()
    if type_ != other_type:
        return compare == "<>"
    if type_ == "N":
        one, other = float(one), float(other)
    return bool(
        {"=": one == other, "<>": one != other, "<": one < other, "<=": one <= other, ">": one > other}[compare]
    )


@cache
def _changes(text: str) -> list[Change]:
    """`ADD a :b SET c = :d, e = if_not_exists(f, :g)`."""
    changes: list[Change] = []
    for verb, clause in re.findall(r"(ADD|SET) (.*?)(?= ADD | SET |$)", text):
        parts = re.split(r", (?![^(]*\))", clause)
        changes += [_added(part) if verb == "ADD" else _set(part) for part in parts]
    return changes


def _added(text: str) -> Change:
    name, given = text.split()

    def change(new: Item, old: Item, values: Mapping[str, Any]) -> None:
        new[name] = {"N": str(int(old.get(name, {"N": "0"})["N"]) + int(values[given]["N"]))}

    return change


def _set(text: str) -> Change:
    name, given = text.split(" = ")
    if found := re.fullmatch(r"if_not_exists\((\w+), (:\w+)\)", given):
        other, default = found.groups()
        return lambda new, old, values: new.update({name: old.get(other, values[default])})
    assert re.fullmatch(r":\w+", given), text
    return lambda new, _, values: new.update({name: values[given]})


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
