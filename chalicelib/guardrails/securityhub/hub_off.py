from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.resource import Account
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.securityhub.turn_security_hub_on import TurnSecurityHubOn

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = TurnSecurityHubOn()


@guardrail(
    severity=Severity.HIGH,
    resource=Account,
    on=cloudtrail("securityhub", "DisableSecurityHub"),
    reads=FIX.reads,
    fix=FIX,
)
def hub_off(account: Account, aws: Session) -> str | None:
    """Security Hub off though the settings require it.

    Nobody sees the findings of GuardDuty, Inspector, Macie and Security Hub's own controls in one place any more, and
    automations that start from them stop. This guardrail finds something only if `require.detection` contains
    `securityhub`: nothing in AWS tells whether an account that has no hub ever wanted one.

    The fix enables Security Hub with AWS's default standards. Turning it off disabled all standards and removed the
    associations of administrator and members; AWS keeps findings, insights and settings for 90 days after that.
    Security Hub charges for each security check and each finding above a free amount; its controls need AWS Config. An
    undo turns Security Hub off again. `securityhub.detection_weakened` reports who turned off the hub, a standard or a
    control.

    Legitimate look-alikes: accounts that another tool watches. Exempt them, or leave `securityhub` out of the setting.
    A hub that the administrator of the organization configures centrally can't be changed in a member account: the fix
    then fails, and the record says so.
    """
    return FIX.why(account, aws)
