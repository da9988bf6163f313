from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.policy_access import by_statement, format_left_over
from chalicelib.analysis.policy_document import judged, statements
from chalicelib.core.pattern import any_of, cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.s3.drop_public_statements import DropPublicStatements
from chalicelib.resources.s3 import EXPOSED, Bucket

if TYPE_CHECKING:
    from chalicelib.analysis.policy_document import Statement
    from chalicelib.core.session import Session

FIX = DropPublicStatements()


@guardrail(
    severity=Severity.CRITICAL,
    resource=Bucket,
    on=any_of(cloudtrail("s3", "PutBucketPolicy"), *EXPOSED),
    reads=FIX.reads,
    fix=FIX,
)
def bucket_policy_made_public(bucket: Bucket, aws: Session) -> str | None:
    """S3 bucket policy open to everyone.

    A statement allows anyone on the internet, and no condition restricts who. Snapback uses S3's own definition of
    public: a condition on an account, an organization, a VPC endpoint or a narrow address range makes a statement
    private again. The fix removes the public statements and leaves the rest of the text as it is. If no statement is
    left, the fix deletes the policy.

    Block Public Access may already keep people out of the bucket. Snapback still reports the statement, because it
    opens the bucket when the block is removed. With the block on, S3 refuses an undo, which would write a public
    policy. Exempt buckets that are public on purpose. For a website, CloudFront with origin access control is better.

    Legitimate look-alikes: policies for CloudFront and AWS's log delivery with `aws:SourceAccount` or `aws:SourceArn`,
    and policies for everyone in an organization, an endpoint or a narrow range. Their conditions tell them apart, as in
    S3 itself. Public websites have no such condition: exempt them.
    """
    state = FIX.read(bucket, aws)
    found = judged(FIX.found(state, aws.baseline), state["policy"])
    if not found:
        return None
    opened = by_statement(found)
    told = "; ".join(_format_statement(each) for each in statements(state["policy"]) if each.index in opened)
    return f"its policy gives anyone access: {told}{format_left_over(found)}"


def _format_statement(statement: Statement) -> str:
    """`statement 2 (PublicRead), s3:GetObject`, counted from 1."""
    sid, actions = statement.raw.get("Sid"), statement.actions()
    allowed = ", ".join(actions[:3]) + (f" and {len(actions) - 3} more" if len(actions) > 3 else "")  # noqa: PLR2004
    return f"statement {statement.index + 1}{f' ({sid})' if sid else ''}, {allowed or 'all actions but some'}"
