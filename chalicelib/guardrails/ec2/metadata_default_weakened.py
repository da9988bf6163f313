from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.resource import Account
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ec2.require_metadata_token import BY_POLICY, RequireMetadataTokenByDefault

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = RequireMetadataTokenByDefault()


@guardrail(
    severity=Severity.MEDIUM,
    resource=Account,
    on=cloudtrail("ec2", "ModifyInstanceMetadataDefaults"),
    reads=FIX.reads,
    fix=FIX,
)
def metadata_default_weakened(account: Account, aws: Session) -> str | None:
    """New instances need no token for their metadata by default.

    Without the region's default, an image decides whether its metadata service answers calls without a token (IMDSv1),
    by which a server that fetches any address gives away the keys of the instance's role. The fix makes the token the
    default; who starts an instance can still say else, and `ec2.instance_metadata_without_token` is about those. Where
    an organization's declarative policy sets the default, the account can't change it, and it is only reported.

    Legitimate look-alikes: accounts with programs that know IMDSv1 only. An organization's declarative policy is
    told apart by EC2's own word for who manages the default; exempt the others.
    """
    found = FIX.read(account, aws)
    if found["tokens"] == "required":
        return None
    by_policy = ", by a declarative policy of the organization" if found["managed_by"] == BY_POLICY else ""
    said = {"optional": "a token is optional", "no-preference": "nothing is said about tokens"}[found["tokens"]]
    return f"{said} by default in {account.region}{by_policy}"
