"""An AWS that costs nothing: a DynamoDB table and S3 buckets' ACLs, as far as Snapback uses them. The ledger is the real one."""

from __future__ import annotations

import os
from copy import deepcopy
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from snapback.memory_aws import table

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.core.baseline import Baseline

EVERYONE = "http://acs.amazonaws.com/groups/global/AllUsers"
SIGNED_IN = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
OWNER = {"DisplayName": "owner", "ID": "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a"}


class Table(table.Table):
    """Notes the records whose history was not gone on with, but written anew.

    With `SNAPBACK_SCHEDULES=all` a query of an empty shard counts as a call, too.
    """

    every_query = os.environ.get("SNAPBACK_SCHEDULES") == "all"

    def __init__(self, step: Callable[[], None] = lambda: None) -> None:
        super().__init__(step)
        self.rewritten: list[str] = []

    def _shards(self) -> set[str]:
        """The numbers of the shards that have items. A record keeps its shard's number whatever its status.

        A query of any other shard finds nothing, so it gives others no turn: a turn before it is worth as much as one
        before the job's next call. That leaves a third of the schedules of a job that maintains the ledger.
        """
        return {item["status_shard"]["S"][-1] for item in self.items.values() if "status_shard" in item}

    def _step_of_query(self, request: table.Item) -> None:
        wanted = request["ExpressionAttributeValues"][":key"]["S"]
        if self.every_query or wanted[-1] in self._shards():
            self.step()

    def _do(self, write: Any) -> table.Item:
        if "Item" in write and write["Item"]["pk"]["S"].startswith("record#"):
            self.append_to_stream(write["Item"])
        return super()._do(write)

    def append_to_stream(self, item: table.Item) -> None:
        """What is on record stays there: a step is added to those there are."""
        steps = self.items.get(item["pk"]["S"], {"history": {"L": []}})["history"]["L"]
        if item["history"]["L"][:-1] != steps:
            self.rewritten.append(item["pk"]["S"])


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
