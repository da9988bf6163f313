from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import analyzed, any_of, cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.sqs.close_queue_policy import CloseQueuePolicy
from chalicelib.resources.sqs import Queue

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = CloseQueuePolicy()


@guardrail(
    severity=Severity.HIGH,
    resource=Queue,
    on=any_of(
        cloudtrail("sqs", "SetQueueAttributes", "AddPermission", "RemovePermission", "CreateQueue"),
        analyzed("AWS::SQS::Queue"),
    ),
    reads=FIX.why_reads,
    fix=FIX,
    controls=("SQS.3",),
)
def queue_policy_made_public(queue: Queue, aws: Session) -> str | None:
    """SQS queue open to everyone or an unknown account.

    Outsiders can read and delete the queue's messages, or send messages that your systems process. SQS has no setting
    that blocks public policies. If a KMS key of yours encrypts the queue, outsiders also need that key; a queue with
    SQS's own encryption (SSE-SQS) lets them in. The fix removes the unknown principals, each statement that has no other
    principal, and the policy if no statement is left. The rest of the text stays. SQS may show a change of the policy up
    to a minute later. Exempt queues that are shared on purpose, or add partners to `allow.accounts`.

    Legitimate look-alikes: policies for topics, rules and buckets that allow everyone with an `aws:SourceArn` of the
    account. Their conditions tell them apart. Snapback asks AWS about the account's organization, its VPC endpoints and
    its buckets; where AWS refuses the look-up, Snapback asks before it fixes. AWS services are fine.
    """
    return FIX.why(queue, aws)
