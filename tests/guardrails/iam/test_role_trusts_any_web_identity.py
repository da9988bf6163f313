from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Allow, Baseline
from chalicelib.core.types import Status
from chalicelib.fixes.iam.distrust_unknown_principals import NOBODY
from tests.guardrails.iam.test_role_trusts_unknown_account import (
    DENY,
    EC2,
    SAML,
    allow,
    analyzed,
    document,
    from_its_own_session,
    root,
    trusting,
    whole,
)
from tests.support.cases import Case
from tests.support.events import FRIEND, HOME, STRANGER

if TYPE_CHECKING:
    from tests.support.world import World

ID = "iam.role_trusts_any_web_identity"
ACCOUNTS = "iam.role_trusts_unknown_account"
GITHUB = "token.actions.githubusercontent.com"
GITLAB = "gitlab.com"
TERRAFORM = "app.terraform.io"
EKS = "oidc.eks.us-east-1.amazonaws.com/id/ABCDEF0123456789"
CIRCLECI = "oidc.circleci.com/org/11111111-2222-4333-8444-555555555555"

PULUMI, DATACHAIN = "api.pulumi.com/oidc", "studio.datachain.ai/api"
SENTINEL = "sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d"


def provider(issuer: str, account: str = HOME) -> str:
    return f"arn:aws:iam::{account}:oidc-provider/{issuer}" if issuer not in BUILT_IN else issuer


BUILT_IN = {"accounts.google.com", "cognito-identity.amazonaws.com", "graph.facebook.com", "www.amazon.com"}


def federated(issuer: str, operator: str = "StringEquals", **claims: Any) -> dict[str, Any]:
    statement = allow({"Federated": provider(issuer)}, "sts:AssumeRoleWithWebIdentity")
    return statement | ({"Condition": {operator: {f"{issuer}:{k}": v for k, v in claims.items()}}} if claims else {})


def like(issuer: str, **claims: Any) -> dict[str, Any]:
    return federated(issuer, "StringLike", **claims)


MAIN = federated(GITHUB, aud="sts.amazonaws.com", sub="repo:acme/site:ref:refs/heads/main")

CASE = Case(
    unsafe=(
        trusting(federated(GITHUB)),
        trusting(federated(GITHUB, aud="sts.amazonaws.com"), name="UpdateAssumeRolePolicy"),
        trusting(EC2, like(GITHUB, sub="repo:*"), MAIN, DENY),
        trusting(like(GITHUB, sub=["repo:acme/*", "repo:*:environment:prod"]), SAML),
        trusting(like(GITLAB, sub="project_path:*")),
        trusting(like(TERRAFORM, sub="organization:*:project:*:workspace:*:run_phase:*")),
        trusting(federated("cognito-identity.amazonaws.com")),
        analyzed(trusting(federated(GITHUB), EC2)),
        trusting({**federated(EKS), "Principal": {"Federated": provider(EKS), "AWS": root(HOME)}}),
    ),
    near_misses=(
        trusting(MAIN, EC2),
        trusting(like(GITHUB, sub="repo:acme/*")),
        trusting(like(GITLAB, sub="project_path:acme/*:ref_type:branch:ref:main"), name="UpdateAssumeRolePolicy"),
        trusting(like(TERRAFORM, sub="organization:acme:project:*:workspace:*:run_phase:*")),
        trusting(federated("accounts.google.com", aud="66677788")),
        trusting(federated(EKS, aud="sts.amazonaws.com")),
        trusting(SAML),
        trusting(allow("*")),
        trusting(federated(GITHUB), baseline=Baseline(allow=Allow(principals=(provider(GITHUB),)))),
        trusting(federated(GITHUB), path="/aws-reserved/sso.amazonaws.com/"),
        trusting(federated(GITHUB), {**allow("*", "sts:*"), "Effect": "Deny"}),
    ),
    whole=whole,
    remove=lambda world: world.client("iam").delete_role(RoleName="deploy"),
    disturb=lambda world: world.client("iam").tag_role(RoleName="deploy", Tags=[{"Key": "owner", "Value": "ops"}]),
)


@pytest.mark.parametrize(
    "statement",
    [
        like(GITHUB, sub="*"),
        like(GITHUB, sub="repo:acme*"),
        like(GITHUB, sub="repo:?cme/*"),
        federated(GITHUB, sub="ref:refs/heads/main"),
        federated(GITHUB, sub="environment:production"),
        federated(GITHUB, "StringEqualsIfExists", sub="repo:acme/site:ref:refs/heads/main"),
        federated(GITHUB, "ForAllValues:StringEquals", sub="repo:acme/site:ref:refs/heads/main"),
        federated(GITHUB, "StringNotEquals", sub="repo:evil/site:ref:refs/heads/main"),
        federated(GITHUB, repository_visibility="private"),
        like(GITHUB, repository="acme*"),
        like(GITLAB, sub="project_path:acme*"),
        federated(TERRAFORM, aud="aws.workload.identity"),
        federated("cognito-identity.amazonaws.com", amr="unauthenticated"),
        like(CIRCLECI, sub="*"),
        like(CIRCLECI, sub="*/*"),
        like(EKS, sub="${aws:username}"),
        federated("accounts.google.com", oaud="sts.amazonaws.com"),
        like("tenant.auth0.com/", sub="auth0*"),
        like(PULUMI, sub="pulumi:deploy:org:*"),
        like(DATACHAIN, sub="credentials:*"),
        federated(SENTINEL, aud="api://11111111-2222-4333-8444-555555555555"),
        federated(SENTINEL, sub="22222222-2222-4333-8444-555555555555"),
    ],
)
def test_a_claim_that_others_can_have_too_is_none(statement: dict[str, Any], world: World) -> None:
    (outcome,) = world.deliver(trusting(statement, EC2)(world), ID)
    assert outcome.status == Status.FIXED
    assert document(world)["Statement"] == [EC2]


@pytest.mark.parametrize(
    "statement",
    [
        federated(GITHUB, sub="repository_owner:acme:environment:prod"),
        like(GITHUB, sub="environment:prod:repo:acme/*"),
        like(GITHUB, sub="repository_owner_id:1234:*"),
        like(GITHUB, repository="acme/*"),
        federated(GITHUB, repository_owner_id="1234"),
        federated(GITHUB, "ForAnyValue:StringEquals", sub="repo:acme/site:environment:prod"),
        like(CIRCLECI, sub="org/11111111-2222-4333-8444-555555555555/project/*/user/*"),
        like(EKS, sub="system:serviceaccount:*:app"),
        like("agent.buildkite.com", sub="organization:acme:pipeline:*"),
        federated("graph.facebook.com", app_id="1234"),
        federated("tenant.auth0.com/", aud="client"),
        like(PULUMI, sub="pulumi:deploy:org:acme:project:*"),
        like(DATACHAIN, sub="credentials:acme/*"),
        federated(SENTINEL) | {"Condition": {"StringEquals": {"sts:RoleSessionName": "MicrosoftSentinel_1"}}},
    ],
)
def test_a_claim_that_names_one_tenant_will_do(statement: dict[str, Any], world: World) -> None:
    (outcome,) = world.deliver(trusting(statement)(world), ID)
    assert outcome.status == "compliant"


def test_just_the_provider_goes(world: World) -> None:
    mixed = {**federated(EKS), "Principal": {"AWS": root(FRIEND), "Federated": provider(EKS)}}
    world.deliver(trusting(EC2, mixed, MAIN)(world), ID)
    assert document(world)["Statement"] == [EC2, {**mixed, "Principal": {"AWS": root(FRIEND)}}, MAIN]


def test_where_nobody_is_left_one_statement_denies_everybody(world: World) -> None:
    world.deliver(trusting(federated(GITHUB))(world), ID)
    assert document(world)["Statement"] == [NOBODY]


def test_the_reason_names_the_provider(world: World) -> None:
    (outcome,) = world.deliver(trusting(federated(GITHUB), like(GITHUB, sub="repo:*"))(world), ID, "alert")
    assert outcome.reason == f"any user of {GITHUB} can assume it"


@pytest.mark.parametrize("order", [(ID, ACCOUNTS), (ACCOUNTS, ID)])
def test_no_two_guardrails_are_about_one_principal(world: World, order: tuple[str, str]) -> None:
    both = {**federated(GITHUB), "Principal": {"AWS": [STRANGER, FRIEND], "Federated": provider(GITHUB)}}
    envelope = trusting(both, EC2)(world)
    for rule in order:
        (outcome,) = world.deliver(envelope, rule)
        assert outcome.status == Status.FIXED
    assert document(world)["Statement"] == [{**both, "Principal": {"AWS": [FRIEND]}}, EC2]


def test_a_provider_of_an_unknown_account_is_an_unknown_account(world: World) -> None:
    foreign = {**MAIN, "Principal": {"Federated": provider(GITHUB, STRANGER)}}
    envelope = trusting(foreign, EC2)(world)
    assert [outcome.status for outcome in world.deliver(envelope, ID)] == ["compliant"]
    assert [outcome.status for outcome in world.deliver(envelope, ACCOUNTS)] == [Status.FIXED]


@pytest.mark.parametrize(("others", "status"), [((), Status.ASKING), ((EC2,), Status.ASKING), ((MAIN,), Status.FIXED)])
def test_a_pipeline_that_would_lock_itself_out_is_asked(world: World, others: Any, status: Status) -> None:
    (outcome,) = world.deliver(from_its_own_session(trusting(like(GITHUB, sub="repo:*"), *others)(world)), ID)
    assert outcome.status == status
    assert (json.dumps("repo:*") in json.dumps(document(world))) == (status is Status.ASKING)
