"""Console passwords of IAM users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.rule import Fix, FixContext
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.iam.identities import ConsoleUser


class DeleteLoginProfile(Fix["ConsoleUser"]):
    """Delete the user's console password. It can't be restored, only replaced."""

    document = "iam:identity"
    reads = ("iam:GetLoginProfile",)
    writes = ("iam:DeleteLoginProfile",)
    reversible = False

    def read(self, resource: ConsoleUser, aws: Session) -> State:
        return {"password": resource.password_since(aws)}

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, "password": None}  # nosec B105

    def write(self, resource: ConsoleUser, state: State, aws: Session) -> None:
        if state["password"] is None:
            with absent("NoSuchEntity"):
                aws.client("iam").delete_login_profile(**resource.name)
