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
    """IAM role that anyone with an account at an identity provider can assume.

    Its trust policy lets in web identities (of GitHub, GitLab, Terraform Cloud, Google, Cognito …) without a condition
    that names whose: no subject at all, one such as `repo:*`, one that others can have too (`ref:refs/heads/main`), or
    just the audience where every customer of the provider can choose it. The fix takes the provider out of the
    statement, and leaves the rest; if nobody is left, one statement that denies everybody stands for it. It asks first
    where a session of this very role made the change, as a pipeline that changes its own role does, and nobody could
    assume the role afterwards.

    For providers that it knows to be shared, AWS takes no policy without such a condition any more, and lets older ones
    be until they are changed: there it refuses an undo, and every other change of the role's trust policy too.

    To be safe, a condition has to fix the subject up to its owner (`repo:acme/*`), and for a provider of your own
    (`oidc.eks.eu-west-1.amazonaws.com/id/…`) the subject or the audience. Name a provider whose every user may come in
    under `allow.principals`, by its ARN.

    Legitimate look-alikes: roles for GitHub Actions with `repo:acme/*`, for EKS's service accounts with a subject,
    and for Cognito's identity pools with an audience. A condition that fixes whose identities may come tells them
    apart; name providers of which every user may come under `allow.principals`.
    """
    described = role.described(aws)
    if kept_by_aws(described):
        return None
    document = described["AssumeRolePolicyDocument"]
    found = judged(FIX.found(document, aws.baseline, role.account), document)
    names = dict.fromkeys(each.principal.rpartition(":oidc-provider/")[2] for each in found)
    return f"its trust policy lets in anyone whom {', '.join(names)} knows" if found else None
