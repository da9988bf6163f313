from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import SCHEDULED, any_of, cloudtrail
from chalicelib.core.resource import Account
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.CRITICAL,
    resource=Account,
    on=any_of(cloudtrail("iam", "CreateAccessKey", userIdentity={"type": ["Root"]}), SCHEDULED),
    reads=("iam:GetAccountSummary",),
    controls=("IAM.4", "CIS-5.0 1.3"),
)
def root_key_created(account: Account, aws: Session) -> str | None:
    """Root user with an access key.

    No policy of the account limits such a key, and it works from anywhere. Nothing needs one. Sign in as root and
    delete it. For a member account, the organization's management account can remove root's credentials permanently
    (centralized root access). Snapback can't: only root may change root's keys.

    Legitimate look-alikes: none. Nothing in AWS needs a root user's key, and no tool creates one.
    """
    summary = aws.client("iam").get_account_summary()["SummaryMap"]
    if not summary.get("AccountAccessKeysPresent"):
        return None
    return f"the root user of account {account.account} has an access key"
