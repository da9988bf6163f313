from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.secretsmanager.restore_secret import RestoreSecret
from chalicelib.resources.secretsmanager import Secret

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = RestoreSecret()


@guardrail(
    severity=Severity.MEDIUM,
    resource=Secret,
    on=cloudtrail("secretsmanager", "DeleteSecret"),
    reads=FIX.reads,
    fix=FIX,
)
def secret_to_be_deleted(secret: Secret, aws: Session) -> str | None:
    """Secret scheduled for deletion.

    Nobody can read the secret from now on, and after 7 to 30 days it is lost. The fix cancels the deletion; the value and
    its versions are as they were. Snapback always asks first: an undo can't put the old date back, because a new deletion
    waits all its days anew. A secret that was deleted without a recovery window is gone: Snapback can't restore it.

    Legitimate look-alikes: a secret that nothing needs any more. Nothing tells it apart: the person who is asked looks
    when it was last read.
    """
    when = FIX.read(secret, aws)["deleted_on"]
    return f"nobody can read it, and it is to be deleted after {when}" if when else None
