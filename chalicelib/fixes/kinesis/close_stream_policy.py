"""Resource policies of Kinesis data streams."""

from __future__ import annotations

from chalicelib.fixes.policy import ClosePolicy
from chalicelib.resources.kinesis import Stream


class CloseStreamPolicy(ClosePolicy[Stream]):
    """Remove unknown principals from the stream's policy, and leave the rest of its text."""

    document = "kinesis:stream-policy"
    client = "kinesis"
    reads = ("kinesis:GetResourcePolicy",)
    writes = ("kinesis:PutResourcePolicy", "kinesis:DeleteResourcePolicy")
    none = frozenset({"ResourceNotFoundException"})

    def named(self, resource: Stream) -> dict[str, str]:
        return {"ResourceARN": resource.arn}
