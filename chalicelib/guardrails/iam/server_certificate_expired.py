from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import SCHEDULED
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.resources.iam.server_certificates import ServerCertificate

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.MEDIUM,
    resource=ServerCertificate,
    on=SCHEDULED,
    reads=("iam:ListServerCertificates",),
    controls=("IAM.26", "CIS-5.0 1.18"),
)
def server_certificate_expired(certificate: ServerCertificate, aws: Session) -> str | None:
    """Expired TLS certificate in IAM.

    Somebody may put it on a load balancer by accident, and everyone who connects then gets a warning. Snapback only
    reports it. A deleted certificate can't be restored, because IAM never returns its private key. A certificate in use
    must be replaced there first. Snapback evaluates all certificates once a day.

    Legitimate look-alikes: none. Clients refuse an expired certificate, so nothing legitimate uses it.
    """
    for each in ServerCertificate.listed(aws):
        if each["ServerCertificateName"] == certificate.id:
            over = each["Expiration"]
            return f"it expired on {over:%Y-%m-%d}" if over < aws.now else None
    return None
