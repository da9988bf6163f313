"""`snapback selftest` on an in-memory AWS in which Snapback answers each write's event."""

from __future__ import annotations

import re
from collections import Counter
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from chalicelib import catalog
from chalicelib.core.settings import Modes, Settings
from chalicelib.core.types import Mode, Status
from snapback.selftest import unproved
from snapback.selftest.examples import EXAMPLES
from snapback.selftest.run import Proof, Selftest, modes, settings_to_prove
from snapback.selftest.sandbox import KEY, PREFIX, VALUE, Sandbox
from tests.snapback.command import ROOT, complaint, run
from tests.support.cloudtrail import watched
from tests.support.events import HOME
from tests.support.iam_actions import needed_by
from tests.support.world import World, another_administrator

if TYPE_CHECKING:
    from tests.support.events import Envelope

ALERTS_ONLY = {rule.id for rule in catalog.guardrails() if rule.fix is None}
ASKS = {rule.id for rule in catalog.guardrails() if rule.fix and not rule.fix.reversible}
GROUPS = {each.guardrail for each in EXAMPLES if not each.taggable}
TO_PROVE = {name: msgspec.convert(each, Modes) for name, each in settings_to_prove(Settings(), HOME).items()}


WITH_OTHERS = {
    "ecr:TagResource",
    "ecs:TagResource",
    "iam:DeletePolicyVersion",
    "iam:TagPolicy",
    "iam:TagUser",
    "s3:PutBucketOwnershipControls",
}
"""What AWS also asks for when a thing is made with tags or without ACLs; and what only a run without an undo needs.

https://docs.aws.amazon.com/service-authorization/latest/reference/
"""


class Ran:
    """A selftest in this world. The account's Snapback gets the events while the selftest sleeps."""

    def __init__(self, world: World, *, deaf: bool = False, **settings: Any) -> None:
        self.world, self.deaf, self.events = world, deaf, list[Any]()
        self.steps: list[str] = []
        self.calls: set[str] = set()
        """The actions that the selftest's own calls need."""
        self.application = world.application(Mode.ALERT, **settings)
        self.settings = self.application.settings
        session = watched(self.events.append)(region_name="us-east-1")
        sandbox = Sandbox(session, HOME, "0a1b2c3d")
        for service in ("s3", "ec2", "ecr", "iam", "ecs"):
            sandbox.client(service).meta.events.register("after-call", self._note)
        self.minutes = 0
        self.test = Selftest(
            self.application, sandbox, by="tester", on_step=self.steps.append, sleep=self._sleep, clock=self._clock
        )

    def _note(self, model: Any, **_: Any) -> None:
        self.calls.add(needed_by(model.service_model.signing_name, model.name))

    def _clock(self) -> float:
        self.minutes += 1
        return self.minutes * 60.0

    def _sleep(self, _seconds: float) -> None:
        while self.events and not self.deaf:
            event = self.events.pop(0)
            self.application.guard(event["source"].removeprefix("aws."), event)

    def proofs(self, minutes: float = 30) -> dict[str, Proof]:
        found = self.test.run(modes(self.settings, HOME), minutes * 60)
        return {each.example.guardrail: each for each in found}


def held(world: World) -> Counter[str]:
    """How many things there are in the account; moto keeps a VPC's default ACL when the VPC goes."""
    ec2, iam = world.client("ec2"), world.client("iam")
    ecs = world.client("ecs")
    return Counter(
        buckets=len(world.client("s3").list_buckets()["Buckets"]),
        vpcs=len(ec2.describe_vpcs()["Vpcs"]),
        subnets=len(ec2.describe_subnets()["Subnets"]),
        groups=len(ec2.describe_security_groups()["SecurityGroups"]),
        acls=sum(not each["IsDefault"] for each in ec2.describe_network_acls()["NetworkAcls"]),
        repositories=len(world.client("ecr").describe_repositories()["repositories"]),
        users=len(iam.list_users()["Users"]),
        teams=len(iam.list_groups()["Groups"]),
        policies=len(iam.list_policies(Scope="Local")["Policies"]),
        tasks=len(ecs.list_task_definitions(status="ACTIVE")["taskDefinitionArns"]),
    )


def test_with_its_settings_everything_is_as_promised_and_nothing_is_left(world: World) -> None:
    another_administrator(world)
    before = held(world)
    ran = Ran(world, guardrails=TO_PROVE)
    proofs = ran.proofs()
    assert {name: each.problem for name, each in proofs.items() if each.problem} == {}
    by_status = {status: {name for name, each in proofs.items() if each.status == status} for status in Status}
    assert by_status[Status.ASKING] == ASKS & proofs.keys()
    assert by_status[Status.ALERTED] == (ALERTS_ONLY | GROUPS) & proofs.keys()
    assert by_status[Status.FIXED] == {name for name, each in proofs.items() if each.undone}
    assert sum(map(len, by_status.values())) == len(EXAMPLES)
    assert all(each.seconds is not None and each.seconds >= 0 for each in proofs.values())
    assert held(world) == before
    assert ran.test.left == []
    listed = set(re.findall(r"`([a-z0-9]+:[A-Z]\w+)`", (ROOT / "docs" / "selftest.md").read_text()))
    assert listed - ran.calls == WITH_OTHERS
    assert ran.calls < listed


def test_by_default_it_is_only_told_and_what_aws_refuses_is_that_examples_problem_alone(world: World) -> None:
    another_administrator(world)
    with world.denied("CreateRepository", code="AccessDeniedException"):
        proofs = Ran(world).proofs()
    assert proofs.pop("ecr.scan_on_push_off").problem.startswith("AccessDeniedException: ")
    assert {(each.status, each.problem, each.undone) for each in proofs.values()} == {("alerted", "", False)}


def test_a_snapback_that_hears_nothing_is_found_out(world: World) -> None:
    another_administrator(world)
    before = held(world)
    proofs = Ran(world, deaf=True).proofs(minutes=2)
    assert {each.problem.partition(";")[0] for each in proofs.values()} == {"no record of it after 2 minutes"}
    assert held(world) == before


def test_what_cannot_be_removed_is_named(world: World) -> None:
    another_administrator(world)
    ran = Ran(world, deaf=True)
    with world.denied("DeleteVpc", "ListUsers"):
        ran.proofs(minutes=1)
    assert [each.partition(":")[0].split()[0] for each in ran.test.left] == ["VPC", "listing"]
    assert ran.test.clean() == []


class Killed(BaseException):
    """As by kill -9: no `finally` of the program's own makes calls after it."""


@pytest.mark.parametrize("calls", range(1, 4))
def test_clean_removes_what_a_kill_after_any_call_left(calls: int, world: World) -> None:
    another_administrator(world)
    before = held(world)
    killed = 0
    for number, example in enumerate(EXAMPLES):
        left = calls

        def count(_event: Envelope) -> None:
            nonlocal left
            left -= 1
            if not left:
                raise Killed

        aws = Sandbox(watched(count)(region_name="us-east-1"), HOME, f"{number:08x}")
        try:
            example.make(aws)
        except Killed:
            killed += 1
    assert killed, "no example makes so many calls: fewer rounds are enough"
    assert calls < 3 or killed < len(EXAMPLES)
    assert held(world) != before
    ran = Ran(world)
    assert ran.test.clean() == []
    assert held(world) == before


def test_clean_leaves_everything_else(world: World) -> None:
    """Other names, paths and tags; a marked bucket of another account's selftest, and one that isn't empty."""
    s3, iam, ec2 = world.client("s3"), world.client("iam"), world.client("ec2")
    for name in ("my-data", f"{PREFIX}210987654321-block-00000000", f"{PREFIX}{HOME}-block-00000000"):
        s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=f"{PREFIX}{HOME}-block-00000000", Key="somebody's")
    iam.create_user(UserName=f"{PREFIX}user")
    iam.create_group(GroupName=f"{PREFIX}group")
    vpc = ec2.create_vpc(CidrBlock="10.255.255.0/24")["Vpc"]["VpcId"]
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": KEY, "Value": "no"}])
    before = held(world)
    (problem,) = Ran(world).test.clean()
    assert problem.startswith(f"bucket {PREFIX}{HOME}-block-00000000: BucketNotEmpty: ")
    assert held(world) == before


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(
    "guardrails",
    [{}, {"iam.policy_allows_everything": Mode.ASK}, {"ecr.scan_on_push_off": Modes(tags={"env=dev": Mode.OFF})}],
)
def test_the_settings_that_prove_more_hold_for_the_tag_alone(mode: Mode, guardrails: Any) -> None:
    was = Settings(mode=mode, guardrails=guardrails)
    more = {name: msgspec.convert(each, Modes) for name, each in settings_to_prove(was, HOME).items()}
    now = Settings(mode=mode, guardrails={**guardrails, **more})
    for rule in catalog.guardrails():
        for tags in ({}, {"env": "dev"}, {KEY: "no"}):
            assert now.allowed(rule, now.mode_of(rule, HOME, tags)) is was.allowed(rule, was.mode_of(rule, HOME, tags))
    for name, found in modes(now, HOME).items():
        if name not in ALERTS_ONLY | GROUPS:
            assert found is (Mode.ASK if name in ASKS else Mode.FIX)
    assert not settings_to_prove(now, HOME)


def test_each_rule_is_proved_or_said_why_not() -> None:
    """The reason for a guardrail that no glob knows says that an example is yet to be written."""
    ids = [rule.id for rule in catalog.all_rules()]
    proved = {each.guardrail for each in EXAMPLES}
    assert proved < set(ids)
    found = unproved.unproved([*(each for each in ids if each not in proved), "s3.something_new"])
    assert sum(map(len, found.values())) == len(ids) - len(proved) + 1
    assert "s3.something_new" in found[unproved.OTHERWISE]
    for glob in (each for globs in unproved._REASONS.values() for each in globs.split()):
        assert any(fnmatchcase(each, glob) for each in ids), f"{glob} fits no rule"


def test_it_refuses_another_account_than_that_of_the_credentials(world: World, elsewhere: None) -> None:
    world.application()
    assert complaint("selftest", "--account", "210987654321") == (
        "--account is 210987654321, but your credentials are for 123456789012; use the sandbox's"
    )
    assert "Missing option '--account'" in complaint("selftest")


def test_it_says_what_it_will_make_and_makes_nothing_without_a_yes(world: World, elsewhere: None) -> None:
    world.application()
    before = held(world)
    done = run("selftest", "--account", HOME, code=2)
    for each in EXAMPLES:
        assert f"{each.guardrail} (mode alert)\n    {each.what}" in done.stderr
    assert f"{KEY}={VALUE}: fix" in done.stderr
    assert "costs less than" in done.stderr
    assert held(world) == before


def test_clean_by_the_command_line(world: World, elsewhere: None) -> None:
    world.application()
    before = held(world)
    world.client("s3").create_bucket(Bucket=f"{PREFIX}{HOME}-http-00000000")
    done = run("selftest", "--account", HOME, "--clean")
    assert f"removed bucket {PREFIX}{HOME}-http-00000000" in done.stderr
    assert held(world) == before
