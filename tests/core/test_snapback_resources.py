from __future__ import annotations

import pytest

from chalicelib.core.baseline import Baseline
from chalicelib.core.snapback_resources import home_of, in_own_stack, own_role
from tests.support.events import FRIEND, HOME, STACK
from tests.support.world import KNOWN


@pytest.mark.parametrize(
    "name", ["snapback-GuardS3-1A2B3C4D5E6F", "snapback-GuardS3GuardS3Event-abc", "snapback-Ledger-X"]
)
def test_what_cloudformation_named_after_our_stack_is_our_own(name: str) -> None:
    assert in_own_stack(KNOWN, HOME, name)


@pytest.mark.parametrize(
    ("account", "name"),
    [
        (HOME, "snapback"),
        (HOME, "snapback-ledger"),
        (HOME, "snapback-test-Ledger-X"),
        (HOME, "snap-Ledger-X"),
        (HOME, "snapback--"),
        (HOME, "snapback-Ledger-"),
        (HOME, ""),
        (FRIEND, "snapback-Ledger-X"),
    ],
)
def test_another_stacks_or_accounts_is_not(account: str, name: str) -> None:
    assert not in_own_stack(KNOWN, account, name)


def test_a_stack_whose_name_has_hyphens_knows_its_own() -> None:
    known = Baseline(stack=STACK.replace("stack/snapback/", "stack/snapback-test/"))
    assert in_own_stack(known, HOME, "snapback-test-Ledger-X")
    assert not in_own_stack(known, HOME, "snapback-Ledger-X")


@pytest.mark.parametrize("stack", ["", "snapback", "arn:aws:cloudformation:us-east-1:123456789012:stack"])
def test_without_the_deployments_word_nothing_is_our_own(stack: str) -> None:
    assert not in_own_stack(Baseline(stack=stack), HOME, "snapback-Ledger-X")
    assert not in_own_stack(Baseline(stack=stack), "", "-Ledger-X")
    assert not home_of(Baseline(stack=stack))


@pytest.mark.parametrize(
    ("arn", "ours"),
    [
        (f"arn:aws:iam::{HOME}:role/snapback-ActRole-X", True),
        (f"arn:aws-us-gov:iam::{HOME}:role/snapback-ActRole-X", True),
        (f"arn:aws:iam::{FRIEND}:role/snapback-ActRole-X", False),
        (f"arn:aws:iam::{HOME}:user/snapback-ActRole-X", False),
        (f"arn:aws:iam::{HOME}:role/path/snapback-ActRole-X", False),
        ("snapback-ActRole-X", False),
        ("", False),
        (None, False),
    ],
)
def test_a_functions_role_is_known_by_its_arn(arn: str | None, ours: bool) -> None:
    assert own_role(KNOWN, arn) is ours
