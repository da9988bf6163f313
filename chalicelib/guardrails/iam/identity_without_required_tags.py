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
    """IAM user or role without the tags that the settings ask for.

    Nobody knows whose it is and whom to ask when something is wrong with it. `required_tags` in the settings names the
    tags, for `AWS::IAM::User` and `AWS::IAM::Role`. It is only reported: policies let identities in by their tags
    (`aws:PrincipalTag`), so a tag set from what a caller chose, such as a session's name, could give rights that they
    were not to have. Pipelines that tag after making have ten minutes. Service-linked roles and those of IAM Identity
    Center are exempt.

    Legitimate look-alikes: roles that AWS makes for its services. Service-linked roles and those of IAM Identity
    Center are told apart by their path; for tools that tag later there are ten minutes of grace.
    """
    kind = f"AWS::IAM::{identity.what.title()}"
    if not aws.baseline.tags_of(kind) or kept_by_aws(identity.described(aws)):
        return None
    return lacking(identity, aws, kind)
