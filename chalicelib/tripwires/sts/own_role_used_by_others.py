from __future__ import annotations

import re
from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.record import ID
from chalicelib.core.rule import tripwire
from chalicelib.core.snapback_resources import FIXERS, READER, home_of, is_assumed, own_role
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event

_FOR_A_RECORD = re.compile(rf"snapback-{ID}")
# A rough filter for Snapback's roles, as AssumeRole is frequent. The function compares exactly.
_ROLES = [
    {"suffix": f"/{READER}"},
    {"wildcard": f"*/{FIXERS}*"},
    *({"wildcard": f"*-{name}*"} for name in ("Guard", "Notify", "Act", "Canary", "Api", "API", "Sweep", "Exports")),
]
# Lambda assumes a function's role all day long; AWS itself writes `invokedBy`.
_BUT_LAMBDA = {"invokedBy": [{"exists": False}, {"anything-but": ["lambda.amazonaws.com"]}]}


@tripwire(
    severity=Severity.CRITICAL,
    on=cloudtrail(
        "sts",
        "AssumeRole",
        "AssumeRoleWithSAML",
        "AssumeRoleWithWebIdentity",
        requestParameters={"roleArn": _ROLES},
        userIdentity=_BUT_LAMBDA,
    ),
)
def own_role_used_by_others(event: Event, baseline: Baseline) -> str | None:
    """Snapback's own IAM role assumed by somebody else.

    Only Lambda may assume the roles of Snapback's functions. Only those functions may assume `snapback-reader` and
    `snapback-fixer-…`, and a fixer only for one record at a time: the session and its source identity have the record's
    name. Anybody else who assumes one can undo Snapback's protection, in its name. Remove the trust, and check what the
    session did.

    Snapback recognizes the function by the calling role in CloudTrail, never by a user agent. CloudTrail records a call
    from another account twice. The record in the role's account names only the caller's account; for a call from
    Snapback's own account, Snapback judges the record there. Denied attempts don't name the role, so Snapback doesn't
    detect them.

    Legitimate look-alikes: Lambda, which assumes the functions' roles all day, and the functions, which assume the
    reader and the fixers. `invokedBy`, the calling role and the session's name tell them apart.
    """
    role = event.text("roleArn") or ""
    name, session = role.rpartition("/")[2], event.text("roleSessionName") or ""
    who, caller = event.actor, event.actor.issuer
    somebody = who.name if who.account == home_of(baseline) else f"{who.name} of account {who.account}"
    if own_role(baseline, role):
        by_lambda = who.kind == "AWSService" and who.via == "lambda.amazonaws.com"
        return None if by_lambda else f"{somebody} assumed {name}, the role of a function"
    if not is_assumed(name) or not home_of(baseline):
        return None
    from_home = who.kind == "AWSAccount" and who.account == home_of(baseline)
    if event.name != "AssumeRole" or not (own_role(baseline, caller) or from_home):
        return f"{somebody} assumed {role}"
    if name != READER and not (_FOR_A_RECORD.fullmatch(session) and event.text("sourceIdentity") == session):
        return f"{somebody} assumed {role} for no record, as {session or 'nobody'}"
    return None
