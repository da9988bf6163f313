from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.baseline import Allow, Baseline
from tests.guardrails.iam.test_role_trusts_unknown_account import (
    DENY,
    EC2,
    SAML,
    allow,
    root,
    trusting,
    whole,
)
from tests.support.cases import Case
from tests.support.events import HOME, STRANGER

if TYPE_CHECKING:
    from tests.support.world import World

ID = "iam.role_trusts_service_for_anyone"


def service(*names: str, **condition: Any) -> dict[str, Any]:
    principals = [f"{name}.amazonaws.com" for name in names]
    return allow({"Service": principals}, **({"Condition": condition} if condition else {}))


CASE = Case(
    unsafe=(
        trusting(service("ssm")),
        trusting(EC2, service("lambda", "scheduler"), name="UpdateAssumeRolePolicy"),
        trusting(service("vpc-flow-logs", StringEquals={"aws:SourceAccount": STRANGER})),
        trusting(service("bedrock", ArnLike={"aws:SourceArn": "arn:aws:bedrock:*:*:model-customization-job/*"})),
        trusting(service("transfer", StringEqualsIfExists={"aws:SourceAccount": HOME})),
    ),
    near_misses=(
        trusting(service("ssm", StringEquals={"aws:SourceAccount": HOME})),
        trusting(service("scheduler", ArnLike={"aws:SourceArn": f"arn:aws:scheduler:*:{HOME}:schedule-group/*"})),
        trusting(EC2, service("lambda", "glue", "codepipeline"), SAML),
        trusting(service("ssm"), path="/aws-service-role/ssm.amazonaws.com/"),
        trusting(service("ssm"), baseline=Baseline(allow=Allow(principals=("ssm.amazonaws.com",)))),
        trusting(allow({"AWS": root(HOME)}), DENY),
    ),
    whole=whole,
    remove=lambda world: world.client("iam").delete_role(RoleName="deploy"),
)


def test_the_reason_names_the_services_and_their_pages(world: World) -> None:
    (outcome,) = world.deliver(trusting(service("lambda", "scheduler", "transfer"))(world), ID)
    assert outcome.status == "alerted"
    assert outcome.reason == (
        "its trust policy lets anyone use the role through scheduler.amazonaws.com (https://docs.aws.amazon.com/"
        "scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html), transfer.amazonaws.com "
        "(https://docs.aws.amazon.com/transfer/latest/userguide/confused-deputy.html)"
    )
