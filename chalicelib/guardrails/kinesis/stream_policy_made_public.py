from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.kinesis.close_stream_policy import CloseStreamPolicy
from chalicelib.resources.kinesis import Stream

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = CloseStreamPolicy()


@guardrail(
    severity=Severity.HIGH,
    resource=Stream,
    on=cloudtrail("kinesis", "PutResourcePolicy"),
    reads=FIX.why_reads,
    fix=FIX,
)
def stream_policy_made_public(stream: Stream, aws: Session) -> str | None:
    """Kinesis stream open to everyone or an unknown account.

    Outsiders can read the stream's records, or put in records that your consumers trust. Kinesis has no setting that
    blocks public policies. A stream that is encrypted with the AWS managed key `aws/kinesis` is closed to other accounts,
    because nobody can share that key. Snapback still reports the policy, because a change of the key opens the stream. The
    fix removes the unknown principals, each statement that has no other principal, and the policy if no statement is left.
    The rest of the text stays. Policies of registered consumers (enhanced fan-out) are not evaluated.

    Legitimate look-alikes: policies for a function or a delivery stream of another account of the organization. Snapback
    asks AWS about the account's organization and VPC endpoints; where AWS refuses the look-up, Snapback asks before it
    fixes. Name partners under `allow.accounts`.
    """
    return FIX.why(stream, aws)
