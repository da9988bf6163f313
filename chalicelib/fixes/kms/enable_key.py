"""Whether a key can be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.fixes.setting import Setting
from chalicelib.resources.absent import absent
from chalicelib.resources.kms import Key

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State

PENDING = frozenset({"PendingDeletion", "PendingReplicaDeletion"})
"""Scheduled for deletion; the second is a primary key's that waits for its replicas."""
_IN_ANOTHER_STATE = "KMSInvalidStateException"


class EnableKey(Setting[Key]):
    """Enable the key again."""

    document = "kms:state"
    reads = ("kms:DescribeKey",)
    writes = ("kms:EnableKey", "kms:DisableKey")
    undo_writes = ("kms:DisableKey",)
    wanted = {"enabled": True}

    def read(self, resource: Key, aws: Session) -> State:
        return {"enabled": resource.described(aws)["KeyState"] != "Disabled"}

    def write(self, resource: Key, state: State, aws: Session) -> None:
        kms = aws.client("kms")
        if state["enabled"]:
            kms.enable_key(KeyId=resource.id)
        else:
            kms.disable_key(KeyId=resource.id)


class KeepKey(Setting[Key]):
    """Cancel the key's deletion, and enable the key.

    A key without its imported material is then waiting for that, and can't be enabled.

    KMS leaves a key disabled when its deletion is canceled. A new deletion would wait all its days anew, at least seven: so an
    undo can't put the date back.
    https://docs.aws.amazon.com/kms/latest/APIReference/API_CancelKeyDeletion.html
    """

    document = "kms:state"
    reads = ("kms:DescribeKey",)
    writes = ("kms:CancelKeyDeletion", "kms:EnableKey")
    reversible = False
    wanted = {"state": "Enabled"}

    def read(self, resource: Key, aws: Session) -> State:
        return {"state": resource.described(aws)["KeyState"]}

    def write(self, resource: Key, state: State, aws: Session) -> None:
        kms = aws.client("kms")
        with absent(_IN_ANOTHER_STATE):  # It was canceled before the write failed halfway.
            kms.cancel_key_deletion(KeyId=resource.id)
        with absent(_IN_ANOTHER_STATE):  # It waits for its material.
            kms.enable_key(KeyId=resource.id)
