from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import analyzed, any_of, cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.sns.close_topic_policy import CloseTopicPolicy
from chalicelib.resources.sns import Topic

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = CloseTopicPolicy()


@guardrail(
    severity=Severity.HIGH,
    resource=Topic,
    on=any_of(
        cloudtrail("sns", "SetTopicAttributes", "AddPermission", "RemovePermission", "CreateTopic"),
        analyzed("AWS::SNS::Topic"),
    ),
    reads=FIX.why_reads,
    fix=FIX,
    controls=("SNS.4",),
)
def topic_policy_made_public(topic: Topic, aws: Session) -> str | None:
    """SNS topic open to everyone or an unknown account.

    Outsiders can subscribe to the topic and read each message, or publish messages that your systems trust. SNS has no
    setting that blocks public policies. If the topic is encrypted with a KMS key, an outsider who publishes also needs
    that key; a subscriber doesn't. The fix removes the unknown principals, and each statement that has no other
    principal. The rest of the text stays. SNS always keeps a policy: if no statement is left, the fix writes SNS's
    default policy, which allows the owner only. Exempt topics that are public on purpose, or add partners to
    `allow.accounts`.

    Legitimate look-alikes: SNS's default policy allows everyone if `AWS:SourceOwner` is the account, and policies for
    alarms, rules and buckets allow everyone with an `aws:SourceArn` of the account. Their conditions tell them apart.
    Snapback asks AWS about the account's organization, its VPC endpoints and its buckets; where AWS refuses the look-up,
    Snapback asks before it fixes. AWS services are fine.
    """
    return FIX.why(topic, aws)
