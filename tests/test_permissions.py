"""What Snapback's roles may: no more than guardrails declare, no wider than AWS can narrow it, and linters find nothing."""

from __future__ import annotations

import json
import re
import sys
import warnings
from fnmatch import fnmatchcase
from importlib.resources import files
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from policy_sentry.querying.actions import get_actions_that_support_wildcard_arns_only
from policy_sentry.shared.iam_data import get_service_prefix_data

from chalicelib import catalog
from chalicelib.aws import change_author
from chalicelib.core.snapback_resources import READER, fixer, suffix
from snapback import accounts
from snapback.deploy.dependents import LEFT_OUT, dependents_of, stated
from snapback.deploy.iam_policies import (
    BY_AWS,
    INLINE,
    MANAGED,
    boundary,
    fixer_of,
    fixers,
    fixing,
    functions,
    policy_of,
    reader,
    size,
)
from snapback.deploy.iam_wildcards import EXACT
from snapback.deploy.template import member
from snapback.deploy.template.whole import template
from tests.engine.bucket import deliver, public
from tests.support.deployed import MEMBER, Stack, homes, members
from tests.support.events import FRIEND, REGION
from tests.support.iam import HOME, NotAllowed, allowed, check, needs, policies, resolved

if TYPE_CHECKING:
    from tests.support.world import World

READERS = {f"reader-{number}": document for number, document in enumerate(reader(), 1)}
FIXERS: dict[str, Any] = {name: fixer_of(service, undo=undo) for name, (service, undo) in fixers().items()}
GRANTED: dict[str, Any] = {**READERS, **FIXERS, **{name: policy_of(name) for name in functions()}}

SUPPRESSED = {
    ("RESOURCE_POLICY_PRIVILEGE_ESCALATION", "snapback-fixer-s3"): (
        "closing a bucket is writing its policy, ACL and lifecycle; its objects it may not touch"
    ),
    ("UNKNOWN_ACTION", "reader-1"): "newer than parliament's list; policy-sentry's, which makes the policies, has them",
    ("UNKNOWN_ACTION", "reader-2"): "as reader-1",
    ("UNKNOWN_ACTION", "snapback-fixer-ecr"): "as reader-1",
    (
        "INVALID_ARN",
        "reader-1",
    ): "`aws` is the account of AWS's own managed policies, which parliament takes for a mistake",
    ("INVALID_ARN", "reader-2"): "as reader-1",
    ("INVALID_ARN", "snapback-fixer-iam"): "as reader-1",
    ("INVALID_ARN", "snapback-fixer-iam-undo"): "as reader-1",
}
"""What parliament finds and is meant to be so, and why."""
WIDE_AS_WE_CALL = {"ecs:ListTasks"}
"""The reference knows a resource of these, for another way to call them."""


def actions(documents: Any) -> set[str]:
    statements = [each for document in documents for each in document["Statement"] if each["Effect"] == "Allow"]
    return {action for each in statements for action in each["Action"]}


def test_the_reader_may_what_guardrails_look_at_and_nothing_else() -> None:
    """tests/test_every_guardrail.py holds each rule to the calls that it really makes; this is their union."""
    declared = {*change_author.ACTIONS, *accounts.TRAILS, *accounts.RULES}
    for rule in catalog.guardrails():
        fix = (*rule.fix.reads, *rule.fix.approval_reads) if rule.fix else ()
        kind = rule.resource
        declared |= {*rule.reads, *kind.arn_reads, *kind.tag_reads, *kind.list_reads, *kind.batch_reads, *fix}
        declared |= {*kind.affected_reads}
    assert actions(reader()) == declared | dependents_of(declared).keys()


@pytest.mark.parametrize("service", fixing())
def test_a_fixer_may_what_its_fixes_write_and_nothing_else(service: str) -> None:
    """What only an undo sends is another role's, and that one has nothing for fixes that are undone without it."""
    fixes = [rule.fix for rule in catalog.guardrails() if rule.service == service and rule.fix]
    written = {action for fix in fixes for action in fix.writes if action not in fix.undo_writes}
    assert actions([fixer_of(service)]) == written | dependents_of(written).keys()
    undone = {action for fix in fixes if fix.undo_writes for action in fix.writes}
    granted = actions([fixer_of(service, undo=True)]) if undone else set()
    assert granted == undone | dependents_of(undone).keys()
    assert bool(undone) is (fixer(service, undo=True) in FIXERS)


def test_what_only_an_undo_sends_only_act_may_have_sent() -> None:
    only = {action for rule in catalog.guardrails() if rule.fix for action in rule.fix.undo_writes}
    assert {
        "iam:AttachUserPolicy",
        "iam:AttachRolePolicy",
        "iam:AttachGroupPolicy",
        "iam:DeleteUserPermissionsBoundary",
        "iam:DeleteRolePermissionsBoundary",
        "iam:DeleteAccountPasswordPolicy",
    } <= only - actions([fixer_of("iam")])
    for name, (
        service,
        undo,
    ) in fixers().items():  # Those that write for all have a pattern: tests/security/test_deployed.py.
        named_by = {each for each in functions() if f'role/{name}"' in json.dumps(policy_of(each))}
        assert named_by == (set() if undo else {f"guard_{service}"})


def test_a_reader_reads() -> None:
    """But for what Identity Center decrypts in its name, which AWS calls a write."""
    for action in actions(reader()) - {"kms:Decrypt"}:
        prefix, _, name = action.partition(":")
        assert get_service_prefix_data(prefix)["privileges"][name]["access_level"] in {"Read", "List"}, action


@pytest.mark.parametrize("name", GRANTED)
def test_a_policy_allows_no_action_by_wildcard(name: str) -> None:
    assert not [action for action in actions([GRANTED[name]]) if "*" in action]


def test_a_resource_is_everything_only_where_aws_has_no_narrower() -> None:
    """By the Service Authorization Reference, asked in another way than `snapback.deploy.iam_policies` does."""
    wide = {
        action
        for document in GRANTED.values()
        for statement in document["Statement"]
        if "*" in statement["Resource"]
        for action in statement["Action"]
    }
    services = {action.partition(":")[0] for action in wide}
    concerns_all = {action.lower() for each in services for action in get_actions_that_support_wildcard_arns_only(each)}
    assert not {action for action in wide - WIDE_AS_WE_CALL if action.lower() not in concerns_all}


def test_what_aws_asks_for_besides_is_held_or_left_out_with_a_reason() -> None:
    """Each pair that the reference or a page of AWS's states, role by role; no reason for a pair that there isn't."""
    lacking: set[tuple[str, str]] = set()
    for role in (reader(), *([document] for document in FIXERS.values())):
        own = actions(role)
        lacking |= {(action, more) for action in own for more in stated(action) - own}
    assert lacking == LEFT_OUT.keys()


def test_a_dependent_action_that_nobody_decided_on_is_no_right() -> None:
    with pytest.raises(KeyError):
        dependents_of({"lambda:CreateFunction"})
    assert dependents_of({"s3:PutBucketPolicy"}) == {}


TRAILS_ROLE = f"arn:aws:iam::{HOME}:role/aws-service-role/cloudtrail.amazonaws.com/AWSServiceRoleForCloudTrail"
FOR_TRAILS = {"iam:awsservicename": "cloudtrail.amazonaws.com"}
OTHERS_KEY = f"arn:aws:kms:us-east-1:{FRIEND}:key/12345678-1234-4234-8234-123456789012"
FOR_IDENTITY_CENTER = {
    "kms:viaservice": "sso.us-east-1.amazonaws.com",
    "kms:encryptioncontext:aws:sso:instance-arn": "arn:aws:sso:::instance/ssoins-1234567890abcdef",
}


@pytest.mark.parametrize(
    ("roles", "action", "arn", "context", "other"),
    [
        (
            ["snapback-fixer-cloudtrail", "snapback-fixer-cloudtrail-undo"],
            "iam:CreateServiceLinkedRole",
            TRAILS_ROLE,
            FOR_TRAILS,
            {"iam:awsservicename": "ecs.amazonaws.com"},
        ),
        (
            [READER, "snapback-fixer-sso", "snapback-fixer-sso-undo"],
            "kms:Decrypt",
            OTHERS_KEY,
            FOR_IDENTITY_CENTER,
            {**FOR_IDENTITY_CENTER, "kms:viaservice": "secretsmanager.us-east-1.amazonaws.com"},
        ),
    ],
)
def test_a_dependent_action_is_allowed_where_aws_asks_for_it_and_nowhere_else(
    roles: list[str], action: str, arn: str, context: dict[str, str], other: dict[str, str]
) -> None:
    for role in roles:
        assert allowed(policies(role, HOME), action, arn, context=context), role
        assert not allowed(policies(role, HOME), action, arn, context=other), role
        assert not allowed(policies(role, HOME), action, arn), role


def test_the_fixer_of_trails_looks_at_their_service_linked_role_alone() -> None:
    documents = policies(fixer("cloudtrail"), HOME)
    assert allowed(documents, "iam:GetRole", TRAILS_ROLE)
    assert allowed(documents, "organizations:ListAWSServiceAccessForOrganization", "*")
    assert not allowed(documents, "iam:GetRole", f"arn:aws:iam::{HOME}:role/deploy")


@pytest.mark.parametrize("owner", ["aws", HOME, FRIEND])
def test_the_entries_of_anybody_s_prefix_list_are_read(owner: str) -> None:
    """AWS's own, and those that another account shares: the ARN is the owner's."""
    arn = f"arn:aws:ec2:eu-west-1:{owner}:prefix-list/pl-0123456789abcdef0"
    assert allowed(policies(READER, HOME), "ec2:GetManagedPrefixListEntries", arn)


def test_repositories_are_listed_without_names() -> None:
    """AWS then asks about `repository/*`: "is not authorized to perform: ecr:DescribeRepositories on resource:
    arn:aws:ecr:us-east-1:123456789012:repository/*", as people's logs have it.
    """
    arn = f"arn:aws:ecr:us-east-1:{HOME}:repository/*"
    assert allowed(policies(READER, HOME), "ecr:DescribeRepositories", arn)
    assert not allowed(policies(READER, HOME), "ecr:DescribeRepositories", "arn:aws:ecr:us-east-1:*:repository/*")


def test_policies_fit() -> None:
    assert len(reader()) <= 10, "a role has ten managed policies at most, unless AWS is asked for more"
    assert all(size(document) <= MANAGED for document in reader())
    assert all(size(document) <= INLINE for document in FIXERS.values())
    assert size(boundary()) <= MANAGED


def test_the_boundary_is_what_all_roles_may_together() -> None:
    """And, where that is too long for a managed policy, more of what only reads: docs/decisions/0040-room-to-grow.md."""
    allowing, roles_, deny = boundary()["Statement"]
    globs = [glob.lower() for glob in (*allowing["Action"], *roles_["Action"])]
    granted = {action.lower() for action in actions(GRANTED.values()) | BY_AWS}
    assert deny["NotAction"] == ["iam:Get*", "iam:List*", "iam:PassRole", "sts:*"]
    for service in {action.partition(":")[0] for action in granted}:
        every = {
            f"{service}:{name}".lower(): each["access_level"]
            for name, each in get_service_prefix_data(service)["privileges"].items()
        }
        within = {action for action in every if any(fnmatchcase(action, glob) for glob in globs)}
        needed = {action for action in granted if action.startswith(f"{service}:")}
        assert needed <= within
        assert needed == within or service not in EXACT
        assert {every[action] for action in within - needed} <= {"List", "Read"}
    assert deny["Effect"] == "Deny"


@pytest.fixture(scope="module")
def parliament() -> Any:
    """It asks for pkg_resources, which setuptools has no longer."""
    stand_in: Any = ModuleType("pkg_resources")
    stand_in.resource_filename = lambda package, name: str(files(package) / name)
    sys.modules.setdefault("pkg_resources", stand_in)
    with warnings.catch_warnings(action="ignore"):  # It leaves its files open.
        import parliament

    return parliament


@pytest.mark.parametrize("name", [*GRANTED, "boundary"])
def test_parliament_finds_nothing(name: str, parliament: Any) -> None:
    document = resolved(boundary() if name == "boundary" else GRANTED[name], HOME)
    found = parliament.analyze_policy_string(json.dumps(document)).findings
    if name == "boundary":  # Its wildcards for new actions are as unknown as these.
        found = [finding for finding in found if finding.issue != "UNKNOWN_ACTION"]
    assert not [finding for finding in found if (finding.issue, name) not in SUPPRESSED]


@pytest.mark.parametrize("name", GRANTED)
def test_cloudsplaining_finds_nothing(name: str) -> None:
    from cloudsplaining.scan.policy_document import PolicyDocument

    document = PolicyDocument(resolved(GRANTED[name], HOME))
    assert not document.infrastructure_modification
    assert not document.allows_privilege_escalation
    assert not document.permissions_management_without_constraints
    assert not document.allows_data_exfiltration_actions
    assert not document.credentials_exposure
    assert not document.service_wildcard


@pytest.mark.parametrize(
    ("role", "service", "operation", "parameters"),
    [
        (READER, "s3", "PutBucketPolicy", {"Bucket": "logs"}),
        (READER, "s3", "GetObject", {"Bucket": "logs", "Key": "secret"}),
        (READER, "dynamodb", "DescribeTimeToLive", {"TableName": "orders"}),
        (READER, "iam", "GetRole", {"RoleName": f"arn:aws:iam::{FRIEND}:role/x"}),
        (fixer("s3"), "s3", "DeleteBucket", {"Bucket": "logs"}),
        (fixer("s3"), "iam", "PutRolePolicy", {"RoleName": "deploy"}),
        (fixer("iam"), "s3", "PutBucketPolicy", {"Bucket": "logs"}),
        (fixer("iam"), "iam", "PutRolePolicy", {"RoleName": "snapback-reader"}),
        (fixer("iam"), "iam", "UpdateAssumeRolePolicy", {"RoleName": "snapback-fixer-s3"}),
        (fixer("iam"), "iam", "DeleteRolePermissionsBoundary", {"RoleName": "snapback-GuardS3Role-1A2B3C4D5E6F"}),
        (fixer("iam"), "iam", "CreatePolicyVersion", {"PolicyArn": f"arn:aws:iam::{HOME}:policy/snapback-boundary"}),
        (fixer("iam"), "iam", "CreateAccessKey", {"UserName": "alice"}),
        (fixer("dynamodb"), "dynamodb", "DeleteTable", {"TableName": "orders"}),
    ],
)
def test_what_no_guardrail_does_no_role_may(role: str, service: str, operation: str, parameters: Any) -> None:
    with pytest.raises(NotAllowed, match="is not allowed"):
        check(role, HOME, service, operation, parameters)


def test_a_bucket_of_another_account_is_not_written_to() -> None:
    documents = policies(fixer("s3"), HOME)
    assert allowed(documents, "s3:PutBucketPolicy", "arn:aws:s3:::logs", owner=HOME)
    assert not allowed(documents, "s3:PutBucketPolicy", "arn:aws:s3:::logs", owner=FRIEND)
    assert allowed(policies(READER, HOME), "s3:GetBucketPolicy", "arn:aws:s3:::logs", owner=FRIEND), (
        "else gone is denied"
    )


def test_what_a_call_needs_is_read_from_its_parameters() -> None:
    ec2 = {"NetworkInterfaceId": "eni-0123456789abcdef0", "Groups": ["sg-0123456789abcdef0"]}
    assert needs("ec2", "ModifyNetworkInterfaceAttribute", ec2, HOME) == {
        ("ec2:ModifyNetworkInterfaceAttribute", f"arn:aws:ec2:{REGION}:{HOME}:{what}-0123456789abcdef0")
        for what in ("network-interface/eni", "security-group/sg")
    }
    assert needs("s3", "GetBucketEncryption", {"Bucket": "logs"}, HOME) == {
        ("s3:GetEncryptionConfiguration", "arn:aws:s3:::logs")
    }
    assert needs("iam", "ListUsers", {}, HOME) == {("iam:ListUsers", "*")}


def test_every_call_of_a_test_is_held_to_the_policies(world: World) -> None:
    sessions = world.application().sessions
    with pytest.raises(NotAllowed, match="snapback-reader of 123456789012: s3:GetObject"):
        sessions.reader(HOME, REGION).client("s3").get_object(Bucket="logs", Key="secret")
    with pytest.raises(NotAllowed, match="snapback-fixer-ec2 of 123456789012: s3:PutBucketAcl"):
        sessions.writer(HOME, REGION, "record", "ec2").client("s3").put_bucket_acl(Bucket="logs", ACL="private")
    with pytest.raises(NotAllowed, match=f"snapback-reader of {FRIEND}: iam:DeleteLoginProfile"):
        sessions.reader(FRIEND, REGION).client("iam").delete_login_profile(UserName="eve")


def test_what_functions_ask_of_the_ledger_is_held_to_their_policies(world: World) -> None:
    """Guards' in all their tests (`World.deliver`), notify's and the sweep's in theirs, act's and the API's here."""
    record = deliver(world, public(world), mode="ask").record
    application = world.application()
    with world.running("act"):
        application.engine.approve(record, "bob")
        assert application.engine.undo(record, "bob").status == "undone"
        world.later(days=2)
        application.maintain()
        application.ledger.fill_index(lambda: True, list[Exception]().append)
    with world.running("api_handler"):
        assert application.ledger.get(record)
    for function, key in (
        ("guard_s3", "undo#s3.1"),
        ("sweep_worker", "undo#s3.1"),
        ("api_handler", f"record#{record}"),
    ):
        with world.running(function), pytest.raises(NotAllowed, match=f"{function}: PutItem of {key}"):
            application.dynamodb.put_item(TableName="snapback-ledger", Item={"pk": {"S": key}})


def test_a_member_account_has_nothing_of_our_own_stack() -> None:
    resources = member.template()["Resources"]
    assert {f"Fixer{service.capitalize()}" for service in catalog.of_home()}.isdisjoint(resources)
    readers = [each for name, each in resources.items() if name.startswith("ReaderPolicy")]
    assert "AWS::StackName" not in json.dumps(readers)
    home, others = (
        {action for rule in catalog.guardrails() if rule.fix and rule.home_only is only for action in rule.fix.writes}
        for only in (True, False)
    )
    fixers = json.dumps([each for name, each in resources.items() if name.startswith("Fixer")])
    assert {"events:EnableRule"} <= home - others
    assert not [action for action in home - others if f'"{action}"' in fixers]
    assert all(rule.id.partition(".")[2].startswith("own_") for rule in catalog.all_rules() if rule.home_only)


TEMPLATES = {"home": template()["Resources"], "member": member.template()["Resources"]}


def trust(where: str, role: str) -> list[Any]:
    found: list[Any] = TEMPLATES[where][role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    return [each for each in found if "Fn::If" not in each]


@pytest.mark.parametrize("where", TEMPLATES)
@pytest.mark.parametrize("service", sorted({*fixing()} - catalog.of_home()))
def test_a_fixer_is_for_its_own_guard_and_for_one_record(service: str, where: str) -> None:
    role = TEMPLATES[where][f"Fixer{service.capitalize()}"]
    assert role["Properties"]["RoleName"] == f"snapback-fixer-{service}"
    assuming, naming = trust(where, f"Fixer{service.capitalize()}")
    assert (assuming["Action"], naming["Action"]) == ("sts:AssumeRole", "sts:SetSourceIdentity")
    *_, operators = naming["Condition"]["ArnLike"]["aws:PrincipalArn"]
    assert operators == {"Fn::If": ["HasOperators", {"Ref": "Operators"}, {"Ref": "AWS::NoValue"}]}
    for statement in (assuming, naming):
        asked = statement["Condition"]["ArnLike"]["aws:PrincipalArn"]
        principals = [each["Fn::Sub"].partition(":role/")[2] for each in asked if each != operators]
        stack = "${AWS::StackName}" if where == "home" else "${HomeStack}"
        own = f"Guard{service.capitalize()}Role"
        assert principals == [f"{stack}-{name}-*" for name in (own, "ActRole", "SweepWorkerRole")]
        assert statement["Condition"]["StringLike"]["sts:SourceIdentity"] == "snapback-*"
    assert assuming["Condition"]["StringLike"]["sts:RoleSessionName"] == "snapback-*"


@pytest.mark.parametrize("role", ["Reader", "FixerS3"])
def test_a_member_s_role_asks_for_the_external_id_and_the_organization(role: str) -> None:
    assert trust("member", role)[0]["Condition"]["StringEquals"] == {
        "aws:PrincipalOrgID": {"Ref": "OrganizationId"},
        "sts:ExternalId": [
            {"Ref": "ExternalId"},
            {"Fn::If": ["HasSecondExternalId", {"Ref": "SecondExternalId"}, {"Ref": "AWS::NoValue"}]},
        ],
    }


def test_a_trust_is_no_longer_than_iam_takes() -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
    longest = {"HomeStack": "s" * 20, "ExternalId": "x" * 48, "SecondExternalId": "y" * 48}
    widest = members()[-1]
    assert widest.parameters["Operators"]
    for name, value in longest.items():
        pattern = widest.source["Parameters"][name]["AllowedPattern"]
        assert re.fullmatch(pattern, value)
        assert not re.fullmatch(pattern, f"{value}z")
    stacks = (homes()[-1], Stack(MEMBER, widest.source, widest.parameters | longest))
    trusts = [role.trust for stack in stacks for role in stack.roles.values() if role.trust]
    texts = [json.dumps(json.loads(each), separators=(",", ":")) for each in trusts]
    assert max(len(each.replace("arn:aws:", "arn:aws-us-gov:")) for each in texts) <= 2048


@pytest.mark.parametrize("where", TEMPLATES)
def test_a_role_with_a_path_passes_for_no_function(where: str) -> None:
    """`*` in an ARN matches `/`: `role/snapback-ActRole-x/mine` would be one, whose name and path anybody may choose."""
    for name, role in TEMPLATES[where].items():
        if name == "Reader" or name.startswith("Fixer"):
            for statement in [each for each in trust(where, name) if each["Action"] == "sts:AssumeRole"]:
                never = [each["Fn::Sub"] for each in statement["Condition"]["ArnNotLike"]["aws:PrincipalArn"]]
                ends = (":role/*/*", "}-*-*Role-*", "}-*Role-*-*")
                assert all(each.endswith(end) for each, end in zip(never, ends, strict=True)), (name, role["Type"])


def test_roles_are_made_in_one_region_and_not_again_in_the_home_account() -> None:
    resources = TEMPLATES["member"]
    for each in resources.values():
        assert (each.get("Condition") == "MakesRoles") is each["Type"].startswith("AWS::IAM::")
    assert "AWS::AccountId" in json.dumps(member.template()["Conditions"]["MakesRoles"])


def test_the_boundary_knows_the_roles_of_aws_s_own_services() -> None:
    """Those that no function assumes: EventBridge's, the Scheduler's, AppConfig's."""
    for each in TEMPLATES["home"].values():
        for policy in each.get("Properties", {}).get("Policies", []) if each.get("Type") == "AWS::IAM::Role" else []:
            for statement in policy["PolicyDocument"]["Statement"]:
                if isinstance(statement["Action"], str):
                    assert statement["Action"] in BY_AWS


@pytest.mark.parametrize("where", TEMPLATES)
def test_every_role_carries_the_boundary_when_asked(where: str) -> None:
    found = {name: each for name, each in TEMPLATES[where].items() if each.get("Type") == "AWS::IAM::Role"}
    assert all(each["Properties"]["PermissionsBoundary"]["Fn::If"][0] == "HasBoundary" for each in found.values()), (
        found
    )


def test_a_member_forwards_each_service_s_events_to_the_same_function() -> None:
    rules = {
        each["Properties"]["Name"]: each for each in TEMPLATES["member"].values() if each["Type"] == "AWS::Events::Rule"
    }
    patterns = {
        f"snapback-{service}{suffix(number)}": pattern
        for service in {*catalog.services()} - catalog.of_home()
        for number, pattern in enumerate(catalog.patterns(service), start=1)
    }
    assert {name: each["Properties"]["EventPattern"] for name, each in rules.items()} == patterns
    for rule in rules.values():
        assert [each["Arn"] for each in rule["Properties"]["Targets"]] == [{"Ref": "HomeBus"}]


def test_what_reports_to_one_region_is_forwarded_from_there() -> None:
    found = {name for name, each in TEMPLATES["member"].items() if each.get("Condition") == "HearsGlobal"}
    assert found == {"OrganizationsEvents", "IamEvents2"}, "all others have events of their regions too"
