from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Require
from chalicelib.core.event import Event
from chalicelib.core.settings import Settings
from chalicelib.core.types import Status
from chalicelib.resources.organizations import OrganizationPolicy
from tests.support.cases import Case
from tests.support.events import Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "organizations.protected_policy_detached"
TEXT = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "cloudtrail:StopLogging", "Resource": "*"}]}
)


def organization(world: World) -> dict[str, str]:
    """The ids of the root, an organizational unit, an account in it, and a policy."""
    organizations = world.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    root = organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.create_organizational_unit(ParentId=root, Name="web")["OrganizationalUnit"]["Id"]
    account = organizations.create_account(Email="web@example.com", AccountName="web")["CreateAccountStatus"]
    policy = organizations.create_policy(Content=TEXT, Description="-", Name="keep", Type="SERVICE_CONTROL_POLICY")
    return {
        "root": root,
        "unit": unit,
        "account": account["AccountId"],
        "policy": policy["Policy"]["PolicySummary"]["Id"],
    }


def attached(*targets: str, protected: tuple[str, ...] = ("root", "unit", "account"), gone: str = "") -> Any:
    """The policy is attached to these, and the settings want it attached to the protected."""

    def made(world: World) -> Envelope:
        ids = organization(world)
        scps = {ids["policy"]: tuple(ids[each] for each in protected)} if protected else {}
        world.settings = Settings(require=Require(scps=scps), grace={"*": 0})
        for each in targets:
            world.client("organizations").attach_policy(PolicyId=ids["policy"], TargetId=ids[each])
        return cloudtrail_event("organizations", "DetachPolicy", {"policyId": ids["policy"], "targetId": ids["root"]})

    return made


def targets(world: World) -> list[str]:
    organizations = world.client("organizations")
    found = organizations.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
    ours = [each["Id"] for each in found if not each["AwsManaged"]]
    return sorted(
        target["TargetId"]
        for policy in ours
        for target in organizations.list_targets_for_policy(PolicyId=policy)["Targets"]
    )


def remove(world: World) -> None:
    organizations = world.client("organizations")
    for each in organizations.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]:
        if not each["AwsManaged"]:
            for target in targets(world):
                organizations.detach_policy(PolicyId=each["Id"], TargetId=target)
            organizations.delete_policy(PolicyId=each["Id"])


def attach_to_another(world: World) -> None:
    organizations = world.client("organizations")
    root = organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.create_organizational_unit(ParentId=root, Name="new")["OrganizationalUnit"]["Id"]
    for each in organizations.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]:
        if not each["AwsManaged"]:
            organizations.attach_policy(PolicyId=each["Id"], TargetId=unit)


CASE = Case(
    unsafe=(
        attached(),
        attached("unit", "account"),
        attached("root", "account"),
        attached("unit", protected=("root",)),
    ),
    near_misses=(
        attached("root", "unit", "account"),
        attached("root", protected=("root",)),
        attached("unit", protected=()),
        attached(protected=()),
    ),
    whole=targets,
    remove=remove,
    disturb=attach_to_another,
)


def test_other_targets_stay_attached_and_are_not_undone(world: World) -> None:
    (outcome,) = world.deliver(attached("unit", protected=("root",))(world), ID)
    assert outcome.status == Status.FIXED
    assert len(targets(world)) == 2
    world.application("fix", ID).engine.undo(outcome.record, "bob")
    assert len(targets(world)) == 1


def test_a_target_that_is_no_more_is_reported_and_does_not_hold_up_the_others(world: World) -> None:
    envelope = attached()(world)
    (policy,) = world.settings.require.scps
    scps = {policy: (*world.settings.require.scps[policy], "ou-gone-12345678")}
    world.settings = Settings(require=Require(scps=scps))
    with pytest.MonkeyPatch.context() as patched:
        from moto.organizations.exceptions import TargetNotFoundException
        from moto.organizations.models import OrganizationsBackend

        attach = OrganizationsBackend.attach_policy

        def strictly(self: Any, **asked: Any) -> None:
            if asked["TargetId"] == "ou-gone-12345678":
                raise TargetNotFoundException
            attach(self, **asked)

        patched.setattr(OrganizationsBackend, "attach_policy", strictly)
        (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == Status.STILL_UNSAFE
    assert len(targets(world)) == 3


@pytest.mark.parametrize("parameters", [None, {}, {"policyId": 7}, {"policyId": "FullAWSAccess"}, {"policyId": "p-x"}])
def test_an_event_that_names_no_policy_finds_nothing(parameters: Any) -> None:
    event = Event.parse(cloudtrail_event("organizations", "DetachPolicy", parameters))
    assert not list(OrganizationPolicy.in_event(event))


def test_the_sweep_meets_the_protected_ones(world: World) -> None:
    envelope = attached()(world)
    reader = world.application().sessions.reader("123456789012", "us-east-1")
    policy = envelope["detail"]["requestParameters"]["policyId"]
    assert [each.id for each in OrganizationPolicy.all_in(reader)] == [policy]
    assert OrganizationPolicy(policy, "123456789012", "us-east-1").tags(reader) == {}
