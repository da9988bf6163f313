"""Users, roles and policies that harm nobody, and the organization."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from snapback.replay import direct

if TYPE_CHECKING:
    from snapback.replay.presupposed.call import Call, MakeNamed

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
_HARMLESS = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}],
}


def _user(call: Call, name: str) -> str:
    call.client("iam").create_user(UserName=name)
    return f"user {name}"


def role(call: Call, name: str) -> str:
    name = name.rsplit("/", 1)[-1]
    call.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    return f"role {name}, trusting EC2 only"


def _group(call: Call, name: str) -> str:
    call.client("iam").create_group(GroupName=name)
    return f"group {name}"


def _policy(call: Call, arn: str) -> str:
    if ":aws:policy/" in arn:
        name = arn.rsplit("/", 1)[-1]
        if call.aws.managed_policy(arn, call.account, call.partition):
            return f"AWS's policy {name}"
        if not call.aws.managed_policy(arn, call.account, call.partition, _HARMLESS):
            return ""
        call.blind.add("iam.*")
        return f"AWS's policy {name}, whose content Snapback doesn't know"
    _, _, path = arn.partition(":policy")
    prefix, _, name = path.rpartition("/")
    call.client("iam").create_policy(PolicyName=name, Path=f"{prefix}/", PolicyDocument=json.dumps(_HARMLESS))
    return f"policy {name}, harmless"


def instance_profile(call: Call, name: str) -> str:
    name, iam = name.rsplit("/", 1)[-1], call.client("iam")
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_instance_profile(InstanceProfileName=name)
    return f"instance profile {name}"


def _access_key(call: Call, key: str) -> str:
    iam, user = call.client("iam"), call.parameters.get("UserName")
    if not user:
        return ""
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_user(UserName=user)
    call.aliases.put(key, iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"])
    return f"access key {key}"


def _login(call: Call, name: str) -> str:
    """A user, and the password that an update or a deletion is about."""
    iam, made = call.client("iam"), ""
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        made = _user(call, name)
    if call.operation in {"UpdateLoginProfile", "DeleteLoginProfile", "ChangePassword"}:
        iam.create_login_profile(UserName=name, Password="Made-up-0!")  # noqa: S106  # nosec B106
        made = f"user {name} with a password"
    return made


def _saml_provider(call: Call, arn: str) -> str:
    name = arn.rsplit("/", 1)[-1]
    call.client("iam").create_saml_provider(Name=name, SAMLMetadataDocument="x" * 1000)
    return f"SAML provider {name}"


def _policy_version(call: Call, version: str) -> str:
    """Harmless versions up to this one: AWS numbers them."""
    iam, arn = call.client("iam"), call.parameters["PolicyArn"]
    with suppress(iam.exceptions.NoSuchEntityException):
        kept = {each["VersionId"] for each in iam.list_policy_versions(PolicyArn=arn)["Versions"]}
        if version in kept:
            return ""
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        _policy(call, arn)
    return direct.policy_version(call, arn, version, _HARMLESS)


def _organization(call: Call, id: str) -> str:
    organizations = call.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    call.aliases.put(id, organizations.list_roots()["Roots"][0]["Id"])
    return "organization"


BY_NAME: dict[tuple[str, str], MakeNamed] = {
    ("ec2", "IamInstanceProfile.Arn"): instance_profile,
    ("ec2", "IamInstanceProfile.Name"): instance_profile,
    ("iam", "AccessKeyId"): _access_key,
    ("iam", "GroupName"): _group,
    ("iam", "InstanceProfileName"): instance_profile,
    ("iam", "PolicyArn"): _policy,
    ("iam", "RoleName"): role,
    ("iam", "SAMLProviderArn"): _saml_provider,
    ("iam", "UserName"): _login,
    ("iam", "VersionId"): _policy_version,
    ("organizations", "ParentId"): _organization,
}
