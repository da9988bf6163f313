"""SQS queue policies."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.fixes.policy import DropPrincipals
from chalicelib.resources.look_ups import BUCKETS, NETWORKS, ORGANIZATION, reads_of
from chalicelib.resources.sqs import Queue

if TYPE_CHECKING:
    from chalicelib.core.session import Session


class CloseQueuePolicy(DropPrincipals[Queue]):
    """Remove unknown principals from the queue's policy, and leave the rest of its text."""

    document = "sqs:queue-policy"
    reads = ("sqs:GetQueueAttributes",)
    writes = ("sqs:SetQueueAttributes",)
    look_ups = (ORGANIZATION, NETWORKS, BUCKETS)
    approval_reads = reads_of(*look_ups)
    settles_within = timedelta(minutes=1)
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html"""

    def get_policy(self, resource: Queue, aws: Session) -> str | None:
        found = aws.client("sqs").get_queue_attributes(QueueUrl=resource.url, AttributeNames=["Policy"])
        return found.get("Attributes", {}).get("Policy") or None

    def put_policy(self, resource: Queue, text: str, aws: Session) -> None:
        aws.client("sqs").set_queue_attributes(QueueUrl=resource.url, Attributes={"Policy": text})

    def delete_policy(self, resource: Queue, aws: Session) -> None:
        self.put_policy(resource, "", aws)
