from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.event import text
from chalicelib.core.partitions import partition
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import tripwire
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event

_CALLS = {
    "CreateServiceSpecificCredential": "made a service-specific credential",
    "ResetServiceSpecificCredential": "reset a service-specific credential",
    "UpdateServiceSpecificCredential": "enabled a service-specific credential",
    "UploadSigningCertificate": "uploaded a signing certificate",
    "UpdateSigningCertificate": "enabled a signing certificate",
    "UploadSSHPublicKey": "uploaded an SSH key",
    "UpdateSSHPublicKey": "enabled an SSH key",
}


@tripwire(severity=Severity.MEDIUM, on=cloudtrail("iam", *_CALLS))
def lasting_credential_made(event: Event, baseline: Baseline) -> str | None:
    """Long-term credential created for an IAM user.

    It is a service-specific credential (a Bedrock or CloudWatch API key, a password for CodeCommit or Keyspaces), a
    signing certificate or an SSH key. It works until somebody deletes it, and needs no MFA. Searches for access keys
    miss it. Delete or disable it if nobody intended this. Name users that may have such credentials, and principals
    that may create them, under `allow.principals`.

    Legitimate look-alikes: users of CodeCommit, Keyspaces or Bedrock with no other way to sign in. `allow.principals`
    tells them apart, and principals that may create their credentials.
    """
    status = event.text("status")
    if event.name.startswith("Update") and status != "Active":
        return None
    owner = event.text("userName") or text(event.detail, "userIdentity", "userName") or "?"
    arn = f"arn:{partition(event.region)}:iam::{event.account}:user/{owner}"
    if any(map(baseline.principal, (*event.actor_arns, arn))):
        return None
    service = event.text("serviceName")
    return f"{event.actor.name} {_CALLS[event.name]}{f' for {service}' if service else ''} of user {owner}"
