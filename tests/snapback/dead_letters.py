"""Dead letters in the shapes that AWS writes, and a stack's queues."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.support.events import HOME, REGION, cloudtrail_event

GUARD = f"arn:aws:lambda:{REGION}:{HOME}:function:snapback-GuardS3-1A2B3C4D5E6F"
NOTIFY = f"arn:aws:lambda:{REGION}:{HOME}:function:snapback-Notify-1A2B3C4D5E6F"
EVENT = cloudtrail_event("s3", "PutBucketAcl", {"bucketName": "app-logs"})


def given_up(event: Any = EVENT, function: str = GUARD, **changed: Any) -> dict[str, Any]:
    """As Lambda's on-failure destination writes it."""
    return {
        "version": "1.0",
        "timestamp": "2026-11-23T10:05:00.000Z",
        "requestContext": {
            "requestId": "44444444-0000-4000-8000-000000000001",
            "functionArn": f"{function}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": event,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {
            "errorMessage": "AccessDenied: not authorized",
            "errorType": "Unfinished",
            "stackTrace": [],
        },
        **changed,
    }


def undeliverable(**attributes: str) -> dict[str, Any]:
    """The attributes that EventBridge writes; the body is the event."""
    received = {
        "RULE_ARN": f"arn:aws:events:{REGION}:{HOME}:rule/snapback-GuardS3GuardS3Event-1A2B3C",
        "TARGET_ARN": GUARD,
        "ERROR_CODE": "NO_PERMISSIONS",
        "ERROR_MESSAGE": "no permission to invoke",
        "RETRY_ATTEMPTS": "0",
        **attributes,
    }
    return {name: {"DataType": "String", "StringValue": value} for name, value in received.items()}


def batch(**changed: Any) -> dict[str, Any]:
    """As the event source mapping's on-failure destination writes it."""
    return {
        "requestContext": {
            "requestId": "44444444-0000-4000-8000-000000000002",
            "functionArn": NOTIFY,
            "condition": "RecordAgeExceeded",
            "approximateInvokeCount": 40,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": None},
        "version": "1.0",
        "timestamp": "2026-11-24T09:00:00.000Z",
        "DDBStreamBatchInfo": {
            "shardId": "shardId-00000001573689847184-864758bb",
            "startSequenceNumber": "1",
            "endSequenceNumber": "2",
            "approximateArrivalOfFirstRecord": "2026-11-23T10:00:02Z",
            "approximateArrivalOfLastRecord": "2026-11-23T10:00:02Z",
            "batchSize": 2,
            "streamArn": f"arn:aws:dynamodb:{REGION}:{HOME}:table/snapback-ledger/stream/2026-11-23T00:00:00.000",
            **changed,
        },
    }


@dataclass
class Queues:
    sqs: Any
    events: str
    messages: str
    second_looks: str

    def put(self, body: Any, url: str = "", attributes: Any = None) -> str:
        text = body if isinstance(body, str) else json.dumps(body)
        sent = self.sqs.send_message(QueueUrl=url or self.events, MessageBody=text, MessageAttributes=attributes or {})
        return str(sent["MessageId"])

    def left(self, url: str = "") -> int:
        """What anybody can see at once."""
        names = ["ApproximateNumberOfMessages"]
        return int(
            self.sqs.get_queue_attributes(QueueUrl=url or self.events, AttributeNames=names)["Attributes"][names[0]]
        )
