"""A way into one account and region, as guardrails and fixes see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, overload

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3control import S3ControlClient

    from chalicelib.core.baseline import Baseline


class Prefetched(NamedTuple):
    """The answer to a call that asks about one thing: `Prefetched("ec2", "DescribeVolumes", {"VolumeIds": […]}, {…})`."""

    service: str
    operation: str
    parameters: Mapping[str, Any]
    answer: Mapping[str, Any]


class Session(Protocol):
    """A way into one account and region, either for looking only or for one record's write.

    A session for looking raises ReadOnly on any call that isn't a read, and answers the same call with the
    same parameters from memory, so that guardrails and fixes that look at the same thing cost one call.
    """

    account: str
    region: str
    baseline: Baseline
    """What the settings say, and what AWS was found to call the account's own: a writer session has it of the reader's."""
    now: datetime
    """When the session began, by Snapback's clock: in a replay, the event's time. What is judged by a day is judged by this."""
    calls: Sequence[str]
    """What has been written through it, as `s3:PutBucketAcl`."""

    @overload
    def client(self, service: Literal["cloudtrail"], region: str = ...) -> CloudTrailClient: ...
    @overload
    def client(self, service: Literal["dynamodb"], region: str = ...) -> DynamoDBClient: ...
    @overload
    def client(self, service: Literal["ec2"], region: str = ...) -> EC2Client: ...
    @overload
    def client(self, service: Literal["ecr"], region: str = ...) -> ECRClient: ...
    @overload
    def client(self, service: Literal["iam"], region: str = ...) -> IAMClient: ...
    @overload
    def client(self, service: Literal["s3"], region: str = ...) -> S3Client: ...
    @overload
    def client(self, service: Literal["s3control"], region: str = ...) -> S3ControlClient: ...
    @overload  # Any other service. The services above have stubs in the dependency group `dev`.
    def client(self, service: str, region: str = ...) -> Any: ...

    def of_account(self, account: str) -> Session:
        """A reader session of another account, in the same region; ClientError where Snapback has no role there."""

    def prefetch(self, answers: Iterable[Prefetched]) -> None:
        """Answer these calls from memory too, as long as this look lasts."""
