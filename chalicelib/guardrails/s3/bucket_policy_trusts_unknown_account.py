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
    """S3 bucket policy that allows an unknown account.

    A statement allows an unknown account, organization, network or endpoint. Data theft often starts this way: with a
    grant to an account that you can't see. The fix removes only the unknown principals, and each statement that has no
    other principal. The rest of the text stays as it is. If no statement is left, the fix deletes the policy.
    Statements for everyone belong to `s3.bucket_policy_made_public`.

    Name partners under `allow.accounts`, `allow.organizations` or `allow.principals` before you switch the fix on.

    Legitimate look-alikes: Snapback asks AWS about the account's organization and management account, its VPCs and VPC
    endpoints, and its CloudFront origin access identities. Endpoints in a VPC shared with the account count too,
    through the VPC's owner. All of these are fine, as is AWS's account for access logs of the region's load balancers.
    Where AWS refuses the look-up, Snapback asks before it fixes. Name other accounts' endpoints under
    `allow.principals`.
    """
    state = FIX.read(bucket, aws)
    found = judged(FIX.unknown(state, aws), state["policy"])
    names = ", ".join(dict.fromkeys(map(_format_grant, found)))
    return f"its policy gives access to {names}{format_left_over(found)}" if found else None


def _format_grant(grant: Grant) -> str:
    """`arn:aws:iam::…:root (statement 2)`, counted from 1."""
    name = "an unknown organization" if grant.who is Outsider.ORGANIZATION else grant.principal
    return f"{'an unknown account or network' if name == '*' else name} (statement {grant.statement + 1})"
