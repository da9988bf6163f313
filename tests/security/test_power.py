"""What Snapback's own rights can be made to do, and by whom."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib import catalog, wiring
from chalicelib.aws.sessions import AwsSessions
from chalicelib.core.errors import CannotAct, ReadOnly
from chalicelib.core.resource import revive
from snapback.deploy.iam_policies import functions, policy_of
from snapback.deploy.template.whole import template
from tests.support.cases import GUARDRAILS, case_of
from tests.support.events import HOME, REGION

if TYPE_CHECKING:
    from chalicelib.core.rule import Guardrail
    from tests.support.world import World

OF_S3 = [pytest.param(rule, id=rule.id) for rule in GUARDRAILS if rule.resource.kind() == "s3.Bucket"]


@pytest.mark.parametrize("rule", OF_S3)
def test_every_call_to_a_bucket_names_its_owner(rule: Guardrail[Any], world: World) -> None:
    """Bucket names are free again once deleted: whoever takes one gets neither our look nor our write."""
    envelope = case_of(rule.id).unsafe[0](world)
    application = world.application("fix", rule.id)
    owners: list[Any] = []

    def seen(model: Any, params: dict[str, Any], **_: Any) -> None:
        if model.name != "ListBuckets":  # It names none, and tells of the account's own.
            headers = params["headers"]
            owners.append(headers.get("x-amz-expected-bucket-owner") or headers.get("x-amz-account-id"))

    for api in ("s3", "s3-control"):
        application.sessions.source.events.register(f"before-call.{api}", seen)
    outcomes = application.guard(rule.service, json.loads(json.dumps(envelope, default=str)))
    (outcome,) = (each for each in outcomes if each.guardrail == rule.id)
    application.engine.undo(outcome.record, "bob")
    assert len(owners) >= 3
    assert set(owners) == {HOME}


@pytest.mark.parametrize(
    "kind",
    [
        "s3.absent",
        "s3.Resource",
        "s3.TYPE_CHECKING",
        "s3.NotThere",
        "resource.import_module",
        "resource.revive",
        "s3.Bucket.in_event",
        "os.system",
        "..s3.Bucket",
        "",
        ".",
        "resource.Resource",
        "iam.re",
    ],
)
def test_a_record_of_a_made_up_kind_calls_nothing(kind: str) -> None:
    """Whoever can write the ledger picks the kind, the id and the state; not what is called with them."""
    with pytest.raises((LookupError, TypeError)):
        revive(kind, "app-media", HOME, REGION)


def test_what_a_person_may_ask_for_is_four_things(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Context:
        invoked_function_arn = f"arn:aws:lambda:us-east-1:{HOME}:function:snapback-Act"

        def get_remaining_time_in_millis(self) -> int:
            return 60_000

    monkeypatch.setattr(wiring, "_APPLICATION", {HOME: world.application()})
    actions: list[Any] = ["delete", "_fix", "__class__", "", None, ["undo", "undo"]]
    records: list[Any] = ["", None, {}, 1]
    requests: list[Any] = [None, [], "undo", 0, {"action": "undo", "record": "x", "by": ""}]
    requests += [{"action": action, "record": "x", "by": "y"} for action in actions]
    requests += [{"action": "undo", "record": record, "by": "y"} for record in records]
    for request in requests:
        with pytest.raises(CannotAct):
            wiring.act(request, Context())
    assert not [call for call in world.calls if call.service != "dynamodb"]


def test_no_function_may_touch_who_it_is_or_what_it_may() -> None:
    """No function's own rights reach IAM's ways of getting more, but to assume Snapback's roles and name itself for it.

    The one role that may be passed on is that by which the scheduler calls guards, and to the scheduler only; the one
    function that may be called is `act`, by the API's.
    """
    ways_up = re.compile(
        r"iam:(Create|Put|PassRole|Add|AttachRolePolicy|UpdateAssumeRole)|lambda:(CreateFunction|UpdateFunctionCode|InvokeFunction)|sts:(?!AssumeRole$|SetSourceIdentity$)"
    )
    for function in functions():
        passed = {"Fn::GetAtt": ["LaterRole", "Arn"]}
        let = [[passed], [{"Fn::GetAtt": ["Act", "Arn"]}]] if function == "api_handler" else [[passed]]
        statements = [each for each in policy_of(function)["Statement"] if each["Resource"] not in let]
        actions = [action for statement in statements for action in statement["Action"]]
        assert not [action for action in actions if ways_up.match(action)], function


def test_only_the_functions_that_fix_can_assume_a_members_role_and_only_in_the_organization() -> None:
    for function in functions():
        assumes = [
            each
            for each in policy_of(function)["Statement"]
            if "sts:AssumeRole" in each["Action"] and each["Effect"] == "Allow"
        ]
        looks = function in {"act", "sweep", "sweep_worker"} | {
            f"guard_{rule.service}" for rule in catalog.guardrails()
        }
        assert bool(assumes) == looks, function
        for statement in assumes:
            names = {str(arn["Fn::Sub"]).partition(":role/")[2] for arn in statement["Resource"]}
            fixers = {each for each in names if each.startswith("snapback-fixer-")}
            assert names - fixers == {"snapback-reader"}
            if function.startswith("guard_"):
                assert fixers <= {f"snapback-fixer-{function.removeprefix('guard_')}"}
            if any("iam::*:" in arn["Fn::Sub"] for arn in statement["Resource"]):
                assert statement["Condition"] == {"StringEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}}


def test_only_what_speaks_to_people_can_read_secrets_and_only_ours() -> None:
    for function in functions():
        for statement in policy_of(function)["Statement"]:
            if statement["Sid"] == "Settings":  # Which all read, and which are no secret: one parameter.
                assert [
                    str(arn).partition("parameter/")[2][:-2] for arn in statement["Resource"] if "ssm" in str(arn)
                ] == ["${AWS::StackName}/settings"]
                continue
            if any(action.startswith(("ssm:GetParameter", "secretsmanager:")) for action in statement["Action"]):
                assert function in {"notify", "api_handler"}
                assert all("snapback/*" in str(arn) for arn in statement["Resource"])


@pytest.mark.parametrize("operation", ["put_bucket_acl", "delete_bucket", "create_bucket"])
def test_a_look_can_not_be_talked_into_writing(operation: str, world: World) -> None:
    reader = AwsSessions(HOME, world.settings).reader(HOME, REGION)
    with pytest.raises(ReadOnly):
        getattr(reader.client("s3"), operation)(Bucket="app-media")


def test_what_anybody_can_reach_may_hand_over_to_act_and_nothing_else() -> None:
    """Whoever takes over the function behind the API can write nothing, and call no other function."""
    statements = {each["Sid"]: each for each in policy_of("api_handler")["Statement"]}
    assert statements["Act"]["Resource"] == [{"Fn::GetAtt": ["Act", "Arn"]}]
    actions = {action for each in statements.values() for action in each["Action"]}
    assert actions == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
        "ssm:GetParameter",
        "secretsmanager:GetSecretValue",
        "appconfig:GetLatestConfiguration",
        "appconfig:StartConfigurationSession",
        "dynamodb:GetItem",
        "s3:GetObject",
        "lambda:InvokeFunction",
    }
    callers = {
        function
        for function in functions()
        for each in policy_of(function)["Statement"]
        if "lambda:InvokeFunction" in each["Action"]
    }
    assert callers == {"api_handler"}


def test_the_template_lets_nobody_in_from_outside() -> None:
    """But by the API: no public URL, no queue or table policy for anyone but AWS's services in our own account."""
    resources = template()["Resources"]
    kinds = {each.get("Type") for each in resources.values()} - {None}
    assert not [kind for kind in kinds if "Api" in kind or kind.endswith(("::Url", "::Permission"))]
    for resource in resources.values():
        if resource.get("Type") == "AWS::IAM::ManagedPolicy":
            continue  # Of a principal, not of a resource.
        document = resource.get("Properties", {}).get("PolicyDocument")
        for each in (document or {}).get("Statement", []):
            statement = each["Fn::If"][1] if "Fn::If" in each else each
            if statement["Principal"] == {"Service": "events.amazonaws.com"} and statement["Action"] == "sns:Publish":
                continue  # EventBridge's topics take no Condition: docs/decisions/0036-silence-and-the-alarm-topic.md.
            if statement["Effect"] == "Allow":
                assert set(statement["Principal"]) == {"Service"}
                assert re.search("aws:SourceAccount|aws:SourceArn.*AWS::AccountId", json.dumps(statement["Condition"]))


def test_only_our_organization_may_put_events_on_the_members_bus_and_only_when_it_is_named() -> None:
    policy = template()["Resources"]["MembersPolicy"]
    assert policy["Condition"] == "HasOrganization"
    statement = policy["Properties"]["Statement"]
    assert (statement["Action"], statement["Resource"]) == ("events:PutEvents", {"Fn::GetAtt": ["Members", "Arn"]})
    assert statement["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": {"Ref": "OrganizationId"}}}


def test_what_holds_states_is_encrypted_and_kept() -> None:
    resources = template()["Resources"]
    table = resources["Ledger"]
    assert table["Properties"]["SSESpecification"]["SSEEnabled"] is True
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["Properties"]["DeletionProtectionEnabled"]
    assert table["DeletionPolicy"] == "Retain"
    for queue in (each for each in resources.values() if each.get("Type") == "AWS::SQS::Queue"):
        assert queue["Properties"]["SqsManagedSseEnabled"] or queue["Properties"]["KmsMasterKeyId"]
    for bucket in (each for each in resources.values() if each.get("Type") == "AWS::S3::Bucket"):
        assert "BucketEncryption" in bucket["Properties"]
        assert all(bucket["Properties"]["PublicAccessBlockConfiguration"].values())
