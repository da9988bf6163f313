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
    """Lasting credential of an IAM user that is no access key.

    A service-specific credential (a Bedrock or CloudWatch API key, a password for CodeCommit or Keyspaces), a signing
    certificate or an SSH key works until somebody deletes it, and asks for no MFA; those who hunt for access keys
    overlook it. Delete it, or disable it, if nobody meant this. Users that may hold keys, and whoever may make them, are
    named under `allow.principals`.

    Legitimate look-alikes: users of CodeCommit, Keyspaces or Bedrock who have no other way to sign in. They, and
    whoever may make the credential for them, are told apart by `allow.principals`.
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
