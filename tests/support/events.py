"""Events in their true shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


HOME = "123456789012"
REGION = "us-east-1"
STRANGER = "999988887777"
FRIEND = "210987654321"
STACK = f"arn:aws:cloudformation:{REGION}:{HOME}:stack/snapback/11111111-2222-4333-8444-555555555555"

Envelope = dict[str, Any]


def cloudtrail_event(
    source: str,
    name: str,
    parameters: Any = None,
    answer: Any = None,
    *,
    actor: dict[str, Any] | None = None,
    account: str = HOME,
    region: str = REGION,
    **detail: Any,
) -> Envelope:
    """An EventBridge envelope around a CloudTrail record in its true shape; `detail` overrides its fields."""
    number = next(_NUMBERS)
    time = "2026-11-23T10:00:00Z"
    record = {
        "eventVersion": "1.11",
        "userIdentity": actor or alice(account),
        "eventTime": time,
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        "awsRegion": region,
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux#6.8 lang/python#3.13",
        "requestParameters": parameters,
        "responseElements": answer,
        "requestID": f"00000000-0000-4000-8000-{number:012d}",
        "eventID": f"11111111-0000-4000-8000-{number:012d}",
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
    }
    return {
        "version": "0",
        "id": f"22222222-0000-4000-8000-{number:012d}",
        "detail-type": "AWS API Call via CloudTrail",
        "source": f"aws.{source}",
        "account": account,
        "time": time,
        "region": region,
        "resources": [],
        "detail": record | detail,
    }


def native_event(source: str, detail_type: str, detail: Any, *, account: str = HOME, **envelope: Any) -> Envelope:
    """An EventBridge envelope of a service's own, `guardduty` say; what else it holds overrides its fields."""
    whole = cloudtrail_event("", "", account=account)
    return whole | {"source": f"aws.{source}", "detail-type": detail_type, "detail": detail} | envelope


def analyzer_finding(arn: str, type: str = "AWS::S3::Bucket", **detail: Any) -> Envelope:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-eventbridge.html."""
    finding = {
        "version": "1.0",
        "id": "44444444-0000-4000-8000-000000000001",
        "status": "ACTIVE",
        "resourceType": type,
        "resource": arn,
        "createdAt": "2026-11-23T09:58:00Z",
        "analyzedAt": "2026-11-23T09:59:00Z",
        "updatedAt": "2026-11-23T09:59:00Z",
        "principal": {"AWS": STRANGER},
        "action": ["s3:GetObject"],
        "condition": {},
        "isPublic": False,
        "isDeleted": False,
        "accountId": HOME,
        "region": REGION,
    }
    analyzer = f"arn:aws:access-analyzer:{REGION}:{HOME}:analyzer/external"
    return native_event("access-analyzer", "Access Analyzer Finding", finding | detail, resources=[analyzer])


def macie_finding(bucket: str, type: str = "S3BucketPublic", **detail: Any) -> Envelope:
    """https://docs.aws.amazon.com/macie/latest/user/findings-publish-event-schemas.html."""
    finding = {
        "schemaVersion": "1.0",
        "id": "64b917aa-3843-014c-91d8-937ffexample",
        "accountId": HOME,
        "partition": "aws",
        "region": REGION,
        "type": f"Policy:IAMUser/{type}",
        "title": "The bucket is open",
        "severity": {"score": 3, "description": "High"},
        "createdAt": "2026-11-23T09:58:00Z",
        "updatedAt": "2026-11-23T09:59:00Z",
        "count": 1,
        "resourcesAffected": {
            "s3Bucket": {"arn": f"arn:aws:s3:::{bucket}", "name": bucket, "owner": {"id": "7009a8971cd53"}},
            "s3Object": None,
        },
        "category": "POLICY",
        "policyDetails": {"actor": {"userIdentity": {"type": "AssumedRole"}}},
        "sample": False,
        "archived": False,
    }
    return native_event("macie", "Macie Finding", finding | detail)


def scheduled_event() -> Envelope:
    """The clock's: it names nothing, and asks about all."""
    return native_event("events", "Scheduled Event", {})


def alice(account: str = HOME) -> dict[str, Any]:
    """The userIdentity of an ordinary IAM user."""
    return {
        "type": "IAMUser",
        "principalId": "AIDAEXAMPLEALICE00000",
        "arn": f"arn:aws:iam::{account}:user/alice",
        "accountId": account,
        "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
        "userName": "alice",
    }


def _count() -> Iterator[int]:
    number = 0
    while True:
        yield (number := number + 1)


_NUMBERS = _count()
