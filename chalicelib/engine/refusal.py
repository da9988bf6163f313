"""Why AWS did not let Snapback look: which call, and by which kind of policy, as far as AWS says.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.core.errors import CannotJudge
from chalicelib.core.event import dig, text
from chalicelib.engine.context import describe_error, response_of

if TYPE_CHECKING:
    from chalicelib.core.resource import Resource
    from chalicelib.core.rule import Rule

DENIED = frozenset(
    {
        "403",  # From a HEAD request, whose answer has no body.
        "AccessDenied",
        "AccessDeniedException",
        "AccessDeniedForDependencyException",
        "AllAccessDisabled",
        "AuthorizationError",
        "AuthorizationErrorException",
        "Client.UnauthorizedOperation",
        "Forbidden",
        "ForbiddenException",
        "KMSAccessDeniedException",
        "NotAuthorized",
        "NotAuthorizedException",
        "UnauthorizedAccess",
        "UnauthorizedAccessException",
        "UnauthorizedException",
        "UnauthorizedOperation",
    }
)
"""By which AWS's services deny. Expired, unknown and malformed credentials have other codes."""
_ACTION = re.compile(r"is not authorized to perform: ([a-z0-9-]+:[A-Za-z0-9]+)")
_WHY = re.compile(
    r"(?:with an explicit deny in (?:an?|the) (?P<denies>[A-Za-z -]{4,40})"
    r"|because no (?P<lacks>[A-Za-z -]{4,40}) allows the [a-z0-9-]+:[A-Za-z0-9]+ action)"
    r"(?:: arn:\S+)?\.?(?: Encoded authorization failure message: \S+)?\s*"
)
"""How a message ends. Before that stand names that an attacker may have chosen.

The ARN: https://aws.amazon.com/blogs/security/enhanced-access-denied-error-messages-with-policy-arns. EC2 adds the rest:
https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html.
"""
IDENTITY = "identity-based policy"
_OF_THE_ACCOUNT = frozenset({IDENTITY, "permissions boundary", "service control policy", "resource control policy"})
"""Kinds of policy that are of the reader's role or the whole account, not of one resource."""
_FOR_ACCOUNT = "account-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """`action` is IAM's (`s3:GetBucketPolicy`), `policy` the kind that denied, or '' where AWS doesn't say.

    `missing`: nothing of that kind allows it; else one denies it. `said` is what a guardrail says that can't judge.
    """

    account: str
    region: str
    service: str
    action: str
    code: str
    policy: str = ""
    missing: bool = False
    said: str = ""

    @property
    def cause(self) -> str:
        """Equal for refusals that one change would end, as far as can be known; those have one message together."""
        where: tuple[object, ...] = (self.region, self.service, self.action, self.code)
        begin, which = (_FOR_ACCOUNT, ()) if self.policy in _OF_THE_ACCOUNT else ("", where)
        words = "\0".join(map(str, (self.account, self.policy, self.missing, *which)))
        return begin + hashlib.blake2b(words.encode(), digest_size=8).hexdigest()

    @property
    def is_ours(self) -> bool:
        """Whether a right is missing in Snapback's own policies: a fault of the stack, and nobody's attack."""
        return self.missing and self.policy == IDENTITY

    def why(self, function: str) -> str:
        if self.said:
            return self.said
        if self.is_ours:
            return (
                f"Snapback's own policies don't allow {self.action}, which function {function} needs: no {IDENTITY} allows it."
                " This is a fault in the stack; deploy the stack again"
            )
        if self.policy:
            how = f"no {self.policy} allows it" if self.missing else f"an explicit deny in a {self.policy}"
            return f"AWS denied Snapback {self.action}: {how}"
        return f"AWS denied Snapback {self.action} ({self.code}), and didn't say which kind of policy denied it"


def of_account(cause: str) -> bool:
    """Whether a cause is of the whole account, not of one resource."""
    return cause.startswith(_FOR_ACCOUNT)


def refusal_of(error: Exception, rule: Rule, resource: Resource) -> Refusal | None:
    """Why this can't be judged; None for errors that a later try may not meet, and for those of Snapback's own."""
    account, region = resource.account, resource.region
    if isinstance(error, CannotJudge):
        code, said = type(error).__name__, describe_error(error).partition(": ")[2]
        return Refusal(account=account, region=region, service=rule.service, action=rule.id, code=code, said=said)
    code = text(response_of(error), "Error", "Code") or ""
    if code not in DENIED:
        return None
    said = str(dig(response_of(error), "Error", "Message") or "")
    named = _ACTION.search(said)
    action = named[1] if named else f"{rule.service}:{getattr(error, 'operation_name', 'a call')}"
    policy, missing = policy_that_denied(said)
    return Refusal(
        account=account,
        region=region,
        service=action.partition(":")[0],
        action=action,
        code=code,
        policy=policy,
        missing=missing,
    )


def policy_that_denied(said: str) -> tuple[str, bool]:
    """The kind of policy, and whether it only doesn't allow; ('', False) where the message doesn't end with it."""
    begins = max(said.rfind("with an explicit deny in "), said.rfind("because no "))
    found = _WHY.fullmatch(said, begins) if begins >= 0 else None
    if not found:
        return "", False
    return (found["denies"] or found["lacks"]).replace("permissions boundary policy", "permissions boundary"), bool(
        found["lacks"]
    )
