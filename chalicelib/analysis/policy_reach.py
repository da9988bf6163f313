"""What identity policies allow on everything of its kind, where they should say on which. Pure.

A call counts as in `policy_escalation`: who is limited to names, to the beginning of names, or to another account, is
limited, and so is who must meet a condition of the service's own, as `kms:ViaService`. Denies and boundaries count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.escalation_paths import NeededCall, Path
from chalicelib.analysis.policy_escalation import administering, at_fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.analysis.policy_document import Policy


def _calls(resource: str, *actions: str) -> tuple[Path, ...]:
    return tuple(Path(action, (NeededCall(action, resource),)) for action in actions)


ALL_KEYS = _calls("arn:aws:kms:~:~:key/~", "kms:Decrypt", "kms:ReEncryptFrom")
"""https://docs.aws.amazon.com/kms/latest/developerguide/iam-policies-best-practices.html"""
ALL_TRAILS = (
    *_calls(
        "arn:aws:cloudtrail:~:~:trail/~",
        "cloudtrail:StopLogging",
        "cloudtrail:DeleteTrail",
        "cloudtrail:UpdateTrail",
        "cloudtrail:PutEventSelectors",
    ),
    *_calls(
        "arn:aws:cloudtrail:~:~:eventdatastore/~",
        "cloudtrail:StopEventDataStoreIngestion",
        "cloudtrail:DeleteEventDataStore",
    ),
)
"""https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudtrail.html"""
ALL_ROLES = _calls("arn:aws:iam:~:~:role/~", "sts:AssumeRole")


def why_broad(
    policies: Mapping[str, Policy],
    calls: tuple[Path, ...],
    others: Mapping[str, Policy] | None = None,
    boundary: Policy = None,
    account: str = "",
) -> str | None:
    """Which statements of these policies allow the calls on everything; what `others` of the holder deny counts.

    A policy that makes administrator is another question.
    """
    found = at_fault({**(others or {}), **policies}, boundary, account=account, paths=calls)
    told = [
        f"{name}{', ' if name else ''}statement {index + 1} allows {', '.join(call.id for call in opened)}"
        for name, statements in found.items()
        if name in policies and not administering(policies[name], account)
        for index, opened in statements.items()
    ]
    return "; ".join(told) or None
