from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.support.cases import Case
from tests.support.events import HOME, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "s3.account_public_access_block_weakened"
FLAGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def event(name: str, **options: Any) -> Envelope:
    return cloudtrail_event("s3", name, {"publicAccessBlock": "", "accountId": HOME}, **options)


def put(*off: str, region: str = "us-east-1") -> Any:
    def made(world: World) -> Envelope:
        block = {flag: flag not in off for flag in FLAGS}
        control = world.client("s3control")
        control.put_public_access_block(AccountId=HOME, PublicAccessBlockConfiguration=block)
        return event("PutAccountPublicAccessBlock", region=region)

    return made


def deleted(world: World) -> Envelope:
    put()(world)
    world.client("s3control").delete_public_access_block(AccountId=HOME)
    return event("DeleteAccountPublicAccessBlock")


def whole(world: World) -> Any:
    try:
        return world.client("s3control").get_public_access_block(AccountId=HOME)["PublicAccessBlockConfiguration"]
    except ClientError:
        return None


CASE = Case(
    unsafe=(put(*FLAGS), deleted, put("BlockPublicPolicy", region="eu-west-1")),
    near_misses=(put(),),
    whole=whole,
)


def test_the_fix_turns_on_all_four(world: World) -> None:
    world.deliver(deleted(world), ID)
    assert whole(world) == dict.fromkeys(FLAGS, True)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (deleted, "the account has no Block Public Access"),
        *((put(flag), f"the account's Block Public Access has {flag} off") for flag in FLAGS),
    ],
)
def test_the_reason_names_what_is_off(make: Any, reason: str, world: World) -> None:
    (outcome,) = world.deliver(make(world), ID, "alert")
    assert outcome.reason == reason
