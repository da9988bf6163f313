from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.core.pattern import SCHEDULED, any_of, cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.tags import lacking
from chalicelib.resources.iam.identities import Bounded, kept_by_aws

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.LOW,
    resource=Bounded,
    on=any_of(cloudtrail("iam", "CreateRole", "CreateUser", "TagRole", "TagUser", "UntagRole", "UntagUser"), SCHEDULED),
    reads=("iam:GetRole", "iam:GetUser"),
    grace=timedelta(minutes=10),
)
def identity_without_required_tags(identity: Bounded, aws: Session) -> str | None:
    """IAM user or role without required tags.

    Without tags, nobody knows who owns the identity and whom to ask. `required_tags` in the settings names the tags,
    for `AWS::IAM::User` and `AWS::IAM::Role`. Snapback only reports it. Policies grant access by an identity's tags
    (`aws:PrincipalTag`), so a tag from text that a caller chose, such as a session name, could grant unintended rights.
    Pipelines that tag after creation have ten minutes. Service-linked roles and those of IAM Identity Center are
    exempt.

    Legitimate look-alikes: roles that AWS creates for its services. Their path tells service-linked roles and those of
    IAM Identity Center apart. Ten minutes of grace cover tools that tag later.
    """
    kind = f"AWS::IAM::{identity.what.title()}"
    if not aws.baseline.tags_of(kind) or kept_by_aws(identity.described(aws)):
        return None
    return lacking(identity, aws, kind)
