"""`snapback doctor`: each line is ok, broken with what to do, or unknown; the exit code says the worst."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.version import VERSION
from snapback import doctor, errors
from snapback.deploy.iam_policies import fixers
from tests.notify.receiver import receiver
from tests.snapback.command import objects, run, unwrapped
from tests.snapback.dead_letters import given_up
from tests.snapback.test_status import answered
from tests.support.events import HOME
from tests.support.http import Handler, listening

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World

pytestmark = pytest.mark.usefixtures("elsewhere")
TRUST = {
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{HOME}:root"}, "Action": "sts:AssumeRole"}]
}


def lines(*arguments: str, code: int) -> dict[str, Any]:
    return {each["what"]: each for each in objects(run("doctor", "--json", *arguments, code=code))}


def make_stack(world: World, version: str = VERSION) -> str:
    """A stack with queues and outputs, its roles and a trail; answers the queue of dead letters."""
    queues = {name: {"Type": "AWS::SQS::Queue"} for name in ("DeadLetters", "FailedMessages")}
    outputs: dict[str, Any] = {f"{name}Url": {"Value": {"Ref": name}} for name in queues}
    outputs |= {"LedgerTable": {"Value": "snapback-ledger"}, "Version": {"Value": version}}
    stacks = world.client("cloudformation")
    stacks.create_stack(StackName="snapback", TemplateBody=json.dumps({"Resources": queues, "Outputs": outputs}))
    for name in ("snapback-reader", *fixers()):
        world.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    world.client("s3").create_bucket(Bucket="audit")
    trail = {"Name": "audit", "S3BucketName": "audit", "IsMultiRegionTrail": True, "IncludeGlobalServiceEvents": True}
    world.client("cloudtrail").create_trail(**trail)
    world.client("cloudtrail").start_logging(Name="audit")
    found = stacks.describe_stacks(StackName="snapback")["Stacks"][0]["Outputs"]
    return next(str(each["OutputValue"]) for each in found if each["OutputKey"] == "DeadLettersUrl")


@pytest.fixture
def well(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Everything is as it should be."""
    world.clock = datetime.now(UTC)
    make_stack(world)
    answered(world, monkeypatch)
    monkeypatch.setattr(doctor, "_clock", lambda *_: doctor.Line("clock", "ok", "0s off"))
    return world


def test_without_channels_only_they_are_unknown(well: World) -> None:
    found = lines(code=errors.BAD)
    assert {each["what"]: each["state"] for each in found.values() if each["state"] != "ok"} == {"channels": "unknown"}
    wanted = [
        "region",
        "credentials",
        "clock",
        "stack",
        "version",
        "roles",
        "trail",
        "ledger",
        "events",
        "writes",
        "records",
    ]
    assert [*found] == [*wanted, "dead letters", "failed messages", "channels"]


def test_a_channel_takes_one_test_message_on_request(well: World, tmp_path: Path) -> None:
    with receiver() as there:
        (tmp_path / "snapback.yaml").write_text(f"channels: [{{name: siem, type: webhook, url: '{there.url}'}}]")
        before = len(there.requests)
        assert lines(code=errors.BAD)["channel siem"]["state"] == "unknown"
        assert len(there.requests) == before
        found = lines("--send", code=errors.FINE)
        assert found["channel siem"]["state"] == "ok"
        assert len(there.requests) == before + 1
    broken = lines("--send", code=errors.FOUND)["channel siem"]
    assert (broken["state"], broken["do"]) == ("broken", "`snapback chat test siem` tests each kind of message")


def test_what_is_broken_says_what_to_do(well: World) -> None:
    url = well.client("cloudformation").describe_stacks()["Stacks"][0]["Outputs"]
    queue = next(each["OutputValue"] for each in url if each["OutputKey"] == "DeadLettersUrl")
    well.client("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(given_up()))
    well.client("iam").delete_role(RoleName="snapback-fixer-s3")
    well.client("cloudtrail").stop_logging(Name="audit")
    run("pause", "--why", "drill")
    found = lines(code=errors.FOUND)
    broken = {what: each["do"] for what, each in found.items() if each["state"] == "broken"}
    assert broken.keys() == {"roles", "trail", "writes", "dead letters"}
    assert all(broken.values())
    assert "audit isn't logging" in found["trail"]["found"]
    assert "broken" in unwrapped(run("doctor", code=errors.FOUND))


def test_what_may_not_be_read_is_unknown_and_names_the_policy(well: World) -> None:
    with well.denied("DescribeTrails", "GetRole"):
        found = lines(code=errors.BAD)
    for what in ("trail", "roles"):
        assert (found[what]["state"], found[what]["do"][:30]) == ("unknown", "`snapback permissions doctor` ")


def test_without_a_stack_or_a_region_it_is_broken(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    found = lines("--stack", "guard", code=errors.FOUND)
    assert found["stack"]["found"] == "no stack 'guard' in us-east-1"
    assert found["version"]["state"] == "unknown"
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    _rest_is_unknown(lines(code=errors.FOUND), "region")


def _rest_is_unknown(found: dict[str, Any], broken: str) -> None:
    assert tuple(found) == doctor._PARTS
    assert found[broken]["state"] == "broken"
    rest = doctor._PARTS[doctor._PARTS.index(broken) + 1 :]
    assert {(found[each]["state"], found[each]["found"]) for each in rest} == {
        ("unknown", f"not checked, because {broken} is broken")
    }


@pytest.mark.parametrize("page", [b"<!DOCTYPE html><html><br></html>", b"<html><body>Log in</body></html>"])
def test_a_page_instead_of_an_answer_is_told_and_the_rest_is_unknown(
    page: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Page, "page", page)
    with listening(Page) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        found = lines(code=errors.FOUND)
    assert found["credentials"]["found"].startswith("the answer isn't AWS's: ")
    assert "HTML page; check the network's proxy" in found["credentials"]["found"]
    _rest_is_unknown(found, "credentials")


class Page(Handler):
    """A proxy that answers everything with status 200 and a page."""

    page = b""

    def serve(self) -> None:
        self.body()
        self.answer(200, {"Content-Type": "text/html"}, self.page)


def test_another_version_is_broken(world: World) -> None:
    make_stack(world, "0.0.1")
    assert lines(code=errors.FOUND)["version"]["found"] == f"here {VERSION}, in the stack 0.0.1"


def test_no_credentials_end_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    found = lines(code=errors.FOUND)
    assert found["credentials"]["state"] == "broken"
    _rest_is_unknown(found, "credentials")


@pytest.mark.parametrize(("off", "state"), [(3, "ok"), (-230, "ok"), (600, "broken"), (-600, "broken")])
def test_the_clock_is_held_against_aws_s(off: int, state: str) -> None:
    now = datetime(2026, 11, 23, 10, tzinfo=UTC)
    identity = {"ResponseMetadata": {"HTTPHeaders": {"date": "Mon, 23 Nov 2026 10:00:00 GMT"}}}
    assert doctor._clock(identity, now + timedelta(seconds=off)).state == state
    assert doctor._clock({"ResponseMetadata": {"HTTPHeaders": {}}}, now).state == "unknown"


ADVANCED = {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}
READ_ONLY = {"FieldSelectors": [*ADVANCED["FieldSelectors"], {"Field": "readOnly", "Equals": ["true"]}]}


@pytest.mark.parametrize(
    ("trail", "selectors", "wrong"),
    [
        ({}, {}, ""),
        ({}, {"EventSelectors": [{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}]}, ""),
        ({}, {"AdvancedEventSelectors": [ADVANCED]}, ""),
        ({}, {"AdvancedEventSelectors": [READ_ONLY]}, "leaves out management events"),
        ({}, {"EventSelectors": [{"ReadWriteType": "ReadOnly"}]}, "leaves out management events"),
        ({}, {"EventSelectors": [{"IncludeManagementEvents": False}]}, "leaves out management events"),
        ({"IsMultiRegionTrail": False}, {}, "covers only us-east-1"),
        ({"IncludeGlobalServiceEvents": False}, {}, "leaves out global services"),
    ],
)
def test_a_trail_must_hear_management_events_everywhere(trail: Any, selectors: Any, wrong: str) -> None:
    class Trails:
        def describe_trails(self, **_: Any) -> Any:
            there = {"Name": "audit", "TrailARN": "a", "IsMultiRegionTrail": True, "IncludeGlobalServiceEvents": True}
            return {"trailList": [{**there, **trail}]}

        def get_trail_status(self, **_: Any) -> Any:
            return {"IsLogging": True}

        def get_event_selectors(self, **_: Any) -> Any:
            return selectors

    found = doctor.trail(Trails(), "us-east-1")
    assert found.state == ("broken" if wrong else "ok")
    assert wrong in found.found
