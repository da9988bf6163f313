from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.rule import FixContext
from chalicelib.fixes.s3.log_bucket_access import LogBucketAccess
from tests.support.cases import Case
from tests.support.events import Envelope, cloudtrail_event
from tests.support.world import KNOWN, World, tag_bucket

if TYPE_CHECKING:
    from collections.abc import Callable

ID = "s3.bucket_logging_off"
NAME = "vault-papers"
TARGET = "vault-access"
ELSEWHERE = "app-elsewhere"


def put(target: str | None, name: str = NAME, prefix: str = "papers/") -> Callable[[World], Envelope]:
    def made(world: World) -> Envelope:
        s3 = world.client("s3")
        for each in dict.fromkeys((name, TARGET, ELSEWHERE)):
            s3.create_bucket(Bucket=each)
            s3.put_bucket_acl(Bucket=each, ACL="log-delivery-write")
        status = {"LoggingEnabled": {"TargetBucket": target, "TargetPrefix": prefix}} if target else {}
        s3.put_bucket_logging(Bucket=name, BucketLoggingStatus=status)
        return cloudtrail_event("s3", "PutBucketLogging", {"bucketName": name, "BucketLoggingStatus": status})

    return made


def logging(world: World) -> Any:
    return world.client("s3").get_bucket_logging(Bucket=NAME).get("LoggingEnabled")


def whole(world: World) -> Any:
    return logging(world), world.client("s3").get_bucket_acl(Bucket=NAME)["Grants"]


CASE = Case(
    unsafe=(put(None), put(ELSEWHERE)),
    near_misses=(put(TARGET), put(None, TARGET), put(None, "app-pictures")),
    whole=lambda world: whole(world) if NAME in names(world) else None,
    remove=lambda world: world.client("s3").delete_bucket(Bucket=NAME),
    disturb=lambda world: tag_bucket(world, NAME),
)


def names(world: World) -> set[str]:
    return {bucket["Name"] for bucket in world.client("s3").list_buckets()["Buckets"]}


@pytest.mark.parametrize(
    ("make", "reason", "prefix"),
    [
        (put(None), f"it writes no access logs; they must go to {TARGET}", f"{NAME}/"),
        (put(ELSEWHERE), f"its access logs go to {ELSEWHERE}, not to {TARGET}", "papers/"),
    ],
)
def test_the_logs_go_where_they_must(make: Any, reason: str, prefix: str, world: World) -> None:
    (outcome,) = world.deliver(make(world), ID)
    assert outcome.reason == reason
    assert logging(world) == {"TargetBucket": TARGET, "TargetPrefix": prefix}


@pytest.mark.parametrize("name", [TARGET, "app-pictures"])
def test_a_bucket_that_is_not_meant_costs_nothing(name: str, world: World) -> None:
    (outcome,) = world.deliver(put(None, name)(world), ID)
    assert outcome.status == "compliant"
    assert not world.calls


def test_the_layout_of_the_names_stays_and_grants_go() -> None:
    """moto keeps no TargetObjectKeyFormat."""
    partitioned = {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}}
    grants = [{"Grantee": {"Type": "CanonicalUser", "ID": "7009a8971cd53"}, "Permission": "READ"}]
    now = {"TargetPrefix": "", "TargetObjectKeyFormat": partitioned}
    before = {"bucket": NAME, "logging": {**now, "TargetBucket": ELSEWHERE, "TargetGrants": grants}}
    after = LogBucketAccess().safe(before, FixContext(KNOWN))
    assert after == {"bucket": NAME, "logging": {**now, "TargetBucket": TARGET}}
    assert LogBucketAccess().safe(after, FixContext(KNOWN)) == after
