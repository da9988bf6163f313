"""S3 lifecycle rules that delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.rule import Fix, FixContext
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.s3 import Bucket

Rule = dict[str, Any]

_OTHER_ACTIONS = frozenset(
    {"Transitions", "NoncurrentVersionTransitions", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"}
)


def too_short(rule: Rule, days: int) -> bool:
    """Whether it deletes objects sooner; one with a date deletes whatever there is then, however new."""
    expiration = rule.get("Expiration", {})
    return rule["Status"] == "Enabled" and ("Date" in expiration or expiration.get("Days", days) < days)


class KeepBucketObjects(Fix["Bucket"]):
    """Stop the bucket's lifecycle rules from deleting objects before `keep_days`.

    A rule with days gets these; one with a date loses it, and goes when nothing else is left of it. All else stays.
    The state is `{"bucket": its name, "rules": as GetBucketLifecycleConfiguration answers, or None, "smallest": the
    size class from which objects are moved, or None}`.
    """

    document = "s3:lifecycle"
    reads = ("s3:GetLifecycleConfiguration",)
    writes = ("s3:PutLifecycleConfiguration",)

    def read(self, resource: Bucket, aws: Session) -> State:
        with absent("NoSuchLifecycleConfiguration"):
            answer = aws.client("s3").get_bucket_lifecycle_configuration(
                Bucket=resource.id, ExpectedBucketOwner=resource.account
            )
            return {
                "bucket": resource.id,
                "rules": _in_json(answer["Rules"]),
                "smallest": answer.get("TransitionDefaultMinimumObjectSize"),
            }
        return {"bucket": resource.id, "rules": None, "smallest": None}

    def safe(self, state: State, context: FixContext) -> State:
        days = context.baseline.bucket(state["bucket"]).keep_days
        if days is None or not any(too_short(rule, days) for rule in state["rules"] or ()):
            return state
        rules = [kept for rule in state["rules"] if (kept := _lengthened(rule, days))]
        return {**state, "rules": rules} if rules else {**state, "rules": None, "smallest": None}

    def write(self, resource: Bucket, state: State, aws: Session) -> None:
        s3 = aws.client("s3")
        if state["rules"] is None:
            s3.delete_bucket_lifecycle(Bucket=resource.id, ExpectedBucketOwner=resource.account)
        else:
            s3.put_bucket_lifecycle_configuration(
                Bucket=resource.id,
                ExpectedBucketOwner=resource.account,
                LifecycleConfiguration={"Rules": state["rules"]},
                **({"TransitionDefaultMinimumObjectSize": state["smallest"]} if state["smallest"] else {}),
            )


def _lengthened(rule: Rule, days: int) -> Rule | None:
    if not too_short(rule, days):
        return rule
    if "Days" in rule["Expiration"]:
        return {**rule, "Expiration": {**rule["Expiration"], "Days": days}}
    left = {name: value for name, value in rule.items() if name != "Expiration"}
    return left if _OTHER_ACTIONS & left.keys() else None


def _in_json(value: Any) -> Any:
    """Dates as ISO 8601 text, which boto3 takes too."""
    if isinstance(value, dict):
        return {key: _in_json(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_in_json(each) for each in value]
    if hasattr(value, "isoformat"):
        moment: datetime = value
        return moment.isoformat()
    return value
