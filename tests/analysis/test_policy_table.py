"""What AWS's documentation says of policies, page by page, and what `let_in` answers.

The policies have the shape of the page's own or of what its text says, with names and accounts of ours. An answer is
the list of whom the policy lets in that `KNOWN` doesn't hold; an empty one is nobody.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.analysis.policy_access import Outsider, let_in
from chalicelib.analysis.policy_document import as_list, statements
from chalicelib.analysis.policy_escalation import escalations, why_admin
from tests.analysis.outsiders import calls, contexts, outsiders
from tests.analysis.policy_pages import (
    BUILT_IN,
    KNOWN,
    OWN,
    UNKNOWN,
    Row,
)
from tests.analysis.policy_pages_iam import IAM_PAGES
from tests.analysis.policy_pages_identity import AWS, IDENTITY_PAGES, identity
from tests.analysis.policy_pages_keys import KEY_PAGES
from tests.analysis.policy_pages_messages import MESSAGE_PAGES
from tests.analysis.policy_pages_requests import REQUEST_PAGES
from tests.analysis.policy_pages_s3 import S3_PAGES
from tests.analysis.policy_pages_services import SERVICE_PAGES
from tests.support.evaluator import ALLOW, Request, decide
from tests.support.iam_simulate import CannotDecide, decide_all, needs_iam_simulate

TABLE = [
    (page, row)
    for pages in (IAM_PAGES, KEY_PAGES, REQUEST_PAGES, S3_PAGES, MESSAGE_PAGES, SERVICE_PAGES)
    for page, rows in pages.items()
    for row in rows
]


@pytest.mark.parametrize(
    "row",
    [pytest.param(row, id=f"{page.rpartition('/')[2].removesuffix('.html')}: {row.what}") for page, row in TABLE],
)
def test_it_lets_in_whom_the_page_says(row: Row) -> None:
    found = let_in({"Version": "2012-10-17", "Statement": row.policy}, KNOWN, OWN)
    assert [each.who for each in found] == row.answer
    for each in found:
        builtin = each.who is Outsider.WEB_IDENTITY and each.principal in BUILT_IN
        assert each.public == (each.who is Outsider.ANYONE or builtin)


STRANGER = {
    "aws:currenttime": "2026-12-01T00:00:00Z",
    "aws:principalaccount": UNKNOWN,
    "aws:principalisawsservice": "false",
    "aws:principaltype": "AssumedRole",
    "aws:requestedregion": "eu-west-1",
    "aws:securetransport": "true",
    "aws:sourceip": "203.0.113.99",
    "aws:useragent": "curl/8",
    "aws:userid": "AROAEXAMPLEROLEID123:x",
    "aws:viaawsservice": "false",
}
"""What AWS knows of a stranger's request."""
MAY_ALL = json.dumps({"Version": "2012-10-17", "Statement": [identity("*")]})


def asked(policy: list[dict[str, Any]]) -> list[Request]:
    """What the Allow statements allow, asked for by a role of an account that isn't known."""
    role = f"arn:aws:iam::{UNKNOWN}:role/app"
    return [
        Request(principal=role, action=action, arn=arn, context=STRANGER)
        for action, arn in calls(statements({"Statement": policy}))
    ]


@pytest.mark.parametrize("row", [row for _, row in TABLE if row.answer == []], ids=lambda row: row.what)
def test_a_second_evaluator_lets_no_stranger_in_either(row: Row) -> None:
    """It takes a Deny with NotPrincipal for none, as tests/security/test_evaluator.py pins."""
    policy = json.dumps({"Version": "2012-10-17", "Statement": row.policy})
    allowed = [each for each in asked(row.policy) if decide(each, [MAY_ALL], resource=policy, owner=OWN) == ALLOW]
    assert allowed == [] or "NotPrincipal" in policy


OTHERWISE = {
    "a Deny that spares the same account by another name": "a request has one name here, and AWS knows a canonical user's account",
    "StringEquals takes an asterisk literally": "no account is called `*`, and none of ours: it counts as a stranger's",
    "an escaped asterisk": "the same",
    "services on others' behalf denied, where they tell on whose": "the page lets a service pass that doesn't tell",
}
"""Rows about which the third evaluator and `let_in` differ, and why neither is wrong."""
IDENTITY_ROWS = [(page, *row) for page, rows in IDENTITY_PAGES.items() for row in rows]


def differs(row: Row) -> bool:
    """Whose the values of a token's claims are (`repo:acme/*`), IAM doesn't know, so that somebody may have them."""
    return row.what in OTHERWISE or (
        row.answer == [] and any("Federated" in each.get("Principal", ()) for each in row.policy)
    )


@needs_iam_simulate
@pytest.mark.parametrize("row", [pytest.param(row, id=row.what) for _, row in TABLE])
def test_a_third_evaluator_finds_a_way_in_where_there_is_one(row: Row) -> None:
    tried = outsiders(row.policy)
    found = decide_all(tried, [MAY_ALL], resource=json.dumps({"Statement": row.policy}), owner=OWN)
    ways = [request for request, decision in zip(tried, found, strict=True) if decision == ALLOW]
    assert (bool(ways) == bool(row.answer)) is not differs(row), ways[:1]


HOLDER = f"arn:aws:iam::{OWN}:user/app"


def raises(policy: list[dict[str, Any]]) -> list[Request]:
    """Requests that make their user administrator at once."""
    found = statements({"Statement": policy})
    itself = {
        "aws:principalaccount": OWN,
        "aws:principalarn": HOLDER,
        "aws:username": "app",
        "aws:principaltype": "User",
    }
    by_action = {"iam:AttachUserPolicy": {"iam:policyarn": f"{AWS}AdministratorAccess"}, "iam:PutUserPolicy": {}}
    return [
        Request(principal=HOLDER, action=action, arn=HOLDER, context=chosen | itself | of_action)
        for action, of_action in by_action.items()
        for chosen in contexts(found, fixed={"iam:policyarn", "iam:permissionsboundary"})
    ]


@needs_iam_simulate
@pytest.mark.parametrize(("policy", "answer"), [pytest.param(*row, id=what) for _, what, *row in IDENTITY_ROWS])
def test_who_may_raise_itself_by_a_third_evaluator_is_found(policy: list[dict[str, Any]], answer: bool) -> None:
    """Administrators may, and so may those alone who are administrators or have a way up."""
    document = {"Version": "2012-10-17", "Statement": policy}
    if any(":" not in action and action != "*" for each in policy for action in as_list(each.get("Action", "*"))):
        with pytest.raises(CannotDecide):  # Nor does IAM take it, whose actions have the service's name before a colon.
            decide_all(raises(policy), [json.dumps(document)])
        return
    can = ALLOW in decide_all(raises(policy), [json.dumps(document)])
    assert can or not answer
    assert answer or not can or escalations([document], itself=HOLDER, account=OWN)


@pytest.mark.parametrize(
    ("policy", "answer"),
    [
        pytest.param(policy, answer, id=f"{page.rpartition('/')[2].removesuffix('.html')}: {what}")
        for page, what, policy, answer in IDENTITY_ROWS
    ],
)
def test_its_holder_is_administrator_as_the_page_says(policy: list[dict[str, Any]], answer: bool) -> None:
    assert bool(why_admin({"Version": "2012-10-17", "Statement": policy})) is answer


def test_the_table_is_long_enough() -> None:
    assert len(TABLE) + sum(map(len, IDENTITY_PAGES.values())) >= 400
