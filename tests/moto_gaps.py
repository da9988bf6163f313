"""Where moto is lax or lacks a call, and what real AWS does instead.

Nothing in chalicelib/ knows of moto; what a test needs beyond moto is put in here, from AWS's documentation. What a
replay needs too is in snapback/moto_gaps.py, and holds in every test.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from botocore.client import BaseClient
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def deny(*operations: str) -> Iterator[None]:
    """moto evaluates no IAM policies unless told to, and then only some. These operations are denied to everyone."""
    real = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(self: BaseClient, operation_name: str, api_params: Any) -> Any:
        if operation_name in operations:
            denied = {"Error": {"Code": "AccessDenied", "Message": "not authorized by an identity-based policy"}}
            raise ClientError({**denied, "ResponseMetadata": {"HTTPStatusCode": 403}}, operation_name)  # type: ignore[typeddict-item]
        return real(self, operation_name, api_params)

    with patch.object(BaseClient, "_make_api_call", call):
        yield


@contextmanager
def event_history(*envelopes: Any) -> Iterator[None]:
    """moto has no LookupEvents; AWS answers the last 90 days of management events, newest first.

    https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
    """
    real = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(self: BaseClient, operation_name: str, api_params: Any) -> Any:
        if operation_name != "LookupEvents":
            return real(self, operation_name, api_params)
        records = [envelope["detail"] for envelope in envelopes]
        return {
            "Events": [
                {
                    "EventTime": datetime.fromisoformat(record["eventTime"]),
                    "ReadOnly": str(record["readOnly"]).lower(),
                    "CloudTrailEvent": json.dumps(record),
                }
                for record in records
            ]
        }

    with patch.object(BaseClient, "_make_api_call", call):
        yield


def policies_of_aws(*names: str) -> None:
    """moto holds AWS's managed policies only when told to load all 1,500 of them; these are put in.

    https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
    """
    from moto.iam.models import AWSManagedPolicy, iam_backends

    from tests.support import HOME, REGION

    for name in names:
        policy = AWSManagedPolicy.from_data(name, HOME, REGION, every_policy_of_aws()[name])
        iam_backends[HOME]["aws"].managed_policies[policy.arn] = policy


@cache
def every_policy_of_aws() -> dict[str, Any]:
    """moto's copy of them, by name: `{"Path": "/", "Document": {…}, …}`."""
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    found: dict[str, Any] = json.loads(aws_managed_policies_data)
    return found


def scan_found(account: str, region: str, repository: str, digest: str, counts: dict[str, int]) -> None:
    """moto scans nothing: this is a finished basic scan of an image, with so many findings of each severity."""
    from moto.ecr.models import ecr_backends

    registry = ecr_backends[account][region]
    registry.start_image_scan(account, repository, {"imageDigest": digest})
    registry.scan_finding_results.append(
        {
            "registryId": account,
            "repositoryName": repository,
            "imageId": {"imageDigest": digest},
            "imageScanStatus": {"status": "COMPLETE", "description": "The scan was completed successfully."},
            "imageScanFindings": {"findings": [], "findingSeverityCounts": counts},
        }
    )
