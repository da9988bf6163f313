"""Every table names the page that decides its answers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_sentry.querying.actions import get_actions_for_service

from chalicelib.analysis.escalation_paths import PATHS, NeededCall, Path
from chalicelib.analysis.policy_document import statements
from chalicelib.analysis.policy_escalation import (
    administering,
    administrators,
    at_fault,
    escalations,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

OWN = "111111111111"
ALICE, DEPLOY, BUILDERS = (f"arn:aws:iam::{OWN}:{each}" for each in ("user/alice", "role/deploy", "group/builders"))
BY_ID = {path.id: path for path in PATHS}

RHINO = "https://rhinosecuritylabs.com/aws/aws-privilege-escalation-methods-mitigation/"
PATHFINDING = "https://pathfinding.cloud"
EVALUATION = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html"
BOUNDARIES = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html"
PASS_ROLE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html"
OWN_KEYS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_iam_credentials_console.html"
IAM_KEYS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html"
RESOURCE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html"
NOT_RESOURCE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notresource.html"
ACTION = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html"
NOT_ACTION = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notaction.html"
OPERATORS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html"
JOB_FUNCTIONS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_job-functions.html"
IAM_1 = "https://docs.aws.amazon.com/securityhub/latest/userguide/iam-controls.html#iam-1"


def one(effect: str, actions: Any, resource: Any = "*", **condition: Any) -> dict[str, Any]:
    """A statement; a condition is written `StringEquals={"iam:PassedToService": "…"}`."""
    made = {"Effect": effect, "Action": actions, "Resource": resource}
    return made | ({"Condition": condition} if condition else {})


def allow(actions: Any, resource: Any = "*", **condition: Any) -> dict[str, Any]:
    return one("Allow", actions, resource, **condition)


def deny(actions: Any, resource: Any = "*", **condition: Any) -> dict[str, Any]:
    return one("Deny", actions, resource, **condition)


def policy(*listed: Mapping[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [*listed]}


def cases(table: dict[str, dict[str, Any]]) -> pytest.MarkDecorator:
    rows = [(f"{name} {url.rsplit('/', 1)[-1]}", case) for url, group in table.items() for name, case in group.items()]
    return pytest.mark.parametrize("case", [case for _, case in rows], ids=[name for name, _ in rows])


POWER = {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"}
TABLE: dict[str, dict[str, tuple[list[Any], str]]] = {
    RHINO: {
        "a new policy version": ([allow("iam:CreatePolicyVersion")], "iam-001"),
        "another default version": ([allow("iam:SetDefaultPolicyVersion")], "iam-002"),
        "a key for anybody": ([allow("iam:CreateAccessKey")], "iam-004"),
        "a password for anybody": ([allow("iam:CreateLoginProfile")], "iam-005"),
        "anybody's password": ([allow("iam:UpdateLoginProfile")], "iam-006"),
        "a policy to users": ([allow("iam:AttachUserPolicy")], "iam-007"),
        "a policy to groups": ([allow("iam:AttachGroupPolicy")], "iam-008"),
        "a policy to roles": ([allow("iam:AttachRolePolicy")], "iam-009"),
        "a policy into users": ([allow("iam:PutUserPolicy")], "iam-010"),
        "a policy into groups": ([allow("iam:PutGroupPolicy")], "iam-011"),
        "a policy into roles": ([allow("iam:PutRolePolicy")], "iam-012"),
        "into any group": ([allow("iam:AddUserToGroup")], "iam-013"),
        "let in by any role": ([allow("iam:UpdateAssumeRolePolicy")], "iam-014"),
        "a machine with any role": ([allow(["iam:PassRole", "ec2:RunInstances"])], "ec2-001"),
        "a function with any role": (
            [allow(["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"])],
            "lambda-001",
        ),
        "a function that DynamoDB calls": (
            [allow(["iam:PassRole", "lambda:CreateFunction", "lambda:CreateEventSourceMapping"])],
            "lambda-002",
        ),
        "other code": ([allow("lambda:UpdateFunctionCode")], "lambda-003"),
        "a Glue endpoint": ([allow(["iam:PassRole", "glue:CreateDevEndpoint"])], "glue-001"),
        "another key at a Glue endpoint": ([allow("glue:UpdateDevEndpoint")], "glue-002"),
        "a stack": ([allow(["iam:PassRole", "cloudformation:CreateStack"])], "cloudformation-001"),
        "a pipeline of data": ([allow(["iam:PassRole", "datapipeline:*"])], "datapipeline-001"),
        "passing a role and doing nothing with it": ([allow("iam:PassRole")], ""),
        "a function that nobody calls": ([allow(["iam:PassRole", "lambda:CreateFunction"])], ""),
        "a function without a role": ([allow(["lambda:CreateFunction", "lambda:InvokeFunction"])], ""),
    },
    PATHFINDING: {
        "a command on any machine": ([allow("ssm:SendCommand")], "ssm-002"),
        "a shell on any machine": ([allow("ssm:StartSession")], "ssm-001"),
        "a shell on one machine": ([allow("ssm:StartSession", f"arn:aws:ec2:eu-west-1:{OWN}:instance/i-1")], ""),
        "a build": (
            [allow(["iam:PassRole", "codebuild:CreateProject", "codebuild:StartBuild"])],
            "codebuild-001 codebuild-002",
        ),
        "a task": ([allow(["iam:PassRole", "ecs:RegisterTaskDefinition", "ecs:RunTask"])], "ecs-004"),
        "a notebook": ([allow(["iam:PassRole", "sagemaker:CreateNotebookInstance"])], "sagemaker-001"),
        "what starts with a machine": (
            [allow(["ec2:ModifyInstanceAttribute", "ec2:StopInstances", "ec2:StartInstances"])],
            "ec2-002",
        ),
        "any role that will": ([allow("sts:AssumeRole")], "sts-001"),
        "one role": ([allow("sts:AssumeRole", f"arn:aws:iam::{OWN}:role/app")], ""),
        "a Glue job": ([allow(["iam:PassRole", "glue:CreateJob", "glue:StartJobRun"])], "glue-003"),
    },
    EVALUATION: {
        "in two policies": ([allow("iam:PassRole"), allow("ec2:RunInstances")], "ec2-001"),
        "denied": ([allow("iam:*"), deny("iam:*")], ""),
        "denied in part": ([allow("iam:Put*Policy"), deny(["iam:PutUser*", "iam:PutGroup*"])], "iam-012"),
        "one step denied": ([allow(["iam:PassRole", "ec2:*"]), deny("iam:PassRole")], "ec2-002 ec2-004"),
        "denied on one": ([allow("iam:PutUserPolicy"), deny("iam:*", f"arn:aws:iam::{OWN}:user/root")], "iam-010"),
        "denied on all but one": (
            [
                allow("iam:PutUserPolicy"),
                {"Effect": "Deny", "Action": "iam:*", "NotResource": f"arn:aws:iam::{OWN}:user/app"},
            ],
            "",
        ),
        "denied without MFA": (
            [allow("iam:PutUserPolicy"), deny("*", BoolIfExists={"aws:MultiFactorAuthPresent": "false"})],
            "iam-010",
        ),
        "nothing": ([], ""),
    },
    PASS_ROLE: {
        "to another service": (
            [
                allow("iam:PassRole", StringEquals={"iam:PassedToService": "rds.amazonaws.com"}),
                allow(["ec2:RunInstances", "lambda:CreateFunction", "lambda:InvokeFunction"]),
            ],
            "",
        ),
        "to this service": (
            [
                allow("iam:PassRole", StringEquals={"iam:PassedToService": ["rds.amazonaws.com", "ec2.amazonaws.com"]}),
                allow(["ec2:RunInstances", "lambda:CreateFunction", "lambda:InvokeFunction"]),
            ],
            "ec2-001",
        ),
        "to some services": (
            [allow(["iam:PassRole", "ec2:RunInstances"], StringLikeIfExists={"iam:PassedToService": "ec2*"})],
            "ec2-001",
        ),
        "to no other service": (
            [
                allow(["iam:PassRole", "ec2:RunInstances", "lambda:CreateFunction", "lambda:InvokeFunction"]),
                deny("iam:PassRole", StringNotEquals={"iam:PassedToService": "lambda.amazonaws.com"}),
            ],
            "lambda-001",
        ),
        "one role": ([allow("iam:PassRole", f"arn:aws:iam::{OWN}:role/app"), allow("ec2:RunInstances")], ""),
        "roles that begin alike": (
            [allow("iam:PassRole", f"arn:aws:iam::{OWN}:role/app-*"), allow("ec2:RunInstances")],
            "",
        ),
        "every role": ([allow("iam:PassRole", "arn:aws:iam::*:role/*"), allow("ec2:RunInstances")], "ec2-001"),
    },
    IAM_KEYS: {
        "within a boundary": (
            [allow("iam:*", StringEquals={"iam:PermissionsBoundary": f"arn:aws:iam::{OWN}:policy/b"})],
            "",
        ),
        "never without a boundary": (
            [
                allow("iam:PutUserPolicy"),
                deny("iam:Put*", StringNotEquals={"iam:PermissionsBoundary": f"arn:aws:iam::{OWN}:policy/b"}),
            ],
            "",
        ),
        "a machine, as EC2 is called in China": (
            [
                allow(
                    ["iam:PassRole", "ec2:RunInstances"],
                    StringLikeIfExists={"iam:PassedToService": "ec2.amazonaws.com.cn"},
                )
            ],
            "ec2-001",
        ),
        "harmless policies": (
            [allow("iam:AttachRolePolicy", ArnEquals={"iam:PolicyARN": "arn:aws:iam::aws:policy/ReadOnlyAccess"})],
            "",
        ),
        "any policy": ([allow("iam:AttachRolePolicy", ArnLike={"iam:PolicyARN": "*"})], "iam-009"),
        "what is tagged as one's own": ([allow("iam:*", StringEquals={"aws:ResourceTag/team": "web"})], ""),
        "from one address": ([allow("iam:PutUserPolicy", IpAddress={"aws:SourceIp": "198.51.100.0/24"})], "iam-010"),
    },
    RESOURCE: {
        "all users": ([allow("iam:CreateAccessKey", "arn:aws:iam::*:user/*")], "iam-004"),
        "all users of a Chinese account": ([allow("iam:CreateAccessKey", f"arn:aws-cn:iam::{OWN}:user/*")], "iam-004"),
        "all of IAM": ([allow("iam:CreateAccessKey", "arn:aws:iam::*")], "iam-004"),
        "all functions of a region": (
            [allow("lambda:UpdateFunctionCode", f"arn:aws:lambda:eu-west-1:{OWN}:function:*")],
            "lambda-003",
        ),
        "all functions of an account": (
            [allow("lambda:UpdateFunctionCode", f"arn:aws:lambda:*:{OWN}:*")],
            "lambda-003",
        ),
        "one function": ([allow("lambda:UpdateFunctionCode", f"arn:aws:lambda:*:{OWN}:function:app")], ""),
        "roles for a call about users": ([allow("iam:CreateAccessKey", "arn:aws:iam::*:role/*")], ""),
        "a name with brackets": ([allow("iam:CreateAccessKey", "arn:aws:iam::*:user/[~]")], ""),
    },
    NOT_RESOURCE: {
        "all users but one": (
            [{"Effect": "Allow", "Action": "iam:PutUserPolicy", "NotResource": f"arn:aws:iam::{OWN}:user/root"}],
            "iam-010",
        ),
        "no user": ([{"Effect": "Allow", "Action": "iam:PutUserPolicy", "NotResource": "arn:aws:iam::*:user/*"}], ""),
    },
    ACTION: {
        "in capitals": ([allow("IAM:PUTUSERPOLICY")], "iam-010"),
        "with a star inside": ([allow("iam:Put*erPolicy")], "iam-010"),
        "one character open": ([allow("iam:PutUserPolic?")], "iam-010"),
        "reading": ([allow(["iam:Get*", "iam:List*", "ec2:Describe*"])], ""),
    },
    NOT_ACTION: {
        "all but what rises": (
            [{"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "Resource": "arn:aws:s3:::*"}],
            "",
        ),
        "all but most of IAM": (
            [
                {
                    "Effect": "Allow",
                    "NotAction": ["iam:[A-O]*", "iam:C*", "iam:A*", "iam:U*", "iam:S*", "iam:Pa*"],
                    "Resource": "arn:aws:iam::*",
                }
            ],
            "iam-010 iam-011 iam-012 sts-001",
        ),
    },
    OPERATORS: {
        "a condition that may be missing": (
            [allow("iam:PutUserPolicy", StringEqualsIfExists={"iam:PermissionsBoundary": "b"})],
            "iam-010",
        ),
        "a set that may be empty": (
            [allow("iam:PutUserPolicy", **{"ForAllValues:StringEquals": {"aws:TagKeys": "team"}})],
            "iam-010",
        ),
    },
}


@cases(TABLE)
def test_the_paths_that_are_open(case: tuple[list[Any], str]) -> None:
    listed, expected = case
    assert {path.id for path in escalations(map(policy, listed))} == set(expected.split())
    assert {path.id for path in escalations([policy(*listed)])} == set(expected.split())


ITSELF: dict[str, dict[str, tuple[list[Any], str, str]]] = {
    RHINO: {
        "its own policy": ([allow("iam:PutUserPolicy", ALICE)], ALICE, "iam-010"),
        "with a path": ([allow("iam:PutUserPolicy", f"arn:aws:iam::{OWN}:user/team/alice")], ALICE, "iam-010"),
        "by a beginning": ([allow("iam:AttachUserPolicy", f"arn:aws:iam::{OWN}:user/al*")], ALICE, "iam-007"),
        "by variable": ([allow("iam:PutUserPolicy", "arn:aws:iam::*:user/${aws:username}")], ALICE, "iam-010"),
        "a member by variable": (
            [allow("iam:PutUserPolicy", "arn:aws:iam::*:user/${aws:username}")],
            BUILDERS,
            "iam-010",
        ),
        "a role by variable": ([allow("iam:PutUserPolicy", "arn:aws:iam::*:user/${aws:username}")], DEPLOY, ""),
        "the role itself": ([allow("iam:PutRolePolicy", DEPLOY)], DEPLOY, "iam-012"),
        "the group itself": ([allow("iam:AttachGroupPolicy", BUILDERS)], BUILDERS, "iam-008"),
        "another user": ([allow("iam:PutUserPolicy", f"arn:aws:iam::{OWN}:user/bob")], ALICE, ""),
        "a role of the same name": ([allow("iam:PutRolePolicy", f"arn:aws:iam::{OWN}:role/alice")], ALICE, ""),
        "denied on itself": ([allow("iam:PutUserPolicy", ALICE), deny("iam:*", ALICE)], ALICE, ""),
        "denied on itself, not on others": ([allow("iam:PutUserPolicy"), deny("iam:*", ALICE)], ALICE, "iam-010"),
    },
    OWN_KEYS: {
        "its own key": ([allow("iam:CreateAccessKey", "arn:aws:iam::*:user/${aws:username}")], ALICE, ""),
        "its own password": ([allow("iam:UpdateLoginProfile", "arn:aws:iam::*:user/${aws:username}")], ALICE, ""),
    },
}


@cases(ITSELF)
def test_who_may_change_itself_rises(case: tuple[list[Any], str, str]) -> None:
    listed, itself, expected = case
    assert {path.id for path in escalations([policy(*listed)], itself=itself)} == set(expected.split())


WITHIN: dict[str, dict[str, tuple[list[Any], list[Any], str]]] = {
    BOUNDARIES: {
        "everything within reading": ([allow("*")], [allow("s3:Get*")], ""),
        "a path within everything": ([allow("iam:CreateAccessKey")], [allow("*")], "iam-004"),
        "a path within half of it": ([allow(["iam:PassRole", "ec2:*"])], [allow("iam:PassRole")], ""),
        "denied by the boundary": ([allow("iam:PutRolePolicy")], [allow("*"), deny("iam:*")], ""),
        "another service by the boundary": (
            [allow(["iam:PassRole", "ec2:RunInstances"])],
            [allow("ec2:*"), allow("iam:PassRole", StringEquals={"iam:PassedToService": "rds.amazonaws.com"})],
            "",
        ),
        "itself": ([allow("iam:PutRolePolicy", DEPLOY)], [allow("*")], ""),
        "itself, and may take it off": (
            [allow(["iam:PutRolePolicy", "iam:DeleteRolePermissionsBoundary"], DEPLOY)],
            [allow("iam:*")],
            "iam-012",
        ),
        "itself, and may not take it off": (
            [allow(["iam:PutRolePolicy", "iam:DeleteRolePermissionsBoundary"], DEPLOY)],
            [allow("iam:*"), deny("iam:*PermissionsBoundary")],
            "",
        ),
        "a boundary that allows nothing": ([allow("*")], [deny("s3:*")], ""),
    },
}


@cases(WITHIN)
def test_a_boundary_is_a_limit(case: tuple[list[Any], list[Any], str]) -> None:
    listed, boundary, expected = case
    found = escalations([policy(*listed)], policy(*boundary), DEPLOY)
    assert {path.id for path in found} == set(expected.split())


ADMINISTRATORS: dict[str, dict[str, tuple[dict[str, list[Any]], Any, dict[str, str]]]] = {
    IAM_1: {
        "everything": ({"a": [allow("*")]}, None, {"a": "allows * on *"}),
        "all of IAM": ({"a": [allow("iam:*")], "b": [allow("s3:*")]}, None, {"a": "allows iam:* on *"}),
        "one way up": ({"a": [allow("iam:CreateAccessKey")]}, None, {}),
    },
    JOB_FUNCTIONS: {
        "a power user": ({"a": [POWER]}, None, {}),
        "a power user who may be administrator": (
            {"a": [POWER], "b": [allow("iam:CreateAccessKey")]},
            None,
            {"b": "allows iam:CreateAccessKey (iam-004) where everything outside IAM is allowed"},
        ),
        "a power user who hands out roles": (
            {"a": [POWER], "b": [allow(["iam:PassRole", "iam:List*"])], "c": [allow("s3:*")]},
            None,
            {"b": "allows iam:PassRole + ec2:RunInstances (ec2-001) where everything outside IAM is allowed"},
        ),
        "a power user who hands out one": (
            {"a": [POWER], "b": [allow("iam:PassRole", f"arn:aws:iam::{OWN}:role/app")]},
            None,
            {},
        ),
        "an administrator who is a power user too": (
            {"a": [allow("*")], "b": [allow("iam:PassRole")]},
            None,
            {"a": "allows * on *"},
        ),
    },
    EVALUATION: {
        "denied by another policy": ({"a": [allow("*")], "b": [deny("iam:*")]}, None, {}),
    },
    BOUNDARIES: {
        "within a power user": ({"a": [allow("*")]}, [POWER], {}),
        "within IAM": ({"a": [allow("*")]}, [allow("iam:*")], {"a": "allows * on *"}),
    },
}


@cases(ADMINISTRATORS)
def test_what_makes_administrator(case: tuple[dict[str, list[Any]], Any, dict[str, str]]) -> None:
    policies, boundary, expected = case
    made = {name: policy(*listed) for name, listed in policies.items()}
    assert administrators(made, boundary and policy(*boundary)) == expected


def test_the_statements_that_make_administrator() -> None:
    reads = allow("s3:Get*")
    assert administering(policy(reads, allow("*"))) == {1: "allows * on *"}
    assert list(administering(policy(POWER, reads, allow("iam:PassRole")))) == [2]
    assert administering(policy(allow("*"), deny("iam:*"))) == {}
    assert administering(None) == {}


def test_the_statements_at_fault_hold_first_steps() -> None:
    policies = {"a": policy(allow("s3:*"), allow("iam:PassRole")), "b": policy(allow("ec2:RunInstances"))}
    assert at_fault(policies) == {"a": {1: [BY_ID["ec2-001"]]}}
    assert at_fault({"b": policies["b"]}) == {}


def granting(path: Path) -> list[dict[str, Any]]:
    """One statement a step that allows just it."""
    return [
        allow(step.action, StringEquals={"iam:PassedToService": f"{step.service}.amazonaws.com"})
        if step.service
        else allow(step.action)
        for step in path.steps
    ]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.id)
def test_each_path_is_open_by_its_steps_and_not_without_one(path: Path) -> None:
    steps = granting(path)
    found = escalations([policy(*steps)])
    assert path in found
    for number in range(len(steps)):
        assert path not in escalations([policy(*steps[:number], *steps[number + 1 :])])
        assert path not in escalations([policy(*steps, deny(path.steps[number].action))])
        assert path not in escalations([policy(*steps)], policy(allow("*"), deny(path.steps[number].action)))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.id)
def test_each_path_has_a_page_and_actions_that_there_are(path: Path) -> None:
    assert re.fullmatch(r"https://pathfinding\.cloud/paths/[a-z0-9]+-\d{3}", path.source)
    for step in path.steps:
        service = step.action.partition(":")[0]
        known = get_actions_for_service(service)
        assert step.action in known or not known  # A service may be newer than the library's data.


def test_there_are_enough_paths_and_none_holds_another_unless_it_hands_out_a_role() -> None:
    assert len(PATHS) == len(BY_ID) >= 30
    for path in PATHS:
        held = [other.id for other in PATHS if other != path and set(other.steps) <= set(path.steps)]
        assert not held or path.steps[0].action == "iam:PassRole"


@pytest.mark.parametrize("nothing", ["{", "[]", '{"Statement": [{}]}'])
def test_what_is_no_policy_opens_no_path_and_excuses_none(nothing: str) -> None:
    assert escalations([nothing]) == []
    everything = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    assert escalations([nothing, everything])
    assert escalations([everything], boundary=nothing)


EVERY_STATEMENT = [
    each for group in (TABLE, ITSELF, WITHIN) for table in group.values() for case in table.values() for each in case[0]
]
SOME = st.lists(st.sampled_from(EVERY_STATEMENT), max_size=6)
WHO = st.sampled_from(["", ALICE, DEPLOY, BUILDERS])


def ids(found: list[Path]) -> set[str]:
    return {path.id for path in found}


@given(SOME, SOME, WHO)
def test_more_is_allowed_by_more_and_less_within_a_boundary(some: list[Any], more: list[Any], itself: str) -> None:
    allowed = [each for each in more if each["Effect"] == "Allow"]
    denied = [each for each in more if each["Effect"] == "Deny"]
    found = ids(escalations([policy(*some)], itself=itself))
    assert found <= ids(escalations([policy(*some), policy(*allowed)], itself=itself))
    assert found >= ids(escalations([policy(*some), policy(*denied)], itself=itself))
    assert found >= ids(escalations([policy(*some)], policy(*more), itself))
    assert not escalations([policy(*some, deny("*"))], itself=itself)


@given(SOME, st.randoms(use_true_random=False), WHO)
def test_order_and_spelling_change_nothing(some: list[Any], random: Any, itself: str) -> None:
    shuffled = random.sample(some, len(some))
    spelt = [
        {key: [each] if key in {"Action", "Resource"} and isinstance(each, str) else each for key, each in one.items()}
        for one in shuffled
    ]
    assert ids(escalations([policy(*some)], itself=itself)) == ids(escalations(map(policy, spelt), itself=itself))


@given(SOME, SOME, st.none() | SOME, WHO)
def test_without_the_statements_at_fault_no_path_is_open(
    one: list[Any], other: list[Any], boundary: list[Any] | None, itself: str
) -> None:
    policies = {"one": policy(*one), "other": policy(*other)}
    fence = None if boundary is None else policy(*boundary)
    faults = at_fault(policies, fence, itself)
    assert bool(faults) == bool(escalations(policies.values(), fence, itself))
    left = [
        policy(*(each.raw for each in statements(made) if each.index not in faults.get(name, ())))
        for name, made in policies.items()
    ]
    assert escalations(left, fence, itself) == []


@given(SOME, st.lists(st.sampled_from([allow("*"), allow("iam:*"), POWER]), max_size=3))
def test_without_the_statements_that_make_administrator_nobody_is(some: list[Any], more: list[Any]) -> None:
    listed = some + more
    found = administering(policy(*listed))
    assert administering(policy(*(each for number, each in enumerate(listed) if number not in found))) == {}


def test_a_step_is_what_it_says() -> None:
    assert str(BY_ID["ec2-001"]) == "iam:PassRole + ec2:RunInstances (ec2-001)"
    assert BY_ID["ec2-001"].steps[0] == NeededCall("iam:PassRole", "arn:aws:iam:~:~:role/~", service="ec2")
