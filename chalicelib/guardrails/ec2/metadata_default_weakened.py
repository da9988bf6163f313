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
    """IMDSv2 not required by default for new instances.

    Without the region's default, the image decides whether the metadata service answers calls without a token (IMDSv1).
    A server that fetches any URL then leaks the credentials of the instance's role. The fix makes the token the
    default. A launch can still override it; `ec2.instance_metadata_without_token` covers those instances. If an
    organization's declarative policy sets the default, the account can't change it, and Snapback only reports it.

    Legitimate look-alikes: accounts with programs that support IMDSv1 only: exempt them. EC2 itself shows whether an
    organization's declarative policy manages the default.
    """
    found = FIX.read(account, aws)
    if found["tokens"] == "required":
        return None
    by_policy = ", by a declarative policy of the organization" if found["managed_by"] == BY_POLICY else ""
    said = {"optional": "a token is optional", "no-preference": "no token requirement is set"}[found["tokens"]]
    return f"{said} by default in {account.region}{by_policy}"
