from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.event import text
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import tripwire
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event


@tripwire(
    severity=Severity.CRITICAL,
    on=cloudtrail(
        "organizations",
        "LeaveOrganization",
        "RemoveAccountFromOrganization",
        "CloseAccount",
        "DeleteOrganization",
        failed=True,
    ),
)
def leaving_attempted(event: Event, _: Baseline) -> str | None:
    """Account removed from the organization, or closed.

    Outside the organization, no service control policy limits the account, and its trail no longer reaches the
    organization's bucket. Closing an account stops everything that runs in it; for 90 days, AWS Support can reopen it.
    Snapback reports denied attempts too: nobody tries this by accident.

    Legitimate look-alikes: accounts that you give up. Nothing in the call tells them from a theft, so Snapback reports
    each.
    """
    account = event.text("accountId") or ("this account" if event.name == "LeaveOrganization" else "an account")
    act, done = {
        "CloseAccount": (f"close {account}", f"{account} was closed"),
        "DeleteOrganization": ("delete the organization", "the organization was deleted"),
    }.get(event.name, (f"take {account} out of the organization", f"{account} was taken out of the organization"))
    if code := text(event.detail, "errorCode"):
        return f"someone tried to {act}, and was refused ({code})"
    return done
