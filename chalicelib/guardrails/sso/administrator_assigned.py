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
    """Administrator of a production account by IAM Identity Center.

    A user or group was given a permission set that allows everything, or to give oneself everything. The fix takes
    this one assignment away; sessions that have begun go on until they expire. Say which accounts are in production
    under `production` (all, when none is named), and who may be administrator under `allow.principals`, as
    `arn:aws:identitystore:::group/<id>` or `…:::user/<id>`. Customer managed policies of the permission set are read in
    that account; its permissions boundary is left aside, so that who is held back by one alone is found too.

    Legitimate look-alikes: Control Tower assigns AWSAdministratorAccess to its own group in each account. Name that
    group under `allow.principals`, as everyone else who may: nothing in an assignment tells that it is meant. Until
    the settings name this guardrail, it only alerts.
    """
    production = aws.baseline.production
    if (production and assignment.target not in production) or aws.baseline.principal(assignment.principal):
        return None
    why = why_administrator(assignment.set, [assignment.target], aws)
    if why is None or not FIX.read(assignment, aws)["assigned"]:
        return None
    kind, who = assignment.who.values()
    return f"{kind.lower()} {who} is administrator of account {assignment.target}: {why}"
