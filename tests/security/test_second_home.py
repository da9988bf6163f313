"""A member account trusts one home stack at a time, and sends its events to that one: docs/recover.md has the second, made ready."""

from __future__ import annotations

import json

import pytest

from tests.support.deployed import EXTERNAL_ID, MEMBER, Stack, homes, members
from tests.support.evaluator import ALLOW, ORGANIZATION, Request, decide, trusts
from tests.support.events import HOME

STANDBY, STACK = "210987654321", "snapback-two"
BUS = f"arn:aws:events:eu-west-1:{STANDBY}:event-bus/{STACK}-members"
MOVED = {"HomeAccount": STANDBY, "HomeStack": STACK, "HomeBus": BUS}


def member(**moved: str) -> Stack:
    made = members()[-1]
    return Stack(MEMBER, made.source, made.parameters | moved)


def lets_in(stack: Stack, caller: str) -> set[bool]:
    """Whether each role that functions assume lets the caller in, who says all that it must."""
    record = "snapback-0123456789abcdef"
    context = {
        "sts:rolesessionname": record,
        "sts:sourceidentity": record,
        "sts:externalid": EXTERNAL_ID,
        "aws:principalorgid": ORGANIZATION,
    }
    asked = Request(principal=caller, action="sts:AssumeRole", arn="*", context=context)
    return {trusts(role.trust, asked) for name, role in stack.roles.items() if name != "Forwarder"}


def test_roles_trust_the_stack_that_the_members_are_with_and_not_the_other() -> None:
    first = homes()[0].roles["act"].arn
    second = first.replace(HOME, STANDBY).replace("/snapback-", f"/{STACK}-")
    assert lets_in(member(), first) == lets_in(member(**MOVED), second) == {True}
    assert lets_in(member(), second) == lets_in(member(**MOVED), first) == {False}


@pytest.mark.parametrize("name", ["HomeAccount", "HomeStack"])
def test_a_move_by_half_lets_nobody_in(name: str) -> None:
    first = homes()[0].roles["act"].arn
    second = first.replace(HOME, STANDBY).replace("/snapback-", f"/{STACK}-")
    assert lets_in(member(**{name: MOVED[name]}), first) == lets_in(member(**{name: MOVED[name]}), second) == {False}


def test_events_go_to_the_bus_of_that_stack_and_no_other_for_a_day() -> None:
    former = members()[-1].parameters["HomeBus"]
    for stack, bus, other in ((member(), former, BUS), (member(**MOVED), BUS, former)):
        forwarder = stack.roles["Forwarder"]
        for arn, wanted in ((bus, True), (other, False)):
            asked = Request(principal=forwarder.arn, action="events:PutEvents", arn=arn)
            assert (decide(asked, forwarder.policies, forwarder.boundary) == ALLOW) is wanted
        rules = [
            stack.plain(each["Properties"]) for each in stack.resources.values() if each["Type"] == "AWS::Events::Rule"
        ]
        assert rules
        assert {rule["Targets"][0]["Arn"] for rule in rules} == {bus}
        assert {json.dumps(rule["Targets"][0]["RetryPolicy"]["MaximumEventAgeInSeconds"]) for rule in rules} == {
            "86400"
        }
