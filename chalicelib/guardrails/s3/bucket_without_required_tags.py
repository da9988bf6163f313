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
    """S3 bucket without required tags.

    Without tags, nobody knows who owns the bucket, whom to ask and who pays. `required_tags` in the settings names the
    tags and those that the fix sets: the creator, the session and the time, from the event that created the bucket.
    Snapback only reports missing tags that only a person knows, and buckets that the daily sweep finds without tags.
    Pipelines that tag after creation have ten minutes. The fix leaves all other tags. In us-east-1, CreateBucket also
    succeeds for a bucket that you already own. Its first creator is unknown, so Snapback only reports that bucket.

    Legitimate look-alikes: buckets created by AWS's consoles and CDK's bootstrap. They have only the tags those tools
    set. Ten minutes of grace cover pipelines that tag later.
    """
    return lacking(bucket, aws)
