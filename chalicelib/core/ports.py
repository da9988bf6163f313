"""What the engine needs from the world outside; adapters fill it in."""

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

    from chalicelib.core.event import Actor
    from chalicelib.core.record import Record, Status
    from chalicelib.core.settings import Known, Limits


class Told(NamedTuple):
    """The answer to a call that asks about one thing: `Told("ec2", "DescribeVolumes", {"VolumeIds": […]}, {…})`."""

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
    known: Known
    calls: Sequence[str]
    """What has been written through it, as `s3:PutBucketAcl`."""

    @overload
    def client(self, service: Literal["cloudtrail"], region: str = ...) -> CloudTrailClient: ...
    @overload
    def client(self, service: Literal["dynamodb"], region: str = ...) -> DynamoDBClient: ...
    @overload
    def client(
        self,
        service: Literal[
            "autoscaling",
            "codebuild",
            "ecs",
            "eks",
            "elb",
            "elbv2",
            "events",
            "inspector2",
            "lambda",
            "organizations",
            "ram",
            "rolesanywhere",
            "sso-admin",
        ],
        region: str = ...,
    ) -> Any: ...
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
    def client(self, service: str, region: str = ...) -> Any: ...

    def told(self, answers: Iterable[Told]) -> None:
        """Answer these calls from memory too, as long as this look lasts."""


class Sessions(Protocol):
    """Where sessions come from."""

    def look(self, account: str, region: str) -> Session:
        """A fresh look: it remembers nothing of an earlier one."""

    def hand(self, account: str, region: str, record: str, service: str) -> Session:
        """A session that may write what the fixes of a service folder do, for the fix or undo of one record."""


class Refused(Exception):
    """The ledger did not open or move a record; `why` is one of the words below."""

    def __init__(
        self, why: Literal["duplicate", "exempt", "busy", "moved", "fighting", "capped"], record: str = ""
    ) -> None:
        super().__init__(f"{why} {record}".strip())
        self.why, self.record = why, record


class Ledger(Protocol):
    """The table of records; each method is one conditional write or one read."""

    def open(self, record: Record, event_time: datetime, limits: Limits) -> Record:
        """Write a new record and take its lock.

        Answers the record as it stands: the one given, or an earlier one of the same id whose holder failed or
        died, now ours, with the `before` that it first wrote. Raises Refused: `duplicate` (this event, or this
        very state, is on record), `exempt` (let be since an undo or a person's click), `busy` (someone holds the
        lock), `fighting` (it was fixed as often as the limits allow).
        """

    def count_fix(self, record: Record, limits: Limits) -> None:
        """Count a fix of this guardrail in this account and minute. Raises Refused("capped") above the limit."""

    def move(self, record: Record, status: Status, *, by: str, note: str = "", **changed: Any) -> Record:
        """One step of a record's life. Raises Refused("moved") when it is no longer as `record` says."""

    def stopped(self) -> str:
        """Who stopped all writes, when and why, or nothing; at most half a minute old."""

    def note(self, record: Record, *, by: str, note: str, what: str = ...) -> Record:
        """Add a step to the history by which nothing changes, one of `record.ASIDE`. Raises Refused("moved") when the record moved on."""

    def get(self, id: str) -> Record | None: ...


class WhoChanged(Protocol):
    """Who last wrote to a resource since a time, as far as the trail can tell; None when it can't."""

    def __call__(self, record: Record, since: datetime) -> Actor | None: ...
