from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.sns.encrypt_topic import EncryptTopic
from chalicelib.resources.sns import Topic

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = EncryptTopic()


@guardrail(
    severity=Severity.LOW,
    resource=Topic,
    on=cloudtrail("sns", "SetTopicAttributes"),
    reads=FIX.reads,
    fix=FIX,
    controls=("SNS.1",),
    opt_in=True,
)
def topic_unencrypted(topic: Topic, aws: Session) -> str | None:
    """SNS topic that doesn't encrypt its messages.

    The fix encrypts new messages with the key in `require.kms_keys`, or with AWS's own key for SNS. It can silence
    publishers: each needs the right to use the key. CloudWatch alarms, S3 and most other services can't use AWS's own, so
    Snapback asks before it sets that one. KMS charges for calls.

    Legitimate look-alikes: topics for alarms and for messages without secrets; a new topic isn't encrypted. Nothing
    tells them apart, so this guardrail only reports until the settings name it, and hears of changes, not of new topics.
    The sweep evaluates all topics.
    """
    return None if FIX.read(topic, aws)["key"] else "its messages aren't encrypted"
