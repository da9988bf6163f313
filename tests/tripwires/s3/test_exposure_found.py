from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.events import FRIEND, HOME, STRANGER, Envelope, analyzer_finding, macie_finding

if TYPE_CHECKING:
    from tests.support.world import World

ID = "s3.exposure_found"
KEY = f"arn:aws:kms:us-east-1:{HOME}:key/12345678-1234-4234-8234-123456789012"
BUCKET = "arn:aws:s3:::app-pictures"
ROLE = f"arn:aws:iam::{HOME}:role/deploy"


def about_key(**detail: Any) -> Envelope:
    return analyzer_finding(KEY, "AWS::KMS::Key", **{"action": ["kms:Decrypt"], **detail})


def through(*ways: str, **detail: Any) -> Envelope:
    return analyzer_finding(BUCKET, sources=[{"type": way} for way in ways], **detail)


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (about_key(), f"{STRANGER} can do kms:Decrypt with {KEY}"),
        (about_key(principal={"AWS": "*"}, isPublic=True), f"anyone can do kms:Decrypt with {KEY}"),
        (
            about_key(principal={"AWS": f"arn:aws:iam::{STRANGER}:role/x"}, action=[f"kms:{n}" for n in "ABCDE"]),
            f"arn:aws:iam::{STRANGER}:role/x can do kms:A, kms:B, kms:C and 2 more with {KEY}",
        ),
        (about_key(action=None), f"{STRANGER} can do something with {KEY}"),
        (
            about_key(principal={"AWS": FRIEND, "Federated": "example.com"}),
            "210987654321, example.com can do kms:Decrypt",
        ),
        (through("S3_ACCESS_POINT"), f"{STRANGER} can do s3:GetObject with {BUCKET}"),
        (through("POLICY", "S3_ACCESS_POINT", isPublic=True), f"{STRANGER} can do s3:GetObject with {BUCKET}"),
        (through("BUCKET_ACL", principal={"CanonicalUser": "7009a8971cd53"}), "7009a8971cd53 can do s3:GetObject"),
        (analyzer_finding(BUCKET, resourceOwnerAccount=FRIEND), f"{STRANGER} can do s3:GetObject with {BUCKET}"),
        (analyzer_finding(ROLE, "AWS::IAM::Role", accountId=FRIEND), f"{STRANGER} can do s3:GetObject with {ROLE}"),
        (
            analyzer_finding(
                "arn:aws:s3express:us-east-1:x:bucket/a--use1-az4--x-s3", "AWS::S3Express::DirectoryBucket"
            ),
            f"{STRANGER} can do s3:GetObject with arn:aws:s3express:us-east-1:x:bucket/a--use1-az4--x-s3",
        ),
        (
            macie_finding("app-pictures", "S3BucketReplicatedExternally"),
            "Macie finds that bucket app-pictures copies its objects to an unknown account",
        ),
        (
            macie_finding("app-pictures", "S3BucketSharedWithCloudFront"),
            "Macie finds that bucket app-pictures is shared with CloudFront",
        ),
    ],
)
def test_what_no_guardrail_puts_right_is_reported(envelope: Envelope, reason: str, world: World) -> None:
    (outcome,) = world.deliver(envelope, ID, "fix")
    assert outcome.status == "alerted"
    assert reason in outcome.reason


@pytest.mark.parametrize(
    "envelope",
    [
        about_key(status="RESOLVED"),
        about_key(isDeleted=True),
        about_key(principal={"AWS": FRIEND}),
        about_key(principal={"AWS": f"arn:aws:iam::{FRIEND}:role/x"}),
        about_key(principal=None, error="ACCESS_DENIED"),
        about_key(principal="*"),
        analyzer_finding(BUCKET),
        through("POLICY"),
        through("BUCKET_ACL", "POLICY", isPublic=True),
        analyzer_finding(ROLE, "AWS::IAM::Role"),
        *(macie_finding("app-pictures", kind) for kind in ("S3BucketPublic", "S3BlockPublicAccessDisabled")),
        *(macie_finding("app-pictures", kind) for kind in ("S3BucketSharedExternally", "S3BucketEncryptionDisabled")),
        macie_finding("macie-sample-finding-bucket", "S3BucketReplicatedExternally", sample=True),
        {**about_key(), "detail-type": "Access Preview State Change"},
    ],
)
def test_what_is_known_or_guarded_is_not(envelope: Envelope, world: World) -> None:
    assert world.deliver(envelope, ID) == []
