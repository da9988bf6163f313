"""Buckets to which a call, or the fix that follows it, sends logs: those that the settings name under `require`, and flow logs' own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from snapback.replay.presupposed import s3

if TYPE_CHECKING:
    from collections.abc import Iterator

    from snapback.replay.presupposed.call import Call

_LOGGED = "PutBucketLogging"
_VPC_CALLS = frozenset({"CreateVpc", "CreateDefaultVpc", "CreateFlowLogs", "DeleteFlowLogs"})


def buckets(call: Call) -> Iterator[tuple[str, str]]:
    """Make those that the call is about and that memory lacks: the name of each, and what was made, or ''."""
    if (target := call.baseline.bucket(call.parameters.get("Bucket", "")).logs_to) and call.operation == _LOGGED:
        yield target, s3.log_target(call, target)
    trail = call.parameters.get("Name") or call.parameters.get("TrailName")
    if call.service == "cloudtrail" and trail and (ours := call.required_trail(trail)):
        yield ours.bucket, _made(call, ours.bucket)
    if call.service == "ec2" and call.operation in _VPC_CALLS:
        places = call.parameters.get("LogDestination") or "", call.baseline.require.flow_logs or ""
        for name in {each.partition(":s3:::")[2].partition("/")[0] for each in places} - {""}:
            yield name, _made(call, name)


def _made(call: Call, name: str) -> str:
    try:
        call.client("s3").head_bucket(Bucket=name)
    except ClientError:
        return s3.bucket(call, name)
    return ""
