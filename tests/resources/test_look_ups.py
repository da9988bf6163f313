"""What is the account's own by AWS's word: asked for before a finding, never before that, and in doubt a person is asked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.types import Status
from tests.guardrails.awslambda import test_function_policy_made_public as functions
from tests.guardrails.awslambda.functions import policies
from tests.guardrails.ec2 import test_image_shared as images
from tests.guardrails.ec2 import test_vpc_peered_with_unknown_account as peerings
from tests.guardrails.ecr import test_repository_policy_made_public as repositories
from tests.guardrails.iam import test_role_trusts_unknown_account as roles
from tests.guardrails.s3 import test_bucket_policy_trusts_unknown_account as buckets
from tests.guardrails.s3.test_bucket_policy_made_public import TLS, put, text
from tests.guardrails.sqs import test_queue_policy_made_public as queues
from tests.support.belongings import MANAGEMENT, NETWORKS, access_identity, endpoint, organization
from tests.support.events import HOME, STRANGER

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.events import Envelope
    from tests.support.world import World

ROOT = f"arn:aws:iam::{MANAGEMENT}:root"
OF_ANOTHER: dict[str, Callable[[str], Callable[[World], Envelope]]] = {
    roles.ID: lambda account: roles.trusting(roles.allow({"AWS": f"arn:aws:iam::{account}:root"})),
    buckets.ID: lambda account: put(text(buckets.allow({"AWS": account}))),
    repositories.ID: lambda account: repositories.policy(repositories.allow({"AWS": f"arn:aws:iam::{account}:root"})),
    functions.ID: lambda account: functions.allowed(Principal=account),
    queues.JOBS.id: lambda account: queues.JOBS.policy(queues.JOBS.allow({"AWS": account})),
    images.ID: lambda account: images.shared({"UserId": account}),
}
"""Each guardrail about who is let in, with an account."""
STACK_SETS = (
    "role/aws-service-role/stacksets.cloudformation.amazonaws.com/AWSServiceRoleForCloudFormationStackSetsOrgAdmin"
)


@pytest.mark.parametrize("id", OF_ANOTHER)
def test_the_management_account_is_known_and_a_stranger_is_not(id: str, world: World) -> None:
    organization()
    (outcome,) = world.deliver(OF_ANOTHER[id](MANAGEMENT)(world), id)
    assert outcome.status == "compliant"


@pytest.mark.parametrize("id", OF_ANOTHER)
@pytest.mark.parametrize("code", ["AccessDeniedException", "TooManyRequestsException"])
def test_where_aws_does_not_say_a_person_is_asked(id: str, code: str, world: World) -> None:
    organization()
    envelope = OF_ANOTHER[id](MANAGEMENT)(world)
    with world.denied("DescribeOrganization", code=code):
        (outcome,) = world.deliver(envelope, id)
    assert outcome.status == Status.ASKING
    assert f"DescribeOrganization answered {code}" in world.record(outcome.record).history[-1].note


@pytest.mark.parametrize("id", OF_ANOTHER)
def test_a_stranger_beside_the_management_account_goes_alone(id: str, world: World) -> None:
    if id in {images.ID, functions.ID, repositories.ID, queues.JOBS.id}:
        pytest.skip("the same edit as a bucket policy's and a role's")
    organization()
    allow = {roles.ID: roles.allow, buckets.ID: buckets.allow}[id]({"AWS": [ROOT, f"arn:aws:iam::{STRANGER}:root"]})
    make = roles.trusting(allow) if id == roles.ID else put(text(allow))
    (outcome,) = world.deliver(make(world), id)
    assert outcome.status == Status.FIXED
    after = json.dumps(world.record(outcome.record).after)
    assert MANAGEMENT in after
    assert STRANGER not in after


@pytest.mark.parametrize(("account", "status"), [(MANAGEMENT, "compliant"), (STRANGER, Status.ASKING)])
def test_a_vpc_may_be_peered_with_the_management_accounts(account: str, status: str, world: World) -> None:
    organization()
    (outcome,) = world.deliver(peerings.accepted(account)(world), peerings.ID)
    assert outcome.status == status


def test_where_aws_does_not_say_whose_a_peering_is_a_person_is_asked(world: World) -> None:
    organization()
    envelope = peerings.accepted(MANAGEMENT)(world)
    with world.denied("DescribeOrganization", code="AccessDeniedException"):
        (outcome,) = world.deliver(envelope, peerings.ID)
    assert outcome.status == Status.ASKING


def test_an_undo_goes_by_what_is_own_too(world: World) -> None:
    """A function's state has strangers only: to know them, an undo has to know the account's own."""
    organization()
    make = functions.allowed(Principal=STRANGER)
    envelope = make(world)
    functions.allow(world, "management", Principal=MANAGEMENT)
    (outcome,) = world.deliver(envelope, functions.ID)
    assert [each["Sid"] for each in policies(world)[""]] == ["bucket", "management"]
    world.application("fix", functions.ID).engine.undo(outcome.record, "bob")
    assert [each["Sid"] for each in policies(world)[""]] == ["bucket", "management", "new"]


def test_a_look_alike_of_stack_sets_is_found(world: World) -> None:
    organization()
    for account, status in ((MANAGEMENT, "compliant"), (STRANGER, "fixed")):
        make = roles.trusting(roles.allow({"AWS": f"arn:aws:iam::{account}:{STACK_SETS}"}))
        (outcome,) = world.deliver(make(world), roles.ID)
        assert outcome.status == status
        world.client("iam").delete_role(RoleName="deploy")


def test_an_account_without_an_organization_has_no_management_account(world: World) -> None:
    (outcome,) = world.deliver(OF_ANOTHER[roles.ID](MANAGEMENT)(world), roles.ID)
    assert outcome.status == Status.FIXED


SAFE: dict[str, Callable[[World], Any]] = {
    "its own organization": lambda _: buckets.allow("*", StringEquals={"aws:PrincipalOrgID": organization()}),
    "its own endpoint": lambda world: buckets.allow("*", StringEquals={"aws:SourceVpce": endpoint(world)}),
    "its own VPC": lambda world: buckets.allow("*", StringEquals={"aws:SourceVpc": vpc(world)}),
    "its own endpoint and its own VPC": lambda world: buckets.allow(
        "*", StringEquals={"aws:SourceVpce": [endpoint(world)], "aws:SourceVpc": [vpc(world)]}
    ),
    "its own access identity": lambda world: buckets.allow({"AWS": access_identity(world)["user"]}),
    "that identity's canonical id": lambda world: buckets.allow({"CanonicalUser": access_identity(world)["canonical"]}),
    "ELB's account of the region": lambda _: buckets.allow({"AWS": "arn:aws:iam::127311923021:root"}),
}
UNSAFE: dict[str, dict[str, Any]] = {
    "another organization": buckets.allow("*", StringEquals={"aws:PrincipalOrgID": "o-strangers99"}),
    "another's endpoint": buckets.allow("*", StringEquals={"aws:SourceVpce": "vpce-0fedcba9876543210"}),
    "another's VPC": buckets.allow("*", StringEquals={"aws:SourceVpc": "vpc-0fedcba9876543210"}),
    "another's access identity": buckets.allow(
        {"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1STRANGER"}
    ),
    "ELB's account of another region": buckets.allow({"AWS": "arn:aws:iam::797873946194:root"}),
}


def vpc(world: World) -> str:
    return str(world.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"])


@pytest.mark.parametrize("what", SAFE)
def test_a_bucket_may_be_open_to(what: str, world: World) -> None:
    (outcome,) = world.deliver(put(text(SAFE[what](world)))(world), buckets.ID)
    assert outcome.status == "compliant"


@pytest.mark.parametrize("what", UNSAFE)
def test_a_bucket_may_not_be_open_to(what: str, world: World) -> None:
    organization()
    endpoint(world)
    access_identity(world)
    (outcome,) = world.deliver(put(text(UNSAFE[what]))(world), buckets.ID)
    assert outcome.status == Status.FIXED


def two_endpoints(world: World) -> list[str]:
    return [endpoint(world), endpoint(world)]


THEIRS = "vpce-0fedcba9876543210"
ALL_BUT: dict[str, tuple[Callable[[World], dict[str, Any]], str]] = {
    "a list of its own endpoints": (lambda world: {"aws:SourceVpce": two_endpoints(world)}, "compliant"),
    "its own VPC": (lambda world: {"aws:SourceVpc": vpc(world)}, "compliant"),
    "its own endpoint or VPC": (
        lambda world: {"aws:SourceVpce": endpoint(world), "aws:SourceVpc": vpc(world)},
        "compliant",
    ),
    "a list with another's": (lambda world: {"aws:SourceVpce": [endpoint(world), THEIRS]}, Status.FIXED),
    "its own VPC or another's endpoint": (
        lambda world: {"aws:SourceVpc": vpc(world), "aws:SourceVpce": THEIRS},
        Status.FIXED,
    ),
    "another's VPC": (lambda _: {"aws:SourceVpc": "vpc-0fedcba9876543210"}, Status.FIXED),
}


@pytest.mark.parametrize("what", ALL_BUT)
def test_a_bucket_may_be_closed_to_all_but(what: str, world: World) -> None:
    """AWS's way: everybody allowed, and whoever comes another way denied.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies-vpc-endpoint.html
    """
    spares, status = ALL_BUT[what]
    denies = buckets.allow("*", StringNotEquals=spares(world)) | {"Effect": "Deny", "Action": "s3:*"}
    (outcome,) = world.deliver(put(text(buckets.allow("*"), denies))(world), buckets.ID)
    assert outcome.status == status


def shared_vpc(world: World) -> str:
    """An endpoint of another account's VPC, which DescribeVpcs tells because its subnets are shared; moto has no shares."""
    from moto.ec2.models import ec2_backends

    theirs = ec2_backends[NETWORKS]["us-east-1"]
    shared = theirs.create_vpc("10.9.0.0/16")
    made = theirs.create_vpc_endpoint(shared.id, "com.amazonaws.us-east-1.s3", "Gateway", None, [])
    ec2_backends[HOME]["us-east-1"].vpcs[shared.id] = shared
    return str(made.id)


def test_endpoints_of_a_shared_vpc_are_known_by_its_owner(world: World) -> None:
    statement = buckets.allow("*", StringEquals={"aws:SourceVpce": shared_vpc(world)})
    (outcome,) = world.deliver(put(text(statement))(world), buckets.ID)
    assert outcome.status == "compliant"


def test_what_the_settings_allow_costs_no_question(world: World) -> None:
    organization()
    world.deliver(put(text(buckets.OWN, buckets.DELIVERY, TLS))(world), buckets.ID)
    assert [call.operation for call in world.calls] == ["GetBucketPolicy"]


def test_only_what_the_policy_names_is_asked_about(world: World) -> None:
    organization()
    statement = buckets.allow({"AWS": f"arn:aws:iam::{STRANGER}:root"})
    world.deliver(put(text(statement))(world), buckets.ID, "alert")
    assert {call.operation for call in world.calls if not call.about_items} == {
        "GetBucketPolicy",
        "DescribeOrganization",
    }
