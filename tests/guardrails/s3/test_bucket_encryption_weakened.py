from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.core.baseline import Baseline, Require, RequiredBucket
from chalicelib.core.rule import FixContext
from chalicelib.fixes.s3.encrypt_bucket_with_kms import EncryptBucketWithKms
from tests.support.cases import Case
from tests.support.events import FRIEND, Envelope, cloudtrail_event, macie_finding
from tests.support.world import VAULT_KEY, World, tag_bucket

if TYPE_CHECKING:
    from collections.abc import Callable

ID = "s3.bucket_encryption_weakened"
NAME = "vault-papers"
KEY_ID = VAULT_KEY.rpartition("/")[2]
OTHER = "arn:aws:kms:us-east-1:123456789012:key/99999999-1234-4234-8234-123456789012"


def rule(algorithm: str, key: str = "", **more: Any) -> dict[str, Any]:
    default = {"SSEAlgorithm": algorithm} | ({"KMSMasterKeyID": key} if key else {})
    return {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": False, **more}


def put(
    made_rule: dict[str, Any] | None, name: str = NAME, event: Envelope | None = None
) -> Callable[[World], Envelope]:
    def made(world: World) -> Envelope:
        s3 = world.client("s3")
        s3.create_bucket(Bucket=name)
        call = "DeleteBucketEncryption"
        if made_rule:
            call = "PutBucketEncryption"
            s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [made_rule]})
        return event or cloudtrail_event("s3", call, {"bucketName": name, "encryption": ""})

    return made


def encryption(world: World) -> Any:
    try:
        answer = world.client("s3").get_bucket_encryption(Bucket=NAME)
    except ClientError:
        return None
    return answer["ServerSideEncryptionConfiguration"]["Rules"]


def whole(world: World) -> Any:
    return encryption(world), world.client("s3").get_bucket_versioning(Bucket=NAME).get("Status")


CASE = Case(
    unsafe=(
        put(rule("AES256")),
        put(rule("aws:kms", OTHER, BucketKeyEnabled=True)),
        put(rule("aws:kms")),
        put(None),
        put(rule("AES256"), event=macie_finding(NAME, "S3BucketEncryptionDisabled")),
    ),
    near_misses=(
        put(rule("aws:kms", VAULT_KEY, BucketKeyEnabled=True)),
        put(rule("aws:kms:dsse", VAULT_KEY)),
        put(rule("aws:kms", KEY_ID)),
    ),
    whole=whole,
    remove=lambda world: world.client("s3").delete_bucket(Bucket=NAME),
    disturb=lambda world: tag_bucket(world, NAME),
)


def test_only_the_key_changes(world: World) -> None:
    (outcome,) = world.deliver(put(rule("aws:kms", OTHER, BucketKeyEnabled=True))(world), ID)
    assert outcome.reason == f"it encrypts new objects by aws:kms with {OTHER}, not with its required key"
    assert encryption(world) == [rule("aws:kms", VAULT_KEY, BucketKeyEnabled=True)]


def test_sse_s3_is_named_as_it_is(world: World) -> None:
    (outcome,) = world.deliver(put(rule("AES256"))(world), ID)
    assert outcome.reason == "it encrypts new objects by AES256, not with its required key"
    assert encryption(world) == [rule("aws:kms", VAULT_KEY)]


def test_a_bucket_that_the_settings_dont_name_costs_nothing(world: World) -> None:
    (outcome,) = world.deliver(put(rule("AES256"), "app-pictures")(world), ID)
    assert outcome.status == "compliant"
    assert not world.calls


SSE_C: dict[str, Any] = {"BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}}


@pytest.mark.parametrize(
    ("wanted", "before", "after"),
    [
        (None, [rule("AES256")], [rule("AES256")]),
        ("", [rule("AES256", **SSE_C)], [rule("aws:kms", **SSE_C)]),
        ("", [rule("aws:kms:dsse", OTHER)], [rule("aws:kms:dsse", OTHER)]),
        ("", None, [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]),
        ("", [{"BucketKeyEnabled": True}], [rule("aws:kms", BucketKeyEnabled=True)]),
        ("alias/aws/s3", [rule("aws:kms")], [rule("aws:kms")]),
        ("alias/aws/s3", [rule("aws:kms", OTHER)], [rule("aws:kms", "alias/aws/s3")]),
        ("alias/vault", [rule("aws:kms", f"{VAULT_KEY[:37]}:alias/vault")], None),
        (KEY_ID, [rule("aws:kms", VAULT_KEY)], [rule("aws:kms", VAULT_KEY)]),
        (VAULT_KEY, [rule("aws:kms:dsse", OTHER)], [rule("aws:kms:dsse", VAULT_KEY)]),
        (VAULT_KEY.replace("123456789012:", f"{FRIEND}:"), [rule("aws:kms", VAULT_KEY)], "changed"),
    ],
)
def test_which_key_is_as_asked(wanted: str | None, before: Any, after: Any) -> None:
    baseline = Baseline(
        require=Require(buckets={"a-*": RequiredBucket(kms_key=wanted), "*": RequiredBucket(kms_key="alias/other")})
    )
    fix, state = EncryptBucketWithKms(), {"bucket": "a-b", "rules": before}
    found = fix.safe(state, FixContext(baseline))["rules"]
    if after == "changed":
        assert found != before
    else:
        assert found == (after or before)
    assert fix.safe({**state, "rules": found}, FixContext(baseline))["rules"] == found
