from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError

from chalicelib.aws.sessions import AwsSessions
from chalicelib.core.event import Event
from chalicelib.core.rule import FixContext
from chalicelib.core.settings import Settings
from chalicelib.core.types import Status
from chalicelib.fixes.iam.quarantine_key import DENY_ALL, POLICY, QuarantineKey
from chalicelib.resources.iam.access_keys import LeakedKey
from tests.support.cases import Case
from tests.support.events import FRIEND, HOME, REGION, Envelope, native_event
from tests.support.moto_gaps import policies_of_aws
from tests.support.world import KNOWN, World, another_administrator

ID = "iam.access_key_exposed"
OWN = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}


def new_key(world: World) -> str:
    iam = world.client("iam")
    if not iam.list_users()["Users"]:
        iam.create_user(UserName="alice", Path="/web/", Tags=[{"Key": "team", "Value": "web"}])
        iam.put_user_policy(UserName="alice", PolicyName="own", PolicyDocument=json.dumps(OWN))
    return str(iam.create_access_key(UserName="alice")["AccessKey"]["AccessKeyId"])


def health(*keys: Any, **detail: Any) -> Envelope:
    """https://docs.aws.amazon.com/health/latest/ug/cloudwatch-events-health.html."""
    told = {
        "eventArn": "arn:aws:health:us-east-1::event/RISK/AWS_RISK_CREDENTIALS_EXPOSED/AWS_RISK_CREDENTIALS_EXPOSED_1",
        "service": "RISK",
        "eventTypeCode": "AWS_RISK_CREDENTIALS_EXPOSED",
        "eventTypeCategory": "issue",
        "startTime": "Mon, 23 Nov 2026 09:55:00 GMT",
        "eventDescription": [{"language": "en_US", "latestDescription": "Your account may have been compromised"}],
        "affectedEntities": [{"entityValue": key, "tags": {}} for key in keys],
        "affectedAccount": HOME,
    }
    return native_event("health", "AWS Health Event", told | detail)


def finding(key: str, severity: float = 8, **details: Any) -> Envelope:
    """https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings_eventbridge.html."""
    details = {"accessKeyId": key, "principalId": "AIDAEXAMPLE", "userName": "alice", "userType": "IAMUser"} | details
    told = {
        "schemaVersion": "2.0",
        "accountId": HOME,
        "region": "eu-west-1",
        "id": "16afba5c5c43e07c9e3e5e2e544e95df",
        "type": "Impact:IAMUser/AnomalousBehavior",
        "resource": {"resourceType": "AccessKey", "accessKeyDetails": details},
        "service": {"serviceName": "guardduty", "archived": False, "count": 1},
        "severity": severity,
    }
    return native_event("guardduty", "GuardDuty Finding", told, region="eu-west-1")


def published(world: World) -> Envelope:
    return health(new_key(world))


def compromised(world: World) -> Envelope:
    return health(new_key(world), eventTypeCode="AWS_RISK_CREDENTIALS_COMPROMISED", affectedAccount=None)


def used_by_thieves(world: World) -> Envelope:
    return finding(new_key(world))


def beside_another_key_and_an_older_quarantine(world: World) -> Envelope:
    new_key(world)
    world.client("iam").put_user_policy(UserName="alice", PolicyName=POLICY, PolicyDocument=json.dumps(OWN))
    return health(new_key(world))


def switched_off_since(world: World) -> Envelope:
    key = new_key(world)
    world.client("iam").update_access_key(UserName="alice", AccessKeyId=key, Status="Inactive")
    return health(key)


def unlike(**changed: Any) -> Any:
    """A finding that differs a little."""
    return lambda world: finding(new_key(world), **changed)


def policies(world: World) -> dict[str, Any]:
    iam = world.client("iam")
    names = iam.list_user_policies(UserName="alice")["PolicyNames"]
    return {name: iam.get_user_policy(UserName="alice", PolicyName=name)["PolicyDocument"] for name in sorted(names)}


def keys(world: World) -> dict[str, str]:
    listed = world.client("iam").list_access_keys(UserName="alice")["AccessKeyMetadata"]
    return {key["AccessKeyId"]: key["Status"] for key in sorted(listed, key=lambda key: key["AccessKeyId"])}


def whole(world: World) -> Any:
    return world.client("iam").get_user(UserName="alice")["User"], policies(world), keys(world)


def remove(world: World) -> None:
    for key in keys(world):
        world.client("iam").delete_access_key(UserName="alice", AccessKeyId=key)


def disturb(world: World) -> None:
    world.client("iam").tag_user(UserName="alice", Tags=[{"Key": "team", "Value": "sales"}])


CASE = Case(
    unsafe=(published, compromised, used_by_thieves, beside_another_key_and_an_older_quarantine),
    near_misses=(
        switched_off_since,
        unlike(severity=6.9),
        unlike(userType="AssumedRole"),
        unlike(accessKeyId="ASIAIOSFODNN7EXAMPLE"),
        lambda world: health(new_key(world), eventTypeCode="AWS_RISK_IAM_QUARANTINE"),
        lambda world: health(new_key(world), affectedAccount=FRIEND),
    ),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


def test_the_key_is_switched_off_and_its_user_denied_everything(world: World) -> None:
    other, envelope = new_key(world), published(world)
    key = envelope["detail"]["affectedEntities"][0]["entityValue"]
    world.deliver(envelope, ID)
    assert keys(world) == {key: "Inactive", other: "Active"}
    assert policies(world) == {"own": OWN, POLICY: DENY_ALL}


def test_undo_puts_the_quarantine_of_someone_else_back(world: World) -> None:
    envelope = beside_another_key_and_an_older_quarantine(world)
    (outcome,) = world.deliver(envelope, ID)
    assert policies(world)[POLICY] == DENY_ALL
    world.application("fix", ID).engine.undo(outcome.record, "bob")
    assert policies(world)[POLICY] == OWN


def test_the_key_is_switched_off_though_the_policy_has_no_room(world: World) -> None:
    """A user's inline policies may have 2,048 characters in all."""
    envelope = published(world)
    world.application()
    with world.denied("PutUserPolicy", code="LimitExceeded"):
        (outcome,) = world.deliver(envelope, ID)
    assert list(keys(world).values()) == ["Inactive"]
    assert outcome.status == Status.FIXED
    assert "LimitExceeded" in world.record(outcome.record).history[-1].note


def test_a_policy_without_the_key_is_not_done_yet(world: World) -> None:
    key = LeakedKey(new_key(world), HOME, REGION)
    fix, sessions = QuarantineKey(), AwsSessions(HOME, KNOWN)
    safe = fix.safe(fix.read(key, sessions.reader(HOME, REGION)), FixContext(KNOWN))
    with world.denied("UpdateAccessKey"), pytest.raises(ClientError):
        fix.write(key, safe, sessions.writer(HOME, REGION, "record", "iam"))
    (outcome,) = world.deliver(health(key.id), ID)
    assert outcome.status == Status.FIXED
    assert whole(world)[1:] == ({"own": OWN, POLICY: DENY_ALL}, {key.id: "Inactive"})


@pytest.mark.parametrize("envelope", [health("AKIAIOSFODNN7EXAMPLE"), finding("AKIAIOSFODNN7EXAMPLE")])
def test_a_key_that_is_no_users_is_reported_and_never_fixed(world: World, envelope: Envelope) -> None:
    said = "User: arn:aws:iam::1:role/a is not authorized to perform: iam:GetAccessKeyLastUsed on resource: access key"
    error = ClientError({"Error": {"Code": "AccessDenied", "Message": f"{said} AKIAIOSFODNN7EXAMPLE"}}, "Get")
    with patch("chalicelib.aws.sessions.AwsSession.client") as client:
        client.return_value.get_access_key_last_used.side_effect = error
        (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == Status.ALERTED
    assert outcome.reason.startswith("AWS says AKIAIOSFODNN7EXAMPLE is exposed, and names no user")


def test_not_being_allowed_to_look_is_no_answer(world: World) -> None:
    key = LeakedKey(new_key(world), HOME, REGION)
    reader = AwsSessions(HOME, KNOWN).reader(HOME, REGION)
    with world.denied("GetAccessKeyLastUsed"), pytest.raises(ClientError):
        key.of(reader)


@pytest.mark.parametrize(
    "detail",
    [
        {"affectedEntities": None},
        {"affectedEntities": "AKIAIOSFODNN7EXAMPLE"},
        {"affectedEntities": [None, 7, {"entityValue": None}, {"entityValue": "alice"}]},
        {"affectedEntities": [], "resource": {"accessKeyDetails": None}},
        {"resource": "AccessKey", "affectedEntities": {}},
    ],
)
def test_an_event_that_names_no_key_finds_none(detail: Any) -> None:
    assert not list(LeakedKey.in_event(Event.parse(health(**detail))))


def test_all_keys_of_one_event_are_found_whatever_the_region() -> None:
    event = Event.parse(health("AKIAIOSFODNN7EXAMPLE", "AKIAI44QH8DHBEXAMPLE"))
    assert [key.id for key in LeakedKey.in_event(event)] == ["AKIAIOSFODNN7EXAMPLE", "AKIAI44QH8DHBEXAMPLE"]
    (abroad,) = LeakedKey.in_event(Event.parse(finding("AKIAIOSFODNN7EXAMPLE")))
    assert abroad == LeakedKey("AKIAIOSFODNN7EXAMPLE", HOME, "us-east-1")


def test_tags_are_the_users(world: World) -> None:
    key, reader = LeakedKey(new_key(world), HOME, REGION), AwsSessions(HOME, KNOWN).reader(HOME, REGION)
    assert key.tags(reader) == {"team": "web"}
    assert not list(LeakedKey.all_in(reader))


def test_the_key_of_a_user_who_is_never_touched_is_only_reported(world: World) -> None:
    world.settings = Settings(never_touch=("arn:aws:iam::*:user/alice",))
    envelope = published(world)
    before = whole(world)
    (outcome,) = world.deliver(envelope, ID)
    assert (outcome.status, whole(world)) == (Status.ALERTED, before)


@pytest.mark.parametrize(("others", "status"), [(True, Status.FIXED), (False, Status.ASKING)])
def test_the_last_administrator_is_not_locked_out_unasked(world: World, others: bool, status: str) -> None:
    envelope = published(world)
    policies_of_aws("AdministratorAccess")
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    world.client("iam").attach_user_policy(UserName="alice", PolicyArn=arn)
    if others:
        another_administrator(world)
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == status
