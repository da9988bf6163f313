from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.sso.revoke_assignment import SET_READS, RevokeAssignment, why_administrator
from chalicelib.resources.sso import Assignment

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = RevokeAssignment()


@guardrail(
    severity=Severity.HIGH,
    resource=Assignment,
    on=cloudtrail("sso", "CreateAccountAssignment"),
    reads=(*FIX.reads, *SET_READS),
    fix=FIX,
    opt_in=True,
)
def administrator_assigned(assignment: Assignment, aws: Session) -> str | None:
    """Administrator of a production account assigned in IAM Identity Center.

    A user or group got a permission set that allows everything, or that lets its holder gain everything. The fix
    removes this one assignment. Sessions that have begun last until they expire. Name the production accounts under
    `production` (all accounts, if it is empty), and allowed administrators under `allow.principals`, as
    `arn:aws:identitystore:::group/<id>` or `…:::user/<id>`. Snapback reads the permission set's customer managed
    policies in that account. It ignores the permissions boundary, so it also reports administrators limited only by
    one.

    Legitimate look-alikes: Control Tower assigns AWSAdministratorAccess to its own group in each account. Nothing in an
    assignment tells intent: name that group, and every other allowed administrator, under `allow.principals`. Until the
    settings name this guardrail, it only alerts.
    """
    production = aws.baseline.production
    if (production and assignment.target not in production) or aws.baseline.principal(assignment.principal):
        return None
    why = why_administrator(assignment.set, [assignment.target], aws)
    if why is None or not FIX.read(assignment, aws)["assigned"]:
        return None
    kind, who = assignment.who.values()
    return f"{kind.lower()} {who} is administrator of account {assignment.target}: {why}"
