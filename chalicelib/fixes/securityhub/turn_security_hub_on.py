"""Security Hub CSPM, which is on or off in an account and region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.fixes.detection import Status, TurnDetectionOn
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from chalicelib.core.session import Session


class TurnSecurityHubOn(TurnDetectionOn):
    """Turn Security Hub on again, with AWS's default standards.

    https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_EnableSecurityHub.html
    """

    document = "securityhub:hub"
    name = "securityhub"
    title = "Security Hub"
    reads = ("securityhub:DescribeHub",)
    writes = (*reads, "securityhub:DisableSecurityHub", "securityhub:EnableSecurityHub")
    undo_writes = ("securityhub:DisableSecurityHub",)

    def status(self, aws: Session) -> Status:
        """What IAM denies is AccessDeniedException; this one says that the account isn't subscribed."""
        with absent("InvalidAccessException"):
            aws.client("securityhub").describe_hub()
            return "on"
        return "off"

    def turn(self, status: Status, now: Status, aws: Session) -> None:
        if status == "on":
            aws.client("securityhub").enable_security_hub(EnableDefaultStandards=True)
        else:
            aws.client("securityhub").disable_security_hub()
