"""CloudTrail log files of any size, generated: mostly reads, and some changes that guardrails hear of.

The reads of a file are packed once and written into each file as they are: gzip's members may follow each other.
"""

from __future__ import annotations

import gzip
import json
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ACCOUNT = "111122223333"
PER_FILE = 1000
RELEVANT = 10
"""Records of a file that change something: 1 %."""
_BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
_READS = (
    ("ec2", "DescribeInstances", {"instancesSet": {}, "filterSet": {"items": [{"name": "tag:team"}]}}),
    ("s3", "GetObject", {"bucketName": "data-lake", "key": "year=2026/month=11/part-00000.parquet"}),
    ("sts", "AssumeRole", {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/worker", "roleSessionName": "worker"}),
    ("kms", "Decrypt", {"encryptionContext": {"aws:s3:arn": "arn:aws:s3:::data-lake"}}),
    ("logs", "DescribeLogStreams", {"logGroupName": "/aws/lambda/worker", "orderBy": "LastEventTime"}),
    ("dynamodb", "DescribeTable", {"tableName": "sessions"}),
)


def write(folder: Path, records: int) -> int:
    """Files of `PER_FILE` records each, in no order of time. Answers how many bytes their JSON has."""
    dice = random.Random(7)  # noqa: S311 - no secret
    reads = ",".join(json.dumps(each) for each in _reads(dice, PER_FILE - RELEVANT))
    packed = gzip.compress(f",{reads}]}}".encode(), 6)
    numbers = list(range(records // PER_FILE))
    dice.shuffle(numbers)
    size = 0
    for place, number in enumerate(numbers):
        changes = ",".join(json.dumps(each) for each in _changes(number))
        begun = f'{{"Records":[{changes}'.encode()
        (folder / f"{ACCOUNT}_CloudTrail_us-east-1_{place:06}.json.gz").write_bytes(gzip.compress(begun, 6) + packed)
        size += len(begun) + len(reads) + 3
    return size


def _record(service: str, name: str, asked: Any, moment: datetime, event_id: str, **more: Any) -> dict[str, Any]:
    session = {
        "sessionIssuer": {
            "type": "Role",
            "principalId": "AROAEXAMPLEPIPELINE1",
            "arn": f"arn:aws:iam::{ACCOUNT}:role/pipeline",
            "accountId": ACCOUNT,
            "userName": "pipeline",
        },
        "webIdFederationData": {},
        "attributes": {"creationDate": "2026-11-01T00:00:00Z", "mfaAuthenticated": "false"},
    }
    return {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLEPIPELINE1:run-1842",
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/pipeline/run-1842",
            "accountId": ACCOUNT,
            "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
            "sessionContext": session,
        },
        "eventTime": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": "us-east-1",
        "sourceIPAddress": "198.51.100.20",
        "userAgent": "aws-sdk-go-v2/1.41.0 os/linux lang/go#1.25.1 md/GOOS#linux md/GOARCH#amd64",
        "requestParameters": asked,
        "responseElements": None,
        "requestID": f"req-{event_id}",
        "eventID": event_id,
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
        "tlsDetails": {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": f"{service}.us-east-1.amazonaws.com",
        },
        **more,
    }


def _reads(dice: random.Random, times: int) -> Iterator[dict[str, Any]]:
    """Of 3.5 KB each, as in the logs that were measured first."""
    for number in range(times):
        service, name, asked = _READS[number % len(_READS)]
        padding = {"items": [{"resourceId": f"{dice.getrandbits(64):016x}", "state": "available"} for _ in range(40)]}
        moment = _BEGAN + timedelta(seconds=number)
        event_id = f"{dice.getrandbits(64):016x}"
        yield _record(service, name, asked, moment, event_id, readOnly=True, responseElements=padding)


def _changes(number: int) -> Iterator[dict[str, Any]]:
    """Ten calls of one team; two of them leave something unsafe."""
    moment, name = _BEGAN + timedelta(seconds=30 * number), f"team-{number}"
    trust = {"Version": "2012-10-17", "Statement": [_allow("sts:AssumeRole", Service="ec2.amazonaws.com")]}
    reads = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("s3", "CreateBucket", {"bucketName": name, "x-amz-object-ownership": "ObjectWriter"}),
        ("s3", "PutBucketVersioning", {"bucketName": name, "VersioningConfiguration": {"Status": "Enabled"}}),
        ("s3", "PutBucketAcl", {"bucketName": name, "x-amz-acl": ["public-read" if number % 5 == 0 else "private"]}),
        ("iam", "CreateRole", {"roleName": name, "path": "/", "assumeRolePolicyDocument": json.dumps(trust)}),
        ("iam", "PutRolePolicy", {"roleName": name, "policyName": "reads", "policyDocument": json.dumps(reads)}),
        ("iam", "CreateUser", {"userName": name}),
        ("sns", "CreateTopic", {"name": name}),
        ("sqs", "CreateQueue", {"queueName": name}),
        ("iam", "TagRole", {"roleName": name, "tags": [{"key": "team", "value": name}]}),
        ("iam", "AttachUserPolicy", {"userName": name, "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
    ]
    for place, (service, call, asked) in enumerate(calls):
        yield _record(service, call, asked, moment + timedelta(seconds=place), f"{number:08}-{place}")


def _allow(action: str, **principal: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Principal": principal}
