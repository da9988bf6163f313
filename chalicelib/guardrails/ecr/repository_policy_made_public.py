from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import analyzed, any_of, cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ecr.close_repository_policy import CloseRepositoryPolicy
from chalicelib.resources.ecr.repositories import Repository

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = CloseRepositoryPolicy()


@guardrail(
    severity=Severity.HIGH,
    resource=Repository,
    on=any_of(
        cloudtrail("ecr", "SetRepositoryPolicy", "CreateRepository"),
        analyzed("AWS::ECR::Repository"),
    ),
    reads=FIX.why_reads,
    fix=FIX,
)
def repository_policy_made_public(repository: Repository, aws: Session) -> str | None:
    """ECR repository policy open to everyone or an unknown account.

    Its statements let outsiders pull images, and read the code and secrets in them, or push their own. The fix removes
    those principals, each statement that has no other principal, and the policy if no statement is left. The rest of
    its text stays. Snapback also evaluates new repositories, because a template may have set a policy. Exempt
    repositories that are shared on purpose, or add the account to `allow.accounts`.

    Legitimate look-alikes: policies for Lambda's service principal and for the organization's accounts. Named services
    and the settings' accounts and organizations are fine. Snapback asks AWS about the account's own organization and
    its management account. Where AWS refuses the look-up, Snapback asks before it fixes.
    """
    return FIX.why(repository, aws)
