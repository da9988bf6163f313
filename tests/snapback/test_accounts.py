"""`snapback accounts check`, on moto's many accounts: the member's stack is made there by its CloudFormation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from chalicelib import catalog
from chalicelib.aws.sessions import AwsSession, send
from chalicelib.aws.source import Source
from chalicelib.core.snapback_resources import READER, fixer
from snapback import accounts
from snapback.deploy.template import member
from snapback.deploy.template.roles import HOME as AT_HOME
from snapback.deploy.template.roles import roles
from tests.guardrails.s3 import test_bucket_acl_made_public as acl
from tests.snapback.command import objects, run, unwrapped
from tests.support.events import FRIEND, HOME, REGION, cloudtrail_event
from tests.support.iam import check
from tests.support.moto_gaps import event_history

if TYPE_CHECKING:
    from tests.support.world import World

PARAMETERS = {
    "HomeAccount": HOME,
    "HomeBus": f"arn:aws:events:{REGION}:{HOME}:event-bus/snapback-members",
    "ExternalId": "a-long-word-that-both-know",
    "OrganizationId": "o-exampleorgid",
}


def of(account: str) -> boto3.Session:
    """Somebody's own way into an account."""
    if account == HOME:
        return boto3.Session(region_name=REGION)
    role = f"arn:aws:iam::{account}:role/somebody"
    made = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="setup")["Credentials"]
    keys = (made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
    return boto3.Session(*keys, region_name=REGION)


def without_operators(value: Any) -> Any:
    """moto leaves a null in a list where CloudFormation leaves out `AWS::NoValue`; here there are no operators.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html
    """
    if isinstance(value, dict):
        return {key: without_operators(each) for key, each in value.items()}
    if isinstance(value, list):
        told = [
            each for each in value if not (isinstance(each, dict) and each.get("Fn::If", [""])[0] == "HasOperators")
        ]
        return [without_operators(each) for each in told]
    return value


def deploy(account: str) -> None:
    """The member's stack; in the home account, the roles of the home stack."""
    template = member.template()
    if account == HOME:
        shared = {name: template[name] for name in ("Parameters", "Conditions")}
        template = {**shared, "Resources": {name: each for name, each in roles(AT_HOME).items() if name != "Forwarder"}}
    of(account).client("cloudformation").create_stack(
        StackName="snapback",
        TemplateBody=json.dumps(without_operators(template)),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in PARAMETERS.items()],
    )
    of(account).client("s3").create_bucket(Bucket=f"trail-of-{account}")
    cloudtrail = of(account).client("cloudtrail")
    cloudtrail.create_trail(Name="all", S3BucketName=f"trail-of-{account}", IsMultiRegionTrail=True)
    cloudtrail.start_logging(Name="all")


@pytest.fixture(autouse=True)
def _by_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked for is what the reader may."""

    def limited(source: boto3.Session, clients: Any, account: str, region: str, known: Any) -> AwsSession:
        def checked(client: Any, operation: str, asked: Any) -> Any:
            service = client.meta.service_model.service_id.hyphenize()
            check(READER, account, service, operation, asked)
            return send(client, operation, asked)

        return AwsSession(source, clients, account, region, known, checked)

    monkeypatch.setattr(accounts, "AwsSession", limited)


@pytest.fixture
def two(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.chdir(tmp_path)
    Path("snapback.yaml").write_text(f"accounts: ['{FRIEND}']\n")
    world.application()
    for account in (HOME, FRIEND):
        deploy(account)
    return world


def checked(code: int = 0) -> dict[tuple[str, str], tuple[bool, str]]:
    with event_history(cloudtrail_event("s3", "CreateBucket")):
        found = objects(run("accounts", "check", "--json", code=code))
    return {(each["account"], each["what"]): (each["well"], each["found"]) for each in found}


def test_a_member_that_is_whole_is_fine(two: World) -> None:
    two.deliver(acl.CASE.unsafe[0](two), acl.ID)
    found = checked()
    assert {what for _, what in found} == {"reader", "fixers", "rules", "trail", "events"}
    assert all(well for well, _ in found.values()), found
    assert found[HOME, "events"][1].startswith("last finding 2026-11-23 10:00")
    assert found[FRIEND, "events"][1].startswith("no finding yet; CloudTrail's last: CreateBucket")
    assert found[FRIEND, "reader"][1] == "assumed as snapback-reader/snapback-look"


def test_each_thing_that_is_amiss_is_told_by_account(two: World) -> None:
    there = of(FRIEND)
    services = [service for service in catalog.services() if service not in catalog.of_home()]
    there.client("events").disable_rule(Name=f"snapback-{services[0]}")
    there.client("events").remove_targets(Rule="snapback-s3", Ids=["home"])
    there.client("events").delete_rule(Name="snapback-s3")
    for name in (fixer("ecr"), fixer("s3", undo=True)):
        there.client("iam").delete_role_policy(RoleName=name, PolicyName="Writes")
        there.client("iam").delete_role(RoleName=name)
    stranger = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999988887777:root"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [stranger]})
    there.client("iam").update_assume_role_policy(RoleName=fixer("iam"), PolicyDocument=trust)
    there.client("cloudtrail").stop_logging(Name="all")
    found = checked(code=1)
    assert all(well for (account, _), (well, _) in found.items() if account == HOME)
    assert found[FRIEND, "rules"] == (False, f"missing: s3; disabled: {services[0]}")
    assert found[FRIEND, "fixers"] == (
        False,
        "missing: snapback-fixer-ecr, snapback-fixer-s3-undo; trust other accounts: snapback-fixer-iam",
    )
    assert found[FRIEND, "trail"] == (False, "all is not logging")


def test_an_account_that_lets_nobody_in_is_told_and_the_others_are_asked(two: World) -> None:
    real: Any = Source.client

    def refused(params: Any, **_: Any) -> None:
        from botocore.exceptions import ClientError

        if FRIEND in params["RoleArn"]:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not authorized"}}, "AssumeRole")

    def client(self: Any, service: str, *args: Any, **more: Any) -> Any:
        made = real(self, service, *args, **more)
        made.meta.events.register("provide-client-params.sts.AssumeRole", refused)
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Source, "client", client)
        found = checked(code=1)
    assert found[FRIEND, "reader"] == (False, "AssumeRole: AccessDenied: not authorized")
    assert {what for account, what in found if account == FRIEND} == {"reader"}
    assert all(well for (account, _), (well, _) in found.items() if account == HOME)


def test_the_page_says_what_is_amiss(two: World) -> None:
    of(FRIEND).client("cloudtrail").stop_logging(Name="all")
    with event_history(cloudtrail_event("s3", "CreateBucket")):
        shown = unwrapped(run("accounts", "check", code=1))
    assert f"{FRIEND} us-east-1 trail PROBLEM all is not logging" in shown
    assert f"{HOME} us-east-1 reader fine assumed as snapback-reader/snapback-look" in shown
