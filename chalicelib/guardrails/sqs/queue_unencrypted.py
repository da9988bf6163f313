from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.sqs.encrypt_queue import EncryptQueue
from chalicelib.resources.sqs import Queue

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = EncryptQueue()


@guardrail(
    severity=Severity.LOW,
    resource=Queue,
    on=cloudtrail("sqs", "CreateQueue", "SetQueueAttributes"),
    reads=FIX.reads,
    fix=FIX,
    controls=("SQS.1",),
)
def queue_unencrypted(queue: Queue, aws: Session) -> str | None:
    """SQS queue that doesn't encrypt its messages.

    SQS encrypts the messages of a new queue unless a call says otherwise. The fix turns on the encryption with a key of
    SQS: senders and receivers need no new rights, and it costs nothing. Snapback can't know the KMS key that a queue used
    before: set it again yourself. Messages that are in the queue stay unencrypted.

    Legitimate look-alikes: queues made before October 2022, which may be unencrypted. They are no less unsafe, and the fix
    changes nothing for those who use them. A queue with a KMS key counts as encrypted.
    """
    state = FIX.read(queue, aws)
    return None if state["managed"] or state["key"] else "its messages aren't encrypted"
