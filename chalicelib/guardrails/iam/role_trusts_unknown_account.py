from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.policy_access import Outsider, format_left_over
from chalicelib.analysis.policy_document import judged
from chalicelib.core.pattern import any_of, cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.iam.distrust_unknown_principals import DistrustUnknownPrincipals
from chalicelib.resources.iam.identities import OPEN_ROLE, Role, kept_by_aws
from chalicelib.resources.look_ups import reads_of

if TYPE_CHECKING:
    from chalicelib.analysis.policy_access import Grant
    from chalicelib.core.session import Session

FIX = DistrustUnknownPrincipals()


@guardrail(
    severity=Severity.CRITICAL,
    resource=Role,
    on=any_of(cloudtrail("iam", "CreateRole", "UpdateAssumeRolePolicy"), OPEN_ROLE),
    reads=(*FIX.reads, *reads_of(*FIX.look_ups)),
    fix=FIX,
)
def role_trusts_unknown_account(role: Role, aws: Session) -> str | None:
    """IAM role that an unknown account can assume.

    Its trust policy allows everybody, or an unknown account or organization. Anyone who assumes the role has all its
    permissions. A vendor's account needs an external id (`sts:ExternalId`, without wildcards). Without one, another
    customer of the vendor could have it act on your account. The fix removes only these principals from the trust
    policy. If nobody is left, one statement that denies everybody replaces them, because AWS accepts no empty policy.
    Sessions that have begun last until they expire. Snapback asks first if a session of this role made the change, and
    nobody could assume the role afterwards.

    Name partners under `allow.accounts`, `allow.organizations` or `allow.principals`, and vendors that must send an
    external id under `allow.vendors`. Identity providers belong to `iam.role_trusts_any_web_identity`. Service-linked
    roles and those of IAM Identity Center (AWSReservedSSO_…) are exempt: AWS lets nobody change them.

    Legitimate look-alikes: StackSets (`stacksets-exec-…`), Control Tower (`AWSControlTowerExecution`) and Organizations
    (`OrganizationAccountAccessRole`) create roles that the management account may assume. Snapback asks AWS about the
    account's organization and its management account. Where AWS refuses the look-up, Snapback asks before it fixes.
    """
    described = role.described(aws)
    if kept_by_aws(described):
        return None
    document = described["AssumeRolePolicyDocument"]
    found = judged(FIX.unknown(document, role.account, aws), document)
    names = ", ".join(dict.fromkeys(map(_format_grant, found)))
    return f"its trust policy gives access to {names}{format_left_over(found)}" if found else None


def _format_grant(grant: Grant) -> str:
    if grant.who is Outsider.ORGANIZATION:
        return "an unknown organization"
    name = "everybody" if grant.principal == "*" else grant.principal
    return f"{name} (a vendor, without an external id)" if grant.who is Outsider.VENDOR else name
