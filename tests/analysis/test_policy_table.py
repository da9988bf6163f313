"""What AWS's documentation says of policies, page by page, and what `let_in` answers.

The policies have the shape of the page's own or of what its text says, with names and accounts of ours. An answer is
the list of whom the policy lets in that `KNOWN` doesn't hold; an empty one is nobody.
"""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.analysis.policy_access import Outsider, let_in
from chalicelib.analysis.policy_escalation import why_admin
from tests.analysis.policy_pages import (
    BUCKET,
    BUILT_IN,
    IAM,
    KNOWN,
    OWN,
    Row,
)
from tests.analysis.policy_pages_iam import IAM_PAGES
from tests.analysis.policy_pages_services import SERVICE_PAGES

TABLE = {**IAM_PAGES, **SERVICE_PAGES}


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=f"{page.rpartition('/')[2].removesuffix('.html')}: {row.what}")
        for page, rows in TABLE.items()
        for row in rows
    ],
)
def test_it_lets_in_whom_the_page_says(row: Row) -> None:
    found = let_in({"Version": "2012-10-17", "Statement": row.policy}, KNOWN, OWN)
    assert [each.who for each in found] == row.answer
    for each in found:
        builtin = each.who is Outsider.WEB_IDENTITY and each.principal in BUILT_IN
        assert each.public == (each.who is Outsider.ANYONE or builtin)


def identity(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


ADMIN: dict[str, list[tuple[str, list[dict[str, Any]], bool]]] = {
    "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AdministratorAccess.html": [
        ("everything", [identity("*")], True),
    ],
    "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/IAMFullAccess.html": [
        ("all of IAM", [identity(["iam:*", "organizations:Describe*"])], True),
    ],
    "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/PowerUserAccess.html": [
        (
            "all but IAM",
            [
                {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"},
                identity(["iam:CreateServiceLinkedRole", "iam:ListRoles"]),
            ],
            False,
        ),
    ],
    "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/ReadOnlyAccess.html": [
        ("reading", [identity(["iam:Get*", "iam:List*", "s3:Get*"])], False),
    ],
    f"{IAM}reference_policies_elements_notaction.html": [
        ("all but a service is all the rest", [{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}], True),
        ("with Deny it allows nothing", [{"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}], False),
    ],
    f"{IAM}reference_policies_evaluation-logic_policy-eval-denyallow.html": [
        ("all denied again", [identity("*"), identity("*") | {"Effect": "Deny"}], False),
        ("IAM denied", [identity("*"), identity("iam:*") | {"Effect": "Deny"}], False),
        ("a bucket denied", [identity("*"), identity("*", BUCKET) | {"Effect": "Deny"}], True),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "answer"),
    [pytest.param(policy, answer, id=what) for rows in ADMIN.values() for what, policy, answer in rows],
)
def test_its_holder_is_administrator_as_the_page_says(policy: list[dict[str, Any]], answer: bool) -> None:
    assert bool(why_admin({"Version": "2012-10-17", "Statement": policy})) is answer


def test_the_table_is_long_enough() -> None:
    assert len([row for rows in TABLE.values() for row in rows]) >= 80
