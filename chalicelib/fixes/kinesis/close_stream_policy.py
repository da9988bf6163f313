"""Resource policies of Kinesis data streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.fixes.policy import ClosePolicy
from chalicelib.resources.kinesis import Stream

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.fixes.policy import Calls


class CloseStreamPolicy(ClosePolicy[Stream]):
    """Remove unknown principals from the stream's policy, and leave the rest of its text."""

    document = "kinesis:stream-policy"
    reads = ("kinesis:GetResourcePolicy",)
    writes = ("kinesis:PutResourcePolicy", "kinesis:DeleteResourcePolicy")
    none = frozenset({"ResourceNotFoundException"})

    def calls(self, aws: Session) -> Calls:
        kinesis = aws.client("kinesis")
        return kinesis.get_resource_policy, kinesis.put_resource_policy, kinesis.delete_resource_policy

    def named(self, resource: Stream) -> dict[str, str]:
        return {"ResourceARN": resource.arn}
