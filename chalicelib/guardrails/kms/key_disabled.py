from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.kms.enable_key import EnableKey
from chalicelib.resources.kms import Key

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = EnableKey()


@guardrail(
    severity=Severity.MEDIUM,
    resource=Key,
    on=cloudtrail("kms", "DisableKey"),
    reads=FIX.reads,
    fix=FIX,
    opt_in=True,
)
def key_disabled(key: Key, aws: Session) -> str | None:
    """KMS key disabled.

    Nothing that the key encrypts can be read: databases, volumes and secrets fail as soon as their services need the key
    again. Ransomware does this. The fix enables the key. Only keys that customers manage can be disabled.

    Legitimate look-alikes: a key on its way out, which AWS advises to disable before its deletion. Nothing tells it apart,
    so this guardrail only reports until the settings name it. Exempt keys that stay disabled.
    """
    return None if FIX.read(key, aws)["enabled"] else "nothing that it encrypts can be read: it is disabled"
