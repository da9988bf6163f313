"""An inline policy by which an IAM user can do nothing in the console before enrolling an MFA device."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalicelib.analysis.policy_document import parsed
from chalicelib.core.partitions import PARTITIONS, partition
from chalicelib.core.rule import Fix, FixContext
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.iam.identities import ConsoleUser

NAME = "SnapbackDenyUntilMfa"
_ENROL = (
    "iam:CreateVirtualMFADevice",
    "iam:EnableMFADevice",
    "iam:GetMFADevice",
    "iam:ListMFADevices",
    "iam:ListVirtualMFADevices",
    "iam:ResyncMFADevice",
    "iam:GetUser",
    "sts:GetSessionToken",
)


def _policy(part: str) -> dict[str, Any]:
    """`Bool`, not `BoolIfExists`: requests signed with a long-term key know of no MFA, and programs shall go on.

    What is needed to enrol, and that it must be allowed too, is AWS's word:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_iam_mfa-selfmanage.html
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-multifactorauthpresent
    """
    itself = [f"arn:{part}:iam::*:user/${{aws:username}}", f"arn:{part}:iam::*:user/*/${{aws:username}}"]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "DenyAllButEnrolling",
                "Effect": "Deny",
                "NotAction": list(_ENROL),
                "Resource": "*",
                "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}},
            },
            {
                "Sid": "Enrol",
                "Effect": "Allow",
                "Action": [each for each in _ENROL if "MFADevice" in each and "Virtual" not in each],
                "Resource": itself,
            },
            {
                "Sid": "MakeDevice",
                "Effect": "Allow",
                "Action": "iam:CreateVirtualMFADevice",
                "Resource": f"arn:{part}:iam::*:mfa/*",
            },
            {"Sid": "SeeDevices", "Effect": "Allow", "Action": "iam:ListVirtualMFADevices", "Resource": "*"},
        ],
    }


def ours(text: str) -> bool:
    """Whether an inline policy is this very one, which allows nothing but enrolling; by its text, as anybody picks a name."""
    return parsed(text) in [_policy(each.name) for each in PARTITIONS]


class DenyUntilMfa(Fix["ConsoleUser"]):
    """In sessions without MFA, deny the user everything except enrolling an MFA device.

    The state is that one policy: `{"partition": "aws", "policy": its document, or None}`.
    """

    document = "iam:identity"
    reads = ("iam:GetUserPolicy",)
    writes = ("iam:PutUserPolicy", "iam:DeleteUserPolicy")
    undo_writes = ("iam:DeleteUserPolicy",)

    @staticmethod
    def denies(state: State) -> bool:
        return bool(state["policy"] == _policy(state["partition"]))

    def read(self, resource: ConsoleUser, aws: Session) -> State:
        document: Any = None
        with absent("NoSuchEntity"):
            document = aws.client("iam").get_user_policy(**resource.name, PolicyName=NAME)["PolicyDocument"]
        return {"partition": partition(resource.region), "policy": document}

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, "policy": _policy(state["partition"])}

    def write(self, resource: ConsoleUser, state: State, aws: Session) -> None:
        iam = aws.client("iam")
        if state["policy"] is None:
            with absent("NoSuchEntity"):
                iam.delete_user_policy(**resource.name, PolicyName=NAME)
        else:
            document = json.dumps(state["policy"], separators=(",", ":"))
            iam.put_user_policy(**resource.name, PolicyName=NAME, PolicyDocument=document)
