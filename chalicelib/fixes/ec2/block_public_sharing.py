"""The settings of an account and region that keep machine images and EBS snapshots from being shared with everyone."""

from __future__ import annotations

from abc import abstractmethod
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.core.rule import Fix, FixContext

if TYPE_CHECKING:
    from chalicelib.core.resource import Account
    from chalicelib.core.session import Session
    from chalicelib.core.types import State

OPEN = "unblocked"
BY_POLICY = "declarative-policy"
"""Who manages the setting, when it is an organization's declarative policy: the account itself can't change it then."""


class _BlockPublicSharing(Fix["Account"]):
    """The state is `{"block": as AWS calls it, "managed_by": "account" or BY_POLICY}`."""

    blocked: str

    def safe(self, state: State, context: FixContext) -> State:
        if state["block"] != OPEN or state["managed_by"] == BY_POLICY:
            return state
        return {**state, "block": self.blocked}

    def write(self, resource: Account, state: State, aws: Session) -> None:
        if state["block"] == OPEN:
            self._unblock(aws)
        else:
            self._block(state["block"], aws)

    @abstractmethod
    def _block(self, how: Any, aws: Session) -> None: ...

    @abstractmethod
    def _unblock(self, aws: Session) -> None: ...


class BlockPublicImages(_BlockPublicSharing):
    """Block new public sharing of the account's machine images.

    It can take up to 10 minutes, either way, and GetImageBlockPublicAccessState tells the old state meanwhile.
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/block-public-access-to-amis.html
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableImageBlockPublicAccess.html
    """

    settles_within = timedelta(minutes=10)

    document = "ec2:image-public-access"
    reads = ("ec2:GetImageBlockPublicAccessState",)
    writes = ("ec2:EnableImageBlockPublicAccess", "ec2:DisableImageBlockPublicAccess")
    undo_writes = ("ec2:DisableImageBlockPublicAccess",)
    blocked = "block-new-sharing"

    def read(self, resource: Account, aws: Session) -> State:
        found = aws.client("ec2").get_image_block_public_access_state()
        return {"block": found["ImageBlockPublicAccessState"], "managed_by": found.get("ManagedBy", "account")}

    def _block(self, how: Any, aws: Session) -> None:
        aws.client("ec2").enable_image_block_public_access(ImageBlockPublicAccessState=how)

    def _unblock(self, aws: Session) -> None:
        aws.client("ec2").disable_image_block_public_access()


class BlockPublicSnapshots(_BlockPublicSharing):
    """Block all public sharing of the account's EBS snapshots, existing shares included.

    https://docs.aws.amazon.com/ebs/latest/userguide/block-public-access-snapshots.html
    """

    document = "ec2:snapshot-public-access"
    reads = ("ec2:GetSnapshotBlockPublicAccessState",)
    writes = ("ec2:EnableSnapshotBlockPublicAccess", "ec2:DisableSnapshotBlockPublicAccess")
    undo_writes = ("ec2:DisableSnapshotBlockPublicAccess",)
    blocked = "block-all-sharing"

    def read(self, resource: Account, aws: Session) -> State:
        found = aws.client("ec2").get_snapshot_block_public_access_state()
        return {"block": found["State"], "managed_by": found.get("ManagedBy", "account")}

    def _block(self, how: Any, aws: Session) -> None:
        aws.client("ec2").enable_snapshot_block_public_access(State=how)

    def _unblock(self, aws: Session) -> None:
        aws.client("ec2").disable_snapshot_block_public_access()
