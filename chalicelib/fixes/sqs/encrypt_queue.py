"""Whether SQS encrypts a queue's messages."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.fixes.setting import Setting
from chalicelib.resources.sqs import Queue

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State


class EncryptQueue(Setting[Queue]):
    """Encrypt new messages with a key of SQS, which costs nothing and needs no rights.

    Messages that are in the queue stay as they are.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-sqs-sse-queue.html
    """

    document = "sqs:encryption"
    reads = ("sqs:GetQueueAttributes",)
    writes = ("sqs:SetQueueAttributes",)
    settles_within = timedelta(minutes=1)
    wanted = {"managed": True}

    def read(self, resource: Queue, aws: Session) -> State:
        found = aws.client("sqs").get_queue_attributes(
            QueueUrl=resource.url, AttributeNames=["SqsManagedSseEnabled", "KmsMasterKeyId"]
        )
        attributes = found.get("Attributes", {})
        return {"managed": attributes.get("SqsManagedSseEnabled") == "true", "key": attributes.get("KmsMasterKeyId")}

    def write(self, resource: Queue, state: State, aws: Session) -> None:
        attributes = {"SqsManagedSseEnabled": "true" if state["managed"] else "false"}
        aws.client("sqs").set_queue_attributes(QueueUrl=resource.url, Attributes=attributes)
