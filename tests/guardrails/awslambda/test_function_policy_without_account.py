from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.types import Status
from tests.guardrails.awslambda.functions import policies, remove, whole
from tests.guardrails.awslambda.test_function_policy_made_public import S3, allowed, removed_since, rule_may_call
from tests.support.cases import Case
from tests.support.events import HOME

if TYPE_CHECKING:
    from tests.support.world import World

ID = "awslambda.function_policy_without_account"
BUCKET = "arn:aws:s3:::shop-uploads"
ROTATION = "secretsmanager.amazonaws.com"

CASE = Case(
    unsafe=(
        allowed(Principal=S3, SourceArn=BUCKET),
        allowed(Principal=ROTATION),
        allowed(Principal=S3, SourceArn=BUCKET, qualifier="live"),
    ),
    near_misses=(
        allowed(Principal=S3, SourceArn=BUCKET, SourceAccount=HOME),
        allowed(Principal=ROTATION, SourceAccount=HOME),
        allowed(Principal="events.amazonaws.com", SourceArn=f"arn:aws:events:us-east-1:{HOME}:rule/nightly"),
        allowed(Principal="*"),
        removed_since,
    ),
    whole=whole,
    remove=remove,
    disturb=rule_may_call,
)


def test_the_narrower_permission_is_there_before_the_other_goes(world: World) -> None:
    envelope = allowed(Principal=S3, SourceArn=BUCKET)(world)
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == Status.FIXED
    calls = [call.operation for call in world.calls if call.operation in {"AddPermission", "RemovePermission"}]
    assert calls == ["AddPermission", "RemovePermission"]
    (made,) = [each for each in policies(world)[""] if each["Sid"] == "new-snapback"]
    assert made["Condition"]["StringEquals"] == {"AWS:SourceAccount": HOME}
    assert made["Condition"]["ArnLike"] == {"AWS:SourceArn": BUCKET}


def test_by_default_it_only_alerts(world: World) -> None:
    envelope = allowed(Principal=S3, SourceArn=BUCKET)(world)
    outcomes = world.application("fix").guard("awslambda", envelope)
    assert {each.status for each in outcomes if each.guardrail == ID} == {Status.ALERTED}
    assert {each.status for each in outcomes if each.guardrail.endswith("made_public")} == {"compliant"}
