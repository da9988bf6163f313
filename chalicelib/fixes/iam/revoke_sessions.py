"""Sessions of a role or user, ended by the time at which they were begun."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalicelib.analysis.policy_document import Statement, statements
from chalicelib.core.event import parse_time
from chalicelib.core.rule import Fix, FixContext
from chalicelib.resources.absent import absent
from chalicelib.resources.iam.identities import kept_by_aws
from chalicelib.resources.iam.sessions import time_text

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.iam.sessions import Sessions

POLICY = "AWSRevokeOlderSessions"
"""The IAM console's own name for it, so that its *Revoke active sessions* and this fix are one thing."""


class RevokeSessions(Fix["Sessions"]):
    """Deny everything to all sessions begun before this write. Later sessions work.

    As the IAM console does it. Keys that don't expire have no time of issue, and are not denied.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html
    """

    document = "iam:identity"
    reads = ("iam:GetRole", "iam:GetUser", "iam:GetRolePolicy", "iam:GetUserPolicy")
    writes = ("iam:PutRolePolicy", "iam:PutUserPolicy", "iam:DeleteRolePolicy", "iam:DeleteUserPolicy")
    undo_writes = (
        "iam:DeleteRolePolicy",
        "iam:DeleteUserPolicy",
    )

    def read(self, resource: Sessions, aws: Session) -> State:
        """`kept`: AWS lets nobody change this role. `document` is the inline policy, or None."""
        identity = resource.identity
        kept = kept_by_aws(identity.described(aws))
        document = None
        with absent("NoSuchEntity"):
            get: Any = getattr(aws.client("iam"), f"get_{identity.what}_policy")
            document = get(**identity.name, PolicyName=POLICY)["PolicyDocument"]
        return {"until": resource.until, "kept": kept, "document": document}

    def safe(self, state: State, context: FixContext) -> State:
        if state["kept"] or revoked(state):
            return state
        return {**state, "document": _denial(state["until"])}

    def write(self, resource: Sessions, state: State, aws: Session) -> State:
        """A denial of this fix's becomes one up to this moment: an approval may come hours after the finding."""
        iam, identity = aws.client("iam"), resource.identity
        if state["document"] is None:
            with absent("NoSuchEntity"):
                getattr(iam, f"delete_{identity.what}_policy")(**identity.name, PolicyName=POLICY)
            return state
        if state["document"] == _denial(state["until"]):
            state = {**state, "document": _denial(max(state["until"], time_text(aws.now)))}
        document = json.dumps(state["document"])
        getattr(iam, f"put_{identity.what}_policy")(**identity.name, PolicyName=POLICY, PolicyDocument=document)
        return state


def _denial(until: str) -> dict[str, Any]:
    statement = {
        "Effect": "Deny",
        "Action": ["*"],
        "Resource": ["*"],
        "Condition": {"DateLessThan": {"aws:TokenIssueTime": until}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def revoked(state: State) -> bool:
    """Whether the sessions that had begun by then are denied everything; what can't be read denies nobody."""
    return any(_denies(statement, state["until"]) for statement in statements(state["document"]))


def _denies(statement: Statement, until: str) -> bool:
    wanted = parse_time(until)
    everything = "*" in statement.actions() and statement.raw.get("Resource") in ("*", ["*"])
    if statement.effect != "Deny" or not everything or wanted is None:
        return False
    conditions = list(statement.conditions())
    if not conditions:
        return True
    operator, key, values = conditions[0]
    times = [moment for moment in map(parse_time, values) if moment]
    dated = operator.lower() in {"datelessthan", "datelessthanequals"} and key == "aws:tokenissuetime"
    return len(conditions) == 1 and dated and bool(times) and max(times) >= wanted
