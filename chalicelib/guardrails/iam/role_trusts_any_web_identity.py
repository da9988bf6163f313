from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.policy_document import judged
from chalicelib.core.pattern import any_of, cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.iam.distrust_web_identities import DistrustWebIdentities
from chalicelib.resources.iam.identities import OPEN_ROLE, Role, kept_by_aws

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = DistrustWebIdentities()


@guardrail(
    severity=Severity.CRITICAL,
    resource=Role,
    on=any_of(cloudtrail("iam", "CreateRole", "UpdateAssumeRolePolicy"), OPEN_ROLE),
    reads=FIX.reads,
    fix=FIX,
)
def role_trusts_any_web_identity(role: Role, aws: Session) -> str | None:
    """IAM role that any user of an identity provider can assume.

    Its trust policy allows web identities (GitHub, GitLab, Terraform Cloud, Google, Cognito …) without a condition that
    limits whose. The subject is missing, too broad (`repo:*`), or one that others can have too (`ref:refs/heads/main`);
    or there is only an audience that every customer of the provider can choose. The fix removes the provider from the
    statement and leaves the rest. If nobody is left, one statement that denies everybody replaces it. Snapback asks
    first if a session of this role made the change, as a pipeline that changes its own role does, and nobody could
    assume the role afterwards.

    For providers that AWS knows to be shared, it no longer accepts a policy without such a condition. Older policies
    stay valid until they are changed. AWS then refuses an undo, and every other change to the role's trust policy.

    A safe condition limits the subject to its owner (`repo:acme/*`). For a provider of your own
    (`oidc.eks.eu-west-1.amazonaws.com/id/…`), it limits the subject or the audience. Name a provider whose users may
    all assume roles under `allow.principals`, by its ARN.

    Legitimate look-alikes: roles for GitHub Actions with `repo:acme/*`, for EKS's service accounts with a subject, and
    for Cognito's identity pools with an audience. A condition that limits the identities tells them apart. Name
    providers whose users may all assume roles under `allow.principals`.
    """
    described = role.described(aws)
    if kept_by_aws(described):
        return None
    document = described["AssumeRolePolicyDocument"]
    found = judged(FIX.found(document, aws.baseline, role.account), document)
    names = dict.fromkeys(each.principal.rpartition(":oidc-provider/")[2] for each in found)
    return f"any user of {', '.join(names)} can assume it" if found else None
