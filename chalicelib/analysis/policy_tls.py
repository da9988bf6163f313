"""Whether a policy refuses what goes without TLS. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.policy_document import covers, statements

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.analysis.policy_document import Condition, Policy


def refuses_plain_http(policy: Policy, calls: Iterable[tuple[str, str]]) -> bool:
    """Whether each of the calls, action and resource, is denied to everybody who makes it without TLS.

    A name that no policy would give stands for every one: `s3:~` for all of S3's actions.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html#transit
    """
    refusing = [
        statement
        for statement in statements(policy)
        if statement.effect == "Deny"
        and {"Action", "Resource", "Principal"} <= statement.raw.keys()
        and ("AWS", "*") in statement.principals()
        and all(map(_without_tls, statement.limiting()))
    ]
    return all(any(covers(statement, *call) for statement in refusing) for call in calls)


def _without_tls(condition: Condition) -> bool:
    return (
        condition.operator.lower() in {"bool", "boolifexists"}
        and condition.key == "aws:securetransport"
        and "false" in map(str.lower, condition.values)
    )
