from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.policy_access import Outsider, format_left_over
from chalicelib.analysis.policy_document import judged
from chalicelib.core.pattern import any_of, cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.s3.drop_unknown_principals import DropUnknownPrincipals
from chalicelib.resources.look_ups import reads_of
from chalicelib.resources.s3 import EXPOSED, Bucket

if TYPE_CHECKING:
    from chalicelib.analysis.policy_access import Grant
    from chalicelib.core.session import Session

FIX = DropUnknownPrincipals()


@guardrail(
    severity=Severity.HIGH,
    resource=Bucket,
    on=any_of(cloudtrail("s3", "PutBucketPolicy"), *EXPOSED),
    reads=(*FIX.reads, *reads_of(*FIX.look_ups)),
    fix=FIX,
)
def bucket_policy_trusts_unknown_account(bucket: Bucket, aws: Session) -> str | None:
    """S3 bucket policy that lets in an unknown account.

    A statement allows an account, organization, network or endpoint that isn't known to do what it says; whoever puts
    a copy of your data where you can't see it begins so. The fix takes just these principals out, and statements that
    have no other with them; the rest of the text stays as it is, and a policy of which nothing is left is deleted.
    Everyone is `s3.bucket_policy_made_public`'s business.

    Name partners under `allow.accounts`, `allow.organizations` or `allow.principals` before you switch the fix on.

    Legitimate look-alikes: AWS is asked about the account's organization and its management account, its VPCs and VPC
    endpoints (those of a VPC that is shared with it through the VPC's owner), and its CloudFront origin access
    identities; these are fine. So is AWS's account for the access logs of the region's load balancers. Where AWS
    refuses the question, the finding asks before it fixes. Name other accounts' endpoints under `allow.principals`.
    """
    state = FIX.read(bucket, aws)
    found = judged(FIX.unknown(state, aws), state["policy"])
    names = ", ".join(dict.fromkeys(map(_format_grant, found)))
    return f"its policy lets in {names}{format_left_over(found)}" if found else None


def _format_grant(grant: Grant) -> str:
    """`arn:aws:iam::…:root (statement 2)`, counted from 1."""
    name = "an unknown organization" if grant.who is Outsider.ORGANIZATION else grant.principal
    return f"{'an unknown account or network' if name == '*' else name} (statement {grant.statement + 1})"
