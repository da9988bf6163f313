"""What the selftest doesn't prove, and why: no harmless example is known."""

from __future__ import annotations

from collections import defaultdict
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_REASONS = {
    "an example would weaken Snapback itself": """
        *.own_*
    """,
    "an example would be reachable from outside": """
        awslambda.function_policy_* awslambda.url_without_auth awslambda.layer_shared
        codebuild.project_made_public ec2.image_shared ec2.snapshot_shared ec2.address_put_on_instance
        ec2.instance_with_public_address ec2.vpc_peered_with_unknown_account *_policy_made_public
        ecs.service_with_public_addresses s3.bucket_acl_made_public s3.bucket_policy_* s3.exposure_found
        dynamodb.table_policy_trusts_unknown_account
    """,
    "somebody could assume or use an example": """
        iam.access_key_* iam.login_profile_without_mfa iam.console_password_unused iam.mfa_removed
        iam.role_trusts_* iam.administrator_role_trusts_user iam.user_quarantined_by_aws
        iam.*_made_administrator rolesanywhere.* sso.* iam.identity_provider_changed
        iam.lasting_credential_made iam.delegation_accepted iam.administrators_group_joined
        ram.resource_shared_with_unknown_account
    """,
    "the setting holds for the whole account, region or organization": """
        *.account_* ec2.*_default_* ec2.ebs_default_encryption_off ec2.*_public_access_block_off
        ec2.metadata_default_weakened iam.password_policy_weakened iam.root_*
        organizations.* signin.* sts.* cloudtrail.* guardduty.detect* config.* securityhub.*
    """,
    "only AWS or another person can cause it": """
        guardduty.* ec2.instance_compromised ec2.instance_exploitable_from_internet iam.sessions_stolen
        iam.exposed_key_not_named awslambda.function_exploitable ecr.image_with_critical_findings
        *_by_stranger iam.server_certificate_expired awslambda.runtime_deprecated
    """,
    "it depends on what your settings require": """
        *_without_required_tags *.boundary_removed s3.bucket_encryption_weakened s3.bucket_lifecycle_too_short
        s3.bucket_logging_off s3.bucket_versioning_suspended ec2.vpc_without_flow_logs ecr.release_*
        ecs.task_image_not_allowed awslambda.image_not_allowed ec2.instance_from_unknown_image
        awslambda.layer_of_unknown_account
    """,
    "an example would cost more than a few cents, or need a running instance, cluster or role": """
        ec2.* eks.* ecs.service_* codebuild.* awslambda.*
    """,
    "Snapback recognizes a secret by its text, and made-up secrets alarm other scanners": """
        *_holds_secret
    """,
}
"""By globs of ids; the first that fits counts."""
OTHERWISE = "no harmless example is written yet"


def unproved(guardrails: Iterable[str]) -> dict[str, list[str]]:
    """These guardrails by the reason."""
    found = defaultdict(list)
    for each in guardrails:
        found[_why(each)].append(each)
    return dict(found)


def _why(guardrail: str) -> str:
    for reason, globs in _REASONS.items():
        if any(fnmatchcase(guardrail, glob) for glob in globs.split()):
            return reason
    return OTHERWISE
