"""iam-simulate is right where ministack's evaluator is, and in some places where that isn't; its own faults are pinned.

It is a process of its own in tests, and pinned by hashes. When a case of FAULTS fails after an update, it was mended.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.security.test_evaluator import RIGHT, ROLE, asked, document, policy
from tests.support.evaluator import ALLOW, ORGANIZATION, Request
from tests.support.events import FRIEND, HOME
from tests.support.iam_simulate import CannotDecide, decide_all, needs_iam_simulate
from tools.check_wheel import NotAsPromised, without_agpl

LOCK = json.loads((Path(__file__).parents[1] / "iam_simulate" / "package-lock.json").read_text())


def test_what_runs_is_pinned_by_hashes_and_the_lock_names_no_host() -> None:
    packages = {name: each for name, each in LOCK["packages"].items() if name}
    assert "node_modules/@cloud-copilot/iam-simulate" in packages
    assert all(each["integrity"].startswith("sha512-") for each in packages.values())
    assert "://" not in json.dumps(LOCK)


@needs_iam_simulate
@pytest.mark.parametrize("name", [name for name, (_, policies, _) in RIGHT.items() if "required" not in policies])
def test_it_is_right_where_the_other_is(name: str) -> None:
    request, policies, decision = RIGHT[name]
    known = dict(request.context) | {
        "aws:principalorgid": ORGANIZATION,
        "aws:resourceaccount": policies.get("owner", HOME),
    }
    request = Request(principal=ROLE, action=request.action, arn=request.arn, context=known)
    assert decide_all([request], **policies) == [decision]


@needs_iam_simulate
@pytest.mark.parametrize(
    ("context", "condition", "decision"),
    [
        ({"aws:ResourceAccount": FRIEND}, {"StringEquals": {"aws:ResourceAccount": HOME}}, "ImplicitDeny"),
        (
            {"aws:PrincipalAccount": HOME},
            {"StringEquals": {"aws:PrincipalAccount": "${aws:PrincipalAccount}"}},
            ALLOW,
        ),
        ({"aws:PrincipalArn": ROLE}, {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam:*/app"}}, "ImplicitDeny"),
    ],
    ids=["another's bucket", "a variable", "an ARN's wildcard within colons"],
)
def test_it_is_right_where_the_other_is_wrong(context: Any, condition: Any, decision: str) -> None:
    assert decide_all([asked(**context)], [document(policy(Condition=condition))]) == [decision]


@needs_iam_simulate
def test_it_is_right_about_keys_whose_policy_has_to_allow_it() -> None:
    key = f"arn:aws:kms:us-east-1:{HOME}:key/1"
    mine = document(policy(Action="kms:Decrypt", Resource=key))
    assert decide_all([asked("kms:Decrypt", key)], [mine], resource=document()) == ["ImplicitDeny"]


@needs_iam_simulate
def test_it_is_right_about_a_deny_for_all_but_some_which_meets_whoever_has_a_boundary() -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html"""
    mine, deny = document(policy()), policy("Deny", NotPrincipal={"AWS": [ROLE, f"arn:aws:iam::{HOME}:root"]})
    assert decide_all([asked()], [mine], resource=document(deny)) == [ALLOW]
    assert decide_all([asked()], [mine], mine, document(deny)) == ["Deny"]


@needs_iam_simulate
def test_what_it_can_not_read_is_no_decision() -> None:
    with pytest.raises(CannotDecide):
        decide_all([asked()], [document(policy(Action="i*"))])
    assert decide_all([asked()], [document(policy())]) == [ALLOW]


@needs_iam_simulate
class TestFaults:
    """What it gets wrong, as AWS's pages say it; the tests that ask it know."""

    def test_a_deny_for_all_but_a_role_spares_the_role_without_its_account(self) -> None:
        """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html: without the account's ARN the whole account may be denied."""
        deny = policy("Deny", NotPrincipal={"AWS": ROLE})
        assert decide_all([asked()], [document(policy())], resource=document(deny)) == [ALLOW]

    @pytest.mark.parametrize(
        "pattern", [f"arn:aws:lambda:us-east-1:{HOME}:function*:1", "arn:aws:lambda:*:function:x:1"]
    )
    def test_a_wildcard_at_the_end_of_a_part_stays_within_colons(self, pattern: str) -> None:
        """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html: the last character of a segment, it may match beyond the colon."""
        request = asked("lambda:InvokeFunction", f"arn:aws:lambda:us-east-1:{HOME}:function:x:1")
        mine = document(policy(Action="lambda:*", Resource=pattern))
        assert decide_all([request], [mine]) == ["ImplicitDeny"]


@pytest.mark.parametrize(
    "name", ["snapback/x/node_modules/a.js", "snapback_aws-1/.iam-simulate/.ready", "tests/iam_simulate/driver.js"]
)
def test_what_people_install_may_not_hold_it(name: str) -> None:
    without_agpl(["chalicelib/wiring.py", "snapback/iam_policies.py"])
    with pytest.raises(NotAsPromised, match="AGPL"):
        without_agpl(["chalicelib/wiring.py", name])
