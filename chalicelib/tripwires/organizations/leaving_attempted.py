from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.event import text
from chalicelib.core.guardrail import Severity, tripwire
from chalicelib.core.pattern import cloudtrail

if TYPE_CHECKING:
    from chalicelib.core.event import Event
    from chalicelib.core.settings import Known


@tripwire(
    severity=Severity.CRITICAL,
    on=cloudtrail("organizations", "LeaveOrganization", "RemoveAccountFromOrganization", failed=True),
    controls=("CIS-5.0 4.15",),
)
def leaving_attempted(event: Event, _: Known) -> str | None:
    """Account taken out of the organization.

    Outside the organization no service control policy binds the account, and its trail no longer reaches the
    organization's bucket. Denied attempts are told too: nobody tries this by accident.
    """
    account = event.text("accountId") or ("this account" if event.name == "LeaveOrganization" else "an account")
    if code := text(event.detail, "errorCode"):
        return f"someone tried to take {account} out of the organization, and was refused ({code})"
    return f"{account} was taken out of the organization"
