"""Secrets that are to be deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.fixes.setting import Setting
from chalicelib.resources.secretsmanager import Secret

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State


class RestoreSecret(Setting[Secret]):
    """Cancel the secret's deletion. A new one would wait all its days anew, so an undo can't put the date back."""

    document = "secretsmanager:deletion"
    reads = ("secretsmanager:DescribeSecret",)
    writes = ("secretsmanager:RestoreSecret",)
    reversible = False
    wanted = {"deleted_on": None}

    def read(self, resource: Secret, aws: Session) -> State:
        found = aws.client("secretsmanager").describe_secret(SecretId=resource.arn).get("DeletedDate")
        return {"deleted_on": f"{found:%Y-%m-%d}" if found else None}

    def write(self, resource: Secret, state: State, aws: Session) -> None:
        aws.client("secretsmanager").restore_secret(SecretId=resource.arn)
