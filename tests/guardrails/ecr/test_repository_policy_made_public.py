from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.cases import Case
from tests.support.events import FRIEND, HOME, STRANGER, Envelope, analyzer_finding, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ecr.repository_policy_made_public"
NAME = "shop/web"
PULL = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]


def allow(principal: Any, sid: str = "Pull", **more: Any) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": PULL, **more}


def root(account: str) -> str:
    return f"arn:aws:iam::{account}:root"


def written(*statements: dict[str, Any]) -> str:
    """As ECR answers: it keeps a policy indented by two, with a space before each colon."""
    document = {"Version": "2012-10-17", "Statement": [*statements]}
    return json.dumps(document, indent=2, separators=(",", " : "))


def policy(*statements: dict[str, Any]) -> Any:
    def made(world: World) -> Envelope:
        ecr = world.client("ecr")
        ecr.create_repository(repositoryName=NAME)
        ecr.set_repository_policy(repositoryName=NAME, policyText=written(*statements))
        parameters = {"force": False, "policyText": json.dumps({"Statement": statements}), "repositoryName": NAME}
        return cloudtrail_event("ecr", "SetRepositoryPolicy", parameters, {"repositoryName": NAME, "registryId": HOME})

    return made


def text(world: World) -> str | None:
    ecr = world.client("ecr")
    try:
        return str(ecr.get_repository_policy(repositoryName=NAME)["policyText"])
    except ecr.exceptions.RepositoryPolicyNotFoundException:
        return None


def whole(world: World) -> Any:
    return text(world), world.client("ecr").describe_repositories(repositoryNames=[NAME])["repositories"]


def analyzed(world: World) -> Envelope:
    """IAM Access Analyzer found it."""
    policy(allow({"AWS": root(STRANGER)}))(world)
    return analyzer_finding(f"arn:aws:ecr:us-east-1:{HOME}:repository/{NAME}", "AWS::ECR::Repository")


def from_a_template(world: World) -> Envelope:
    """A repository that a template gave its policy as it was made."""
    policy(FRIENDS, allow("*", "Everyone"))(world)
    return cloudtrail_event("ecr", "CreateRepository", {"repositoryName": NAME})


FRIENDS = allow({"AWS": [root(HOME), root(FRIEND)]}, "Friends")
LAMBDA = allow({"Service": "lambda.amazonaws.com"}, "Lambda")

CASE = Case(
    unsafe=(
        policy(allow("*")),
        policy(FRIENDS, allow("*", "Everyone"), LAMBDA),
        policy(allow({"AWS": root(STRANGER)})),
        policy(allow({"AWS": [root(FRIEND), root(STRANGER)]})),
        policy(allow("*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-another1234"}})),
        analyzed,
        from_a_template,
    ),
    near_misses=(
        policy(FRIENDS, LAMBDA),
        policy(allow("*", Condition={"StringEquals": {"aws:PrincipalAccount": FRIEND}})),
        policy({**allow("*"), "Effect": "Deny"}),
    ),
    whole=whole,
    remove=lambda world: world.client("ecr").delete_repository(repositoryName=NAME),
    disturb=lambda world: world.client("ecr").put_image_tag_mutability(
        repositoryName=NAME, imageTagMutability="IMMUTABLE"
    ),
)


def test_only_the_open_statement_goes(world: World) -> None:
    world.deliver(policy(FRIENDS, allow("*", "Everyone"), LAMBDA)(world), ID)
    assert text(world) == written(FRIENDS, LAMBDA)


def test_only_the_unknown_account_goes_of_a_statement(world: World) -> None:
    world.deliver(policy(allow({"AWS": [root(FRIEND), root(STRANGER)]}), LAMBDA)(world), ID)
    left = json.loads(text(world) or "")
    assert left["Statement"] == [allow({"AWS": [root(FRIEND)]}), LAMBDA]


def test_a_policy_of_nothing_else_is_deleted(world: World) -> None:
    world.deliver(policy(allow("*"))(world), ID)
    assert text(world) is None


def test_the_reason_names_everyone_and_the_account(world: World) -> None:
    (outcome,) = world.deliver(policy(allow("*"), allow({"AWS": root(STRANGER)}))(world), ID, "alert")
    assert outcome.reason == f"its policy gives access to {root(STRANGER)}, everyone"


def test_a_repository_whose_policy_was_deleted_meanwhile_is_compliant(world: World) -> None:
    envelope = policy(allow("*"))(world)
    world.client("ecr").delete_repository_policy(repositoryName=NAME)
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "compliant"


def test_a_principal_that_was_deleted_goes_along_since_aws_takes_no_policy_with_it(world: World) -> None:
    deleted = {"AWS": ["AROAEXAMPLEDELETED0001", root(FRIEND)]}
    (outcome,) = world.deliver(policy(allow(deleted, "Old"), allow("*", "Everyone"), LAMBDA)(world), ID)
    assert outcome.status == "fixed"
    assert json.loads(text(world) or "")["Statement"] == [allow({"AWS": [root(FRIEND)]}, "Old"), LAMBDA]


def test_a_finding_about_another_accounts_repository_names_none(world: World) -> None:
    policy(allow("*"))(world)
    arn = f"arn:aws:ecr:us-east-1:{STRANGER}:repository/{NAME}"
    assert not world.deliver(analyzer_finding(arn, "AWS::ECR::Repository"), ID)
    assert not world.deliver(analyzer_finding(f"arn:aws:s3:::{NAME}"), ID)
