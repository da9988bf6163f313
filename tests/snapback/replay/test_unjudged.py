"""What rests on a call that was not re-enacted is unjudged: never compliant, gone, found or fixed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Require, RequiredBucket, RequiredTrail
from chalicelib.core.outcome import Outcome
from chalicelib.core.settings import Modes, Settings
from chalicelib.core.types import Mode
from snapback.replay.functions import DEAD, merge
from snapback.replay.logs import read
from snapback.replay.replay import Player, replay
from snapback.replay.unjudged import _is_about, _noun
from tests.support.events import cloudtrail_event

if TYPE_CHECKING:
    from pathlib import Path

    from snapback.replay.replay import EventOutcome

HOME = "111122223333"
EVERYONE = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::acme/*"}
PUBLIC = "s3.bucket_policy_made_public"
ROLE = "iam.role_trusts_unknown_account"


def at(minute: int, source: str, name: str, asked: Any, answer: Any = None, **more: Any) -> dict[str, Any]:
    moment = f"2026-03-08T14:{minute:02}:00Z"
    more = {"eventID": f"id-{minute}-{name}", **more}
    return cloudtrail_event(source, name, asked, answer, account=HOME, eventTime=moment, **more)["detail"]  # type: ignore[no-any-return]


def played(
    folder: Path, *records: Any, mode: str | None = "fix", settings: Settings | None = None
) -> list[EventOutcome]:
    path = folder / "log.json"
    path.write_text(json.dumps({"Records": records}))
    return replay([path], settings=settings or Settings(), mode=mode).events


def statuses(event: EventOutcome) -> dict[str, str]:
    return {outcome.guardrail: outcome.status for outcome in event.outcomes}


UNSAID = at(0, "s3", "PutBucketPolicy", {"bucketName": "acme"})
"""Without its policy."""
OPENED = at(
    5,
    "s3",
    "PutBucketPolicy",
    {"bucketName": "acme", "bucketPolicy": {"Version": "2012-10-17", "Statement": [EVERYONE]}},
)
TAGGED = at(3, "s3", "PutBucketAcl", {"bucketName": "acme", "x-amz-acl": "private"})


def test_a_call_that_was_not_re_enacted_is_unjudged_with_the_reason(tmp_path: Path) -> None:
    (event,) = played(tmp_path, UNSAID)
    assert event.reenacted is False
    assert set(statuses(event).values()) == {"unjudged"}
    (outcome,) = [each for each in event.outcomes if each.guardrail == PUBLIC]
    assert outcome.resource == "arn:aws:s3:::acme"
    assert "PutBucketPolicy at 14:00:00 could not be re-enacted: the record leaves out " in outcome.reason
    assert not outcome.record


def test_what_comes_after_it_is_unjudged_too_until_a_call_says_all_anew(tmp_path: Path) -> None:
    again = at(4, "s3", "DeleteBucketPublicAccessBlock", {"bucketName": "acme"})
    unsaid, other, opened = played(tmp_path, UNSAID, again, OPENED)
    assert statuses(unsaid)[PUBLIC] == "unjudged"
    assert statuses(other)["s3.bucket_public_access_block_weakened"] == "fixed", "the policy doesn't matter here"
    assert statuses(opened)[PUBLIC] == "fixed"


def test_a_call_that_would_have_made_it_safe_leaves_no_finding_either(tmp_path: Path) -> None:
    grants = {"groupId": "sg-0a1b2c3d4e5f60002"}
    rule = {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}
    opened = at(0, "ec2", "AuthorizeSecurityGroupIngress", {**grants, "ipPermissions": {"items": [rule]}})
    unsaid = at(1, "ec2", "RevokeSecurityGroupIngress", {**grants, "ipPermissions": "HIDDEN_DUE_TO_SECURITY_REASONS"})
    wider = at(
        2,
        "ec2",
        "AuthorizeSecurityGroupIngress",
        {**grants, "ipPermissions": {"items": [{**rule, "fromPort": 3389, "toPort": 3389}]}},
    )
    first, revoked, last = played(tmp_path, opened, unsaid, wider, mode="alert")
    name = "ec2.security_group_opened_to_internet"
    assert (statuses(first)[name], revoked.reenacted, statuses(last)[name]) == ("alerted", False, "unjudged")


def test_a_tripwire_judges_the_event_alone(tmp_path: Path) -> None:
    (event,) = played(
        tmp_path,
        at(0, "iam", "CreateServiceSpecificCredential", {"userName": "bob", "serviceName": "codecommit.amazonaws.com"}),
    )
    assert event.reenacted is False
    assert statuses(event) == {"iam.lasting_credential_made": "alerted"}


def test_what_cloudtrail_hides_is_unjudged_only_where_it_is_read(tmp_path: Path) -> None:
    layers = ["arn:aws:lambda:us-east-1:999988887777:layer:tools:1"]
    configured = at(
        0,
        "lambda",
        "UpdateFunctionConfiguration20150331v2",
        {"functionName": "fn", "environment": {}, "layers": layers},
    )
    later = at(1, "lambda", "UpdateFunctionConfiguration20150331v2", {"functionName": "fn", "memorySize": 256})
    first, second = played(tmp_path, configured, later)
    assert first.reenacted is True
    assert statuses(first)["awslambda.layer_of_unknown_account"] == "alerted"
    assert statuses(first)["awslambda.secret_in_environment"] == "unjudged"
    assert statuses(second)["awslambda.secret_in_environment"] == "compliant", "the call says all that is said anew"


def test_a_resource_that_the_log_never_made_is_not_gone(tmp_path: Path) -> None:
    failed_to_show = at(0, "rolesanywhere", "EnableProfile", {"profileId": "x"}, errorCode=None)
    (event,) = played(tmp_path, failed_to_show)
    assert "gone" not in statuses(event).values()
    made, deleted = played(
        tmp_path,
        at(0, "s3", "CreateBucket", {"bucketName": "acme", "x-amz-acl": "public-read"}),
        at(1, "s3", "DeleteBucket", {"bucketName": "acme"}),
    )
    assert "unjudged" not in statuses(made).values()
    assert deleted.reenacted is True


class TestWaiting:
    """A guardrail with a grace: what becomes of it when the grace is over is what is told."""

    MADE = at(0, "s3", "CreateBucket", {"bucketName": "acme", "Host": "acme.s3.amazonaws.com"})
    HTTP = "s3.bucket_allows_plain_http"

    def test_a_fix_that_fails_while_its_event_waits_is_dead_and_not_waiting(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from chalicelib.fixes.s3.refuse_plain_http import RefusePlainHttp

        def fails(*_: Any) -> None:
            raise RuntimeError("no luck today")

        monkeypatch.setattr(RefusePlainHttp, "write", fails)
        (event,) = played(tmp_path, self.MADE)
        assert statuses(event)[self.HTTP] == DEAD

    def test_a_resource_that_is_deleted_meanwhile_is_gone(self, tmp_path: Path) -> None:
        made, _ = played(tmp_path, self.MADE, at(5, "s3", "DeleteBucket", {"bucketName": "acme"}))
        assert statuses(made)[self.HTTP] == "gone"


@pytest.mark.parametrize("later", ["duplicate", "compliant", "exempt", "alerted"])
def test_a_retry_never_overwrites_what_was_done(later: str) -> None:
    done: dict[tuple[str, str], Outcome] = {}
    merge(done, [Outcome("g", "arn", "fixed", "", "r1"), Outcome("h", "arn", "alerted", "", "r2")])
    merge(done, [Outcome("g", "arn", later, "", "r3"), Outcome("h", "arn", "failed", "", "r2")])
    assert [each.status for each in done.values()] == ["fixed", "failed"]


def test_a_call_is_about_what_a_guardrail_reads_by_its_name() -> None:
    from chalicelib import catalog

    rule: Any = catalog.rule(PUBLIC)
    assert _is_about(rule, "DeleteBucketPolicy")
    assert not _is_about(rule, "PutBucketMetricsConfiguration")
    assert _noun("ListAttachedRolePolicies") == _noun("DetachRolePolicy")


@pytest.mark.parametrize("first", ["iam:AttachRolePolicy", "iam:CreateRole"])
def test_a_role_and_its_first_policy_in_one_second_are_told_in_any_order(tmp_path: Path, first: str) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999988887777:root"}, "Action": "sts:AssumeRole"}
        ],
    }
    made = at(
        0, "iam", "CreateRole", {"roleName": "backdoor", "path": "/x/", "assumeRolePolicyDocument": json.dumps(trust)}
    )
    given = at(
        0, "iam", "AttachRolePolicy", {"roleName": "backdoor", "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}
    )
    records = [made, given] if first == "iam:CreateRole" else [given, made]
    found = {event.name: statuses(event) for event in played(tmp_path, *records)}
    assert found["CreateRole"][ROLE] == "fixed"


def test_what_was_only_presupposed_is_replaced_by_the_call_that_makes_it(tmp_path: Path) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999988887777:root"}, "Action": "sts:AssumeRole"}
        ],
    }
    given = at(
        0,
        "iam",
        "AttachRolePolicy",
        {"roleName": "backdoor", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
    )
    made = at(1, "iam", "CreateRole", {"roleName": "backdoor", "assumeRolePolicyDocument": json.dumps(trust)})
    _, event = played(tmp_path, given, made, mode="alert")
    assert (event.reenacted, statuses(event)[ROLE]) == (True, "alerted")


ANCHOR = "rolesanywhere.trust_anchor_enabled"


@pytest.mark.parametrize(
    ("tag", "modes", "found"),
    [
        ("HIDDEN_DUE_TO_SECURITY_REASONS", Modes(mode=Mode.ALERT, tags={"lab=yes": Mode.OFF}), "unjudged"),
        ("HIDDEN_DUE_TO_SECURITY_REASONS", Modes(mode=Mode.ALERT), "alerted"),
        ("yes", Modes(mode=Mode.ALERT, tags={"lab=yes": Mode.OFF}), None),
    ],
)
def test_tags_that_are_hidden_may_turn_a_guardrail_off(
    tmp_path: Path, tag: str, modes: Modes, found: str | None
) -> None:
    key = "lab" if tag == "yes" else tag
    asked = {
        "name": "a",
        "enabled": True,
        "source": {"sourceType": "CERTIFICATE_BUNDLE", "sourceData": {"x509CertificateData": "x"}},
        "tags": [{"key": key, "value": tag}],
    }
    answer = {"trustAnchor": {"trustAnchorId": "12345678-1234-1234-1234-123456789012"}}
    settings = Settings(guardrails={ANCHOR: modes}, trusted_tags=frozenset({"lab"}))
    made = at(0, "rolesanywhere", "CreateTrustAnchor", asked, answer)
    (event,) = played(tmp_path, made, mode=None, settings=settings)
    assert (event.reenacted, statuses(event).get(ANCHOR)) == (True, found), event


class TestWhatSettingsName:
    """Buckets and trails that stand in the settings are there, as they say, though the log never made them."""

    def test_a_required_trail_that_is_deleted_is_made_again_with_its_bucket(self, tmp_path: Path) -> None:
        ours = RequiredTrail(bucket="acme-audit", prefix="org", organization=True)
        settings = Settings(require=Require(trails={"audit": ours}))
        deleted = at(0, "cloudtrail", "DeleteTrail", {"name": f"arn:aws:cloudtrail:us-east-1:{HOME}:trail/audit"})
        (event,) = played(tmp_path, deleted, settings=settings)
        assert statuses(event)["cloudtrail.trail_stopped_or_weakened"] == "fixed", event

    def test_a_required_trail_is_found_as_the_settings_want_it(self, tmp_path: Path) -> None:
        key = f"arn:aws:kms:us-east-1:{HOME}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
        ours = RequiredTrail(bucket="acme-audit", prefix="org", kms_key=key)
        settings = Settings(require=Require(trails={"audit": ours}))
        unchanged = at(0, "cloudtrail", "UpdateTrail", {"name": "audit", "isMultiRegionTrail": True})
        (event,) = played(tmp_path, unchanged, settings=settings)
        assert statuses(event)["cloudtrail.trail_stopped_or_weakened"] == "compliant", event

    def test_a_bucket_gets_its_required_access_logs_back(self, tmp_path: Path) -> None:
        settings = Settings(require=Require(buckets={"acme-*": RequiredBucket(logs_to="log-archive")}))
        off = at(0, "s3", "PutBucketLogging", {"bucketName": "acme-data", "BucketLoggingStatus": {}})
        made = at(1, "s3", "CreateBucket", {"bucketName": "log-archive"})
        first, second = played(tmp_path, off, made, settings=settings)
        assert statuses(first)["s3.bucket_logging_off"] == "fixed", first
        assert second.reenacted is True, second

    def test_the_flow_logs_of_a_new_vpc_go_to_the_bucket_that_the_settings_name(self, tmp_path: Path) -> None:
        settings = Settings(require=Require(flow_logs="arn:aws:s3:::acme-flows/all"))
        answer = {"vpc": {"vpcId": "vpc-0a1b2c3d4e5f60004"}}
        made = at(0, "ec2", "CreateVpc", {"cidrBlock": "10.9.0.0/16"}, answer)
        (event,) = played(tmp_path, made, settings=settings)
        found = {name: status for name, status in statuses(event).items() if "flow" in name}
        assert set(found.values()) == {"fixed"}, event

    def test_flow_logs_that_go_to_a_bucket_older_than_the_log_are_there(self, tmp_path: Path) -> None:
        place = "arn:aws:s3:::acme-flows/all"
        asked = {
            "ResourceType": "VPC",
            "ResourceId": {"content": "vpc-0a1b2c3d4e5f60005", "tag": 1},
            "TrafficType": "ALL",
            "LogDestinationType": "s3",
            "LogDestination": place,
        }
        made = at(0, "ec2", "CreateFlowLogs", {"CreateFlowLogsRequest": asked})
        (tmp_path / "log.json").write_text(json.dumps(made))
        with Player(read([tmp_path / "log.json"]), settings=Settings()) as player:
            (event,) = player.run()
            (found,) = player.aws.actor("ec2", HOME, "us-east-1").describe_flow_logs()["FlowLogs"]
        assert event.reenacted is True, event
        assert found["LogDestination"] == place
