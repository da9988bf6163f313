from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Allow, Baseline
from chalicelib.core.event import Event
from chalicelib.core.types import Status
from chalicelib.resources.sso import PermissionSet
from tests.guardrails.sso.test_administrator_assigned import ADMIN, assigned, permission_set, remove
from tests.support.cases import Case
from tests.support.events import FRIEND, HOME, STRANGER, Envelope, cloudtrail_event
from tests.support.world import settings_with

if TYPE_CHECKING:
    from tests.support.world import World

ID = "sso.permission_set_made_administrator"


def given(*policies: str, inline: Any = None, baseline: Baseline | None = None) -> Any:
    def made(world: World) -> Envelope:
        world.settings = settings_with(baseline or Baseline())
        name = permission_set(world, *policies, inline=inline)
        asked = {"instanceArn": name["InstanceArn"], "permissionSetArn": name["PermissionSetArn"]}
        if inline:
            return cloudtrail_event("sso", "PutInlinePolicyToPermissionSet", asked | {"inlinePolicy": "{}"})
        asked["managedPolicyArn"] = f"arn:aws:iam::aws:policy/{policies[-1]}"
        return cloudtrail_event("sso", "AttachManagedPolicyToPermissionSet", asked)

    return made


def referring(name: str, *policies: str, customer: Any, assign: bool = False) -> Any:
    """A customer managed policy comes to the set, or has just gone; with `assign`, the set is provisioned in FRIEND."""

    def made(world: World) -> Envelope:
        world.settings = settings_with(Baseline())
        if assign:
            asked = assigned(*policies, customer=customer)(world)["detail"]["requestParameters"]
        else:
            found = permission_set(world, *policies, customer=customer)
            asked = {"instanceArn": found["InstanceArn"], "permissionSetArn": found["PermissionSetArn"]}
        reference = {"name": "work", "path": "/ops/"}
        if name.startswith("Detach"):
            world.client("sso-admin").detach_customer_managed_policy_reference_from_permission_set(
                InstanceArn=asked["instanceArn"],
                PermissionSetArn=asked["permissionSetArn"],
                CustomerManagedPolicyReference={"Name": "work", "Path": "/ops/"},
            )
        parameters = {key: asked[key] for key in ("instanceArn", "permissionSetArn")}
        return cloudtrail_event("sso", name, {**parameters, "customerManagedPolicyReference": reference})

    return made


ATTACH = "AttachCustomerManagedPolicyReferenceToPermissionSet"
DETACH = "DetachCustomerManagedPolicyReferenceFromPermissionSet"
DENIES = {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}


def whole(world: World) -> Any:
    sso = world.client("sso-admin")
    instance = sso.list_instances()["Instances"][0]["InstanceArn"]
    names = [
        {"InstanceArn": instance, "PermissionSetArn": arn}
        for arn in sso.list_permission_sets(InstanceArn=instance)["PermissionSets"]
    ]
    return [
        (
            sso.list_managed_policies_in_permission_set(**name)["AttachedManagedPolicies"],
            sso.get_inline_policy_for_permission_set(**name)["InlinePolicy"],
        )
        for name in names
    ]


CASE = Case(
    unsafe=(
        given(ADMIN),
        given("ReadOnlyAccess", "IAMFullAccess"),
        given(inline="*"),
        given(ADMIN, inline="s3:*"),
        referring(ATTACH, customer={HOME: "*"}),
        referring(ATTACH, "PowerUserAccess", customer={HOME: "s3:*", FRIEND: "iam:PassRole"}, assign=True),
        referring(DETACH, ADMIN, customer={HOME: DENIES}),
    ),
    near_misses=(
        given("ReadOnlyAccess"),
        given(inline="s3:*"),
        given(ADMIN, baseline=Baseline(allow=Allow(principals=("arn:aws:sso:::permissionSet/ssoins-*/ps-*",)))),
        referring(ATTACH, customer={HOME: "s3:*"}),
        referring(ATTACH, customer={HOME: "*", STRANGER: "*", FRIEND: "s3:*"}, assign=True),
        referring(ATTACH, ADMIN, customer={HOME: DENIES}),
        referring(ATTACH, customer={}),
        referring(DETACH, customer={HOME: "*"}),
    ),
    whole=whole,
    remove=remove,
)


def test_it_is_reported_and_left_as_it_is(world: World) -> None:
    (outcome,) = world.deliver(given(ADMIN)(world), ID, "fix")
    assert (outcome.status, outcome.reason) == (Status.ALERTED, "AdministratorAccess (allows * on *)")


@pytest.mark.parametrize("parameters", [None, {}, {"permissionSetArn": ["a", "b"]}, {"permissionSetArn": "ps-1"}])
def test_an_event_that_names_no_permission_set_finds_nothing(parameters: Any) -> None:
    event = Event.parse(cloudtrail_event("sso", "AttachManagedPolicyToPermissionSet", parameters))
    assert not list(PermissionSet.in_event(event))
