from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalicelib.core.baseline import Allow
from chalicelib.core.settings import Settings
from tests.guardrails.iam.test_role_trusts_unknown_account import EC2, allow, root
from tests.support.cases import Case
from tests.support.events import HOME, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "iam.administrator_role_trusts_user"
BOSS, BOB = f"arn:aws:iam::{HOME}:role/boss", f"arn:aws:iam::{HOME}:user/team/bob"
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
READS = {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}


def trusting(
    *statements: dict[str, Any],
    powers: dict[str, Any] = EVERYTHING,
    inline: bool = True,
    boundary: dict[str, Any] | None = None,
    may: tuple[str, ...] = (BOSS,),
    path: str = "/",
    event: str = "UpdateAssumeRolePolicy",
) -> Any:
    """The role boss has these powers, and lets in whom the statements name. It may be administrator itself."""

    def made(world: World) -> Envelope:
        world.settings = Settings(allow=Allow(accounts=frozenset({HOME}), principals=may))
        iam = world.client("iam")
        iam.create_user(UserName="bob", Path="/team/")
        document = json.dumps({"Version": "2012-10-17", "Statement": [*statements]})
        iam.create_role(RoleName="boss", Path=path, AssumeRolePolicyDocument=document)
        if inline:
            iam.put_role_policy(RoleName="boss", PolicyName="power", PolicyDocument=_policy(powers))
        else:
            arn = iam.create_policy(PolicyName="power", PolicyDocument=_policy(powers))["Policy"]["Arn"]
            iam.attach_role_policy(RoleName="boss", PolicyArn=arn)
        if boundary:
            arn = iam.create_policy(PolicyName="boundary", PolicyDocument=_policy(boundary))["Policy"]["Arn"]
            iam.put_role_permissions_boundary(RoleName="boss", PermissionsBoundary=arn)
        return cloudtrail_event("iam", event, {"roleName": "boss", "policyDocument": document})

    return made


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def whole(world: World) -> Any:
    iam = world.client("iam")
    return (
        iam.get_role(RoleName="boss")["Role"],
        iam.list_role_policies(RoleName="boss")["PolicyNames"],
        iam.list_attached_role_policies(RoleName="boss")["AttachedPolicies"],
    )


def remove(world: World) -> None:
    iam = world.client("iam")
    for name in iam.list_role_policies(RoleName="boss")["PolicyNames"]:
        iam.delete_role_policy(RoleName="boss", PolicyName=name)
    for policy in iam.list_attached_role_policies(RoleName="boss")["AttachedPolicies"]:
        iam.detach_role_policy(RoleName="boss", PolicyArn=policy["PolicyArn"])
    iam.delete_role(RoleName="boss")


MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
CASE = Case(
    unsafe=(
        trusting(EC2, allow({"AWS": BOB})),
        trusting(
            allow({"AWS": [root(HOME), BOB]}, Condition=MFA), powers={**EVERYTHING, "Action": "iam:*"}, inline=False
        ),
        trusting(allow({"AWS": BOB}), boundary=EVERYTHING, may=(), event="CreateRole"),
        trusting(allow({"AWS": BOB}), event="PutRolePolicy"),
        trusting(allow({"AWS": BOB}), inline=False, event="AttachRolePolicy"),
    ),
    near_misses=(
        trusting(allow({"AWS": BOB}), powers=READS),
        trusting(allow({"AWS": BOB}), may=(BOSS, BOB)),
        trusting(allow({"AWS": root(HOME)}, Condition=MFA), EC2),
        trusting(allow({"AWS": f"arn:aws:iam::{HOME}:role/deploy"})),
        trusting(allow({"AWS": BOB}), allow("*", Effect="Deny")),
        trusting(allow({"AWS": BOB}), boundary=READS),
        trusting(allow({"AWS": BOB}), path="/aws-reserved/sso.amazonaws.com/"),
    ),
    whole=whole,
    remove=remove,
)


def test_the_reason_names_user_role_and_policy(world: World) -> None:
    (outcome,) = world.deliver(CASE.unsafe[0](world), ID)
    assert outcome.status == "alerted"
    assert outcome.reason == (
        "its trust policy gives access to user team/bob, and its role boss is administrator: power allows * on *"
    )
