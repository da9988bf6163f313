"""Whether KMS rotates a key's material."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.fixes.setting import Setting
from chalicelib.resources.kms import Key

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State


class RotateKey(Setting[Key]):
    """Turn automatic rotation on again.

    KMS rotates the key every 365 days then, whatever period it had before.
    https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKeyRotation.html
    """

    document = "kms:rotation"
    reads = ("kms:GetKeyRotationStatus",)
    writes = ("kms:EnableKeyRotation", "kms:DisableKeyRotation")
    undo_writes = ("kms:DisableKeyRotation",)
    wanted = {"rotates": True}

    def read(self, resource: Key, aws: Session) -> State:
        found = aws.client("kms").get_key_rotation_status(KeyId=resource.id)
        return {"rotates": found["KeyRotationEnabled"]}

    def write(self, resource: Key, state: State, aws: Session) -> None:
        kms = aws.client("kms")
        if state["rotates"]:
            kms.enable_key_rotation(KeyId=resource.id)
        else:
            kms.disable_key_rotation(KeyId=resource.id)
