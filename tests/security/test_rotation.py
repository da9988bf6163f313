"""Secrets and the external id are rotated without a moment in which something refuses, and in which order: docs/recover.md."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.aws.action_tokens import ActionTokens
from chalicelib.aws.secrets import values
from chalicelib.core.errors import BadActionToken
from tests.aws.test_action_tokens import NOW
from tests.support.deployed import MEMBER, Stack, homes, members
from tests.support.evaluator import ORGANIZATION, Request, trusts

OLD, NEW = "the-old-external-id", "the-new-external-id"
BEFORE, BOTH, AFTER = {"ExternalId": OLD}, {"ExternalId": OLD, "SecondExternalId": NEW}, {"ExternalId": NEW}
STEPS = (
    ({OLD}, (BEFORE, BEFORE)),
    ({OLD}, (BEFORE, BOTH)),
    ({OLD}, (BOTH, BOTH)),
    ({OLD, NEW}, (BOTH, BOTH)),  # CloudFormation updates one function after the other.
    ({NEW}, (BOTH, BOTH)),
    ({NEW}, (BOTH, AFTER)),
    ({NEW}, (AFTER, AFTER)),
)
"""What functions say, and what two member stacks know, at each moment of the rotation; read backwards, of taking it back."""


def lets_in(member: dict[str, str], external_id: str) -> set[bool]:
    """Of each role of a member account that functions assume."""
    made = members()[-1]
    stack = Stack(MEMBER, made.source, made.parameters | {"SecondExternalId": ""} | member)
    record = "snapback-0123456789abcdef"
    context = {
        "sts:rolesessionname": record,
        "sts:sourceidentity": record,
        "sts:externalid": external_id,
        "aws:principalorgid": ORGANIZATION,
    }
    asked = Request(principal=homes()[0].roles["act"].arn, action="sts:AssumeRole", arn="*", context=context)
    return {trusts(role.trust, asked) for name, role in stack.roles.items() if name != "Forwarder"}


@pytest.mark.parametrize(("said", "known"), STEPS)
def test_the_external_id_is_accepted_at_each_step(said: set[str], known: Any) -> None:
    for external_id in said:
        for member in known:
            assert lets_in(member, external_id) == {True}


def test_in_another_order_it_is_refused() -> None:
    assert lets_in(BEFORE, NEW) == lets_in(AFTER, OLD) == {False}
    assert lets_in(BOTH, "another-external-id") == lets_in(BEFORE, "") == {False}


def test_a_secret_holds_the_present_one_and_former_ones() -> None:
    assert values("new\nold") == ("new", "old")
    assert values("") == ("",)
    assert values("new\n\n  old \n") == ("new", "old")
    assert values("\n \n") == ("",)


def test_links_signed_with_the_former_key_work_until_it_is_taken_out() -> None:
    old, new = "o" * 32, "n" * 32
    link = ActionTokens.of(old).issue("0123abcd", "approve", "teams", NOW)
    both = ActionTokens.of(f"{new}\n{old}")
    assert both.read(link, NOW).record == "0123abcd"
    assert ActionTokens.of(new).read(both.issue("0123abcd", "approve", "teams", NOW), NOW).record == "0123abcd"
    with pytest.raises(BadActionToken):
        ActionTokens.of(new).read(link, NOW)
    with pytest.raises(ValueError, match="32 bytes"):
        ActionTokens.of(f"{new}\nshort")
