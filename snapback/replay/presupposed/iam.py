"""Users, roles and policies that harm nobody, and the organization."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

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
        return (
            f"AWS's policy {arn.rsplit('/', 1)[-1]}"
            if call.aws.managed_policy(arn, call.account, call.partition)
            else ""
        )
    _, _, path = arn.partition(":policy")
    prefix, _, name = path.rpartition("/")
    call.client("iam").create_policy(PolicyName=name, Path=f"{prefix}/", PolicyDocument=json.dumps(_HARMLESS))
    return f"policy {name}, harmless"


def _instance_profile(call: Call, name: str) -> str:
    name = name.rsplit("/", 1)[-1]
    call.client("iam").create_instance_profile(InstanceProfileName=name)
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


def _organization(call: Call, id: str) -> str:
    organizations = call.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    call.aliases.put(id, organizations.list_roots()["Roots"][0]["Id"])
    return "organization"


BY_NAME: dict[tuple[str, str], MakeNamed] = {
    ("ec2", "IamInstanceProfile.Arn"): _instance_profile,
    ("ec2", "IamInstanceProfile.Name"): _instance_profile,
    ("iam", "AccessKeyId"): _access_key,
    ("iam", "GroupName"): _group,
    ("iam", "InstanceProfileName"): _instance_profile,
    ("iam", "PolicyArn"): _policy,
    ("iam", "RoleName"): role,
    ("iam", "UserName"): _login,
    ("organizations", "ParentId"): _organization,
}
