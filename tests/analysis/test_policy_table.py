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
    BUILT_IN,
    KNOWN,
    OWN,
    Row,
)
from tests.analysis.policy_pages_iam import IAM_PAGES
from tests.analysis.policy_pages_identity import IDENTITY_PAGES
from tests.analysis.policy_pages_keys import KEY_PAGES
from tests.analysis.policy_pages_messages import MESSAGE_PAGES
from tests.analysis.policy_pages_requests import REQUEST_PAGES
from tests.analysis.policy_pages_s3 import S3_PAGES
from tests.analysis.policy_pages_services import SERVICE_PAGES

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
