"""A sweep's threads: they read beside each other, and what they find comes in the order of one that reads alone."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib import catalog
from chalicelib.core.rule import Guardrail
from chalicelib.core.types import Mode
from chalicelib.resources.ec2.security_groups import SecurityGroup
from chalicelib.sweep.places import Place
from snapback import sweep as library
from snapback.threads import at_most
from tests.support.events import HOME, REGION

if TYPE_CHECKING:
    from chalicelib.wiring import Application
    from snapback.sweep import Finding, SweepError
    from tests.support.world import World

KINDS = ("ec2.SecurityGroup", "s3.Bucket", "iam.Role", "ec2.Volume")


def places(*kinds: str) -> dict[Place, list[Any]]:
    return {
        Place(HOME, REGION, kind): [rule for rule in catalog.guardrails() if rule.resource.kind() == kind]
        for kind in kinds
    }


def open_groups(world: World, count: int) -> list[str]:
    ec2 = world.client("ec2")
    (vpc, *_) = ec2.describe_vpcs()["Vpcs"]
    made = []
    for number in range(count):
        group = ec2.create_security_group(GroupName=f"app-{number}", Description="-", VpcId=vpc["VpcId"])["GroupId"]
        ec2.authorize_security_group_ingress(
            GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
        )
        made.append(str(group))
    return made


def found(application: Application, where: dict[Place, list[Any]], threads: int) -> tuple[list[str], list[str]]:
    findings: list[Finding] = []
    errors: list[SweepError] = []
    library.sweep(
        application, where, "run", kept=True, threads=threads, on_finding=findings.append, on_error=errors.append
    )
    return [f"{each.outcome.guardrail} {each.outcome.resource} {each.outcome.status}" for each in findings], [
        *map(str, errors)
    ]


def test_many_find_what_one_finds_in_the_same_order(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SecurityGroup, "batch_size", 3)
    open_groups(world, 10)
    world.client("s3").create_bucket(Bucket="app-one", ObjectOwnership="ObjectWriter")
    world.client("s3").put_bucket_acl(Bucket="app-one", ACL="public-read")
    alone, together = (found(world.application(Mode.ALERT), places(*KINDS), threads) for threads in (1, 8))
    assert len(alone[0]) > 10
    assert [each.replace(" duplicate", " alerted") for each in together[0]] == alone[0]
    assert alone[1] == together[1] == []


def test_they_ask_at_the_same_time_each_for_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each thread's first read waits for three others: one after the other would break the barrier."""
    monkeypatch.setattr(SecurityGroup, "batch_size", 3)
    open_groups(world, 11)
    meet = threading.Barrier(4, timeout=60)
    readers: dict[int, set[int]] = {}

    asked = Guardrail.__call__

    def meeting(rule: Guardrail[Any], resource: Any, aws: Any) -> Any:
        me = threading.get_ident()
        if me not in readers:
            readers[me] = set()
            meet.wait()
        readers[me].add(id(aws._memory))
        return asked(rule, resource, aws)

    monkeypatch.setattr(Guardrail, "__call__", meeting)
    library.sweep(world.application(Mode.ALERT), places("ec2.SecurityGroup"), "run", kept=False, threads=4)
    assert len(readers) == 4
    assert len(set().union(*readers.values())) == 4, "two threads shared what they had read"


def test_the_first_error_of_credentials_ends_it_and_what_waits_never_begins(world: World) -> None:
    application = world.application(Mode.ALERT)
    begun: list[int] = []
    first = threading.Event()

    def work(_: Application, number: int) -> int:
        begun.append(number)
        first.wait(60)
        raise RuntimeError(number)

    with pytest.raises(RuntimeError), at_most(application, 2) as threads:  # noqa: PT012 - the loop is what raises
        for number, answer in threads.each(work, range(100)):
            assert number == 0
            first.set()
            answer()
    assert len(begun) < 100


def test_what_runs_when_it_ends_has_no_time_left(world: World) -> None:
    application = world.application(Mode.ALERT)
    running, left = threading.Event(), list[float]()

    def work(mine: Application, _: int) -> None:
        assert mine is not application
        assert mine.ledger is application.ledger
        running.set()
        while mine.time_left():
            threading.Event().wait(0.01)
        left.append(mine.time_left())

    with at_most(application, 2) as threads:
        next(iter(threads.each(work, range(9))))
        assert running.wait(60)
    assert left == [0.0] * len(left) != []
