from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.policy_access import Outsider, format_left_over
from chalicelib.analysis.policy_document import judged
from chalicelib.core.pattern import any_of, cloudtrail, native
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ecr.close_repository_policy import CloseRepositoryPolicy
from chalicelib.resources.ecr.repositories import Repository
from chalicelib.resources.look_ups import reads_of

if TYPE_CHECKING:
    from chalicelib.analysis.policy_access import Grant
    from chalicelib.core.session import Session

FIX = CloseRepositoryPolicy()


@guardrail(
    severity=Severity.HIGH,
    resource=Repository,
    on=any_of(
        cloudtrail("ecr", "SetRepositoryPolicy", "CreateRepository"),
        native(
            "aws.access-analyzer",
            "Access Analyzer Finding",
            status=["ACTIVE"],
            isDeleted=[False],
            resourceType=["AWS::ECR::Repository"],
        ),
    ),
    reads=(*FIX.reads, *reads_of(*FIX.look_ups)),
    fix=FIX,
)
def repository_policy_made_public(repository: Repository, aws: Session) -> str | None:
    """ECR repository policy open to everyone or to an unknown account.

    Whoever it lets in can pull the images, and read the code and secrets in them, or push their own, as its actions
    say. The fix takes those principals out, statements that have no other with them, and the policy if nothing is left;
    the rest of its text stays. A new repository is looked at too, since a template may have given it a policy. Exempt
    repositories that are shared on purpose, or put the account in `allow.accounts`.

    Legitimate look-alikes: policies for Lambda's service principal and for the organization's accounts. Named
    services and the settings' accounts and organizations are fine; AWS is asked about the account's own
    organization and its management account. Where it refuses the question, the finding asks before it fixes.
    """
    state = FIX.read(repository, aws)
    found = judged(FIX.unknown(state, aws), state["policy"])
    names = sorted({_format_grant(each) for each in found})
    return f"its policy lets in {', '.join(names)}{format_left_over(found)}" if names else None


def _format_grant(grant: Grant) -> str:
    """A principal `*` is everyone only where no condition says who."""
    if grant.principal != "*" or grant.who is Outsider.ANYONE:
        return "everyone" if grant.principal == "*" else grant.principal
    return "an unknown organization" if grant.who is Outsider.ORGANIZATION else "an unknown account or network"
