"""Whether new EBS volumes of an account and region are encrypted though nobody asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.rule import Fix, FixContext

if TYPE_CHECKING:
    from chalicelib.core.resource import Account
    from chalicelib.core.session import Session
    from chalicelib.core.types import State


class EncryptEbsByDefault(Fix["Account"]):
    """Turn on EBS encryption by default again.

    https://docs.aws.amazon.com/ebs/latest/userguide/encryption-by-default.html
    """

    document = "ec2:ebs-default"
    reads = ("ec2:GetEbsEncryptionByDefault",)
    writes = ("ec2:EnableEbsEncryptionByDefault", "ec2:DisableEbsEncryptionByDefault")
    undo_writes = ("ec2:DisableEbsEncryptionByDefault",)

    def read(self, resource: Account, aws: Session) -> State:
        return {"encrypted_by_default": aws.client("ec2").get_ebs_encryption_by_default()["EbsEncryptionByDefault"]}

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, "encrypted_by_default": True}

    def write(self, resource: Account, state: State, aws: Session) -> None:
        ec2 = aws.client("ec2")
        if state["encrypted_by_default"]:
            ec2.enable_ebs_encryption_by_default()
        else:
            ec2.disable_ebs_encryption_by_default()
