"""What AWS's documentation says of policies, page by page, and what `let_in` answers.

The policies have the shape of the page's own or of what its text says, with names and accounts of ours. An answer is
the list of whom the policy lets in that `KNOWN` doesn't hold; an empty one is nobody.
"""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest

from chalicelib.analysis.policy_access import Outsider, let_in
from chalicelib.analysis.policy_document import as_list
from chalicelib.analysis.policy_escalation import why_admin
from tests.analysis.policy_pages import (
    BUILT_IN,
    KNOWN,
    OBJECTS,
    OWN,
    UNKNOWN,
    Row,
)
from tests.analysis.policy_pages_iam import IAM_PAGES
from tests.analysis.policy_pages_identity import IDENTITY_PAGES, identity
from tests.analysis.policy_pages_keys import KEY_PAGES
from tests.analysis.policy_pages_messages import MESSAGE_PAGES
from tests.analysis.policy_pages_requests import REQUEST_PAGES
from tests.analysis.policy_pages_s3 import S3_PAGES
from tests.analysis.policy_pages_services import SERVICE_PAGES
from tests.support.evaluator import ALLOW, Request, decide

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
    calls: list[tuple[str, str]] = []
    for each in policy:
        if each["Effect"] == "Allow":
            actions, named = (as_list(each.get(element, "*")) for element in ("Action", "Resource"))
            calls += product(actions, [arn for arn in named if arn.startswith("arn:")] or [OBJECTS])
    return [
        Request(
            principal=f"arn:aws:iam::{UNKNOWN}:role/app",
            action=action.replace("*", "GetObject") if action != "*" else "s3:GetObject",
            arn=arn.replace("*", "x"),
            context=STRANGER,
        )
        for action, arn in calls
    ]


@pytest.mark.parametrize("row", [row for _, row in TABLE if row.answer == []], ids=lambda row: row.what)
def test_a_second_evaluator_lets_no_stranger_in_either(row: Row) -> None:
    """It takes a Deny with NotPrincipal for none, as tests/security/test_evaluator.py pins."""
    policy = json.dumps({"Version": "2012-10-17", "Statement": row.policy})
    allowed = [each for each in asked(row.policy) if decide(each, [MAY_ALL], resource=policy, owner=OWN) == ALLOW]
    assert allowed == [] or "NotPrincipal" in policy


@pytest.mark.parametrize(
    ("policy", "answer"),
    [
        pytest.param(policy, answer, id=f"{page.rpartition('/')[2].removesuffix('.html')}: {what}")
        for page, rows in IDENTITY_PAGES.items()
        for what, policy, answer in rows
    ],
)
def test_its_holder_is_administrator_as_the_page_says(policy: list[dict[str, Any]], answer: bool) -> None:
    assert bool(why_admin({"Version": "2012-10-17", "Statement": policy})) is answer


def test_the_table_is_long_enough() -> None:
    assert len(TABLE) + sum(map(len, IDENTITY_PAGES.values())) >= 400
