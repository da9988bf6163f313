"""Whether an instance's metadata service answers calls without a session token (IMDSv1).

Anybody who gets a server on it to fetch an address of their choice reads the keys of the instance's role with one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.rule import Fix, FixContext

if TYPE_CHECKING:
    from chalicelib.core.resource import Account
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.ec2.instances import Instance

BY_POLICY = "declarative-policy"
"""Who manages the default, when it is an organization's declarative policy: the account itself can't change it then."""


class RequireMetadataToken(Fix["Instance"]):
    """Require a token for the metadata service (IMDSv2).

    The other options stay as they are; no restart is needed.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceMetadataOptions.html
    """

    document = "ec2:metadata-options"
    reads = ("ec2:DescribeInstances",)
    writes = ("ec2:ModifyInstanceMetadataOptions",)

    def read(self, resource: Instance, aws: Session) -> State:
        found = resource.described(aws)
        return {"tokens": found.get("MetadataOptions", {}).get("HttpTokens", "required") if found else "required"}

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, "tokens": "required"}

    def write(self, resource: Instance, state: State, aws: Session) -> None:
        aws.client("ec2").modify_instance_metadata_options(InstanceId=resource.id, HttpTokens=state["tokens"])


class RequireMetadataTokenByDefault(Fix["Account"]):
    """Require a token (IMDSv2) for new instances by default.

    The state is `{"tokens": "required", "optional" or "no-preference", "managed_by": "account" or BY_POLICY}`.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceMetadataDefaults.html
    """

    document = "ec2:metadata-defaults"
    reads = ("ec2:GetInstanceMetadataDefaults",)
    writes = ("ec2:ModifyInstanceMetadataDefaults",)

    def read(self, resource: Account, aws: Session) -> State:
        found: Any = aws.client("ec2").get_instance_metadata_defaults().get("AccountLevel") or {}
        return {
            "tokens": found.get("HttpTokens", "no-preference"),
            "managed_by": found.get("ManagedBy", "account"),
        }

    def safe(self, state: State, context: FixContext) -> State:
        return state if state["managed_by"] == BY_POLICY else {**state, "tokens": "required"}

    def write(self, resource: Account, state: State, aws: Session) -> None:
        aws.client("ec2").modify_instance_metadata_defaults(HttpTokens=state["tokens"])
