from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.kms.enable_key import PENDING, KeepKey
from chalicelib.resources.kms import Key

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = KeepKey()


@guardrail(
    severity=Severity.HIGH,
    resource=Key,
    on=cloudtrail("kms", "ScheduleKeyDeletion"),
    reads=FIX.reads,
    fix=FIX,
    controls=("KMS.3",),
)
def key_to_be_deleted(key: Key, aws: Session) -> str | None:
    """KMS key scheduled for deletion.

    Nothing that the key encrypts can be read from now on, and after 7 to 30 days never again. The fix cancels the deletion
    and enables the key. Snapback always asks first: an undo can't put the old date back, because a new deletion waits
    all its days anew. A key with imported material also waits; material that was deleted must be imported again.

    Legitimate look-alikes: a key that nothing needs any more. Nothing tells it apart: the person who is asked looks at
    the key's last use. Deleting a stack also schedules its keys.
    """
    state = key.described(aws)
    if state["KeyState"] not in PENDING:
        return None
    when = state.get("DeletionDate")
    return f"it is to be deleted on {when:%Y-%m-%d}" if when else "it is to be deleted after its replicas"
