"""Resource policies of Kinesis data streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.fixes.policy import DropPrincipals
from chalicelib.resources.absent import absent
from chalicelib.resources.kinesis import Stream
from chalicelib.resources.look_ups import NETWORKS, ORGANIZATION, reads_of

if TYPE_CHECKING:
    from chalicelib.core.session import Session


class CloseStreamPolicy(DropPrincipals[Stream]):
    """Remove unknown principals from the stream's policy, and leave the rest of its text."""

    document = "kinesis:stream-policy"
    reads = ("kinesis:GetResourcePolicy",)
    writes = ("kinesis:PutResourcePolicy", "kinesis:DeleteResourcePolicy")
    look_ups = (ORGANIZATION, NETWORKS)
    approval_reads = reads_of(*look_ups)

    def get_policy(self, resource: Stream, aws: Session) -> str | None:
        """Without a policy, Kinesis answers `{}`."""
        text: str = aws.client("kinesis").get_resource_policy(ResourceARN=resource.arn)["Policy"]
        return None if text == "{}" else text

    def put_policy(self, resource: Stream, text: str, aws: Session) -> None:
        aws.client("kinesis").put_resource_policy(ResourceARN=resource.arn, Policy=text)

    def delete_policy(self, resource: Stream, aws: Session) -> None:
        with absent("ResourceNotFoundException"):
            aws.client("kinesis").delete_resource_policy(ResourceARN=resource.arn)
