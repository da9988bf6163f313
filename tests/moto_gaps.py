"""Where moto is lax or lacks a call, and what real AWS does instead.

Nothing in chalicelib/ knows of moto; what a test needs beyond moto is put in here, from AWS's documentation.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import datetime
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
