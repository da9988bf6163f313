from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.core.pattern import SCHEDULED, any_of, cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.tags import TagBucket, lacking
from chalicelib.resources.s3 import Bucket

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.LOW,
    resource=Bucket,
    on=any_of(cloudtrail("s3", "CreateBucket"), SCHEDULED),
    reads=("s3:GetBucketTagging",),
    fix=TagBucket(),
    grace=timedelta(minutes=10),
)
def bucket_without_required_tags(bucket: Bucket, aws: Session) -> str | None:
    """Bucket without the tags that the settings ask for.

    Nobody knows whose it is, whom to ask when something is wrong with it, and who pays. `required_tags` in the settings
    names the tags, and which of them the fix sets by itself: the creator, the session and the time, as the event that
    made it tells; what only a person knows is reported, and so is what the daily sweep finds without tags. Pipelines
    that tag after making have ten minutes. The fix leaves all other tags. In us-east-1 CreateBucket succeeds for a
    bucket that one has already, too: who made such a bucket first isn't known, and it is only reported.

    Legitimate look-alikes: buckets that AWS's consoles and CDK's bootstrap make. They bring the tags that those
    give; ten minutes of grace tell pipelines that tag later apart.
    """
    return lacking(bucket, aws)
