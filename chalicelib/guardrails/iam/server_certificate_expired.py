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

    Somebody may put it on a load balancer by accident, and nobody can then connect without a warning. It is reported,
    never fixed: a deleted certificate can't be put back, since IAM gives its private key to nobody, and one that is in
    use must be replaced there first. Asked once a day, of all certificates.

    Legitimate look-alikes: none. Whatever it was for, an expired certificate serves nobody.
    """
    for each in ServerCertificate.listed(aws):
        if each["ServerCertificateName"] == certificate.id:
            over = each["Expiration"]
            return f"it expired on {over:%Y-%m-%d}" if over < aws.now else None
    return None
