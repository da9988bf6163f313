from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.event import rows, text
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.resources.awslambda import CONFIGURED, Function

if TYPE_CHECKING:
    from chalicelib.core.session import Session

_PARTS = 8
"""Of a layer version's ARN."""


@guardrail(
    severity=Severity.MEDIUM,
    resource=Function,
    on=cloudtrail("lambda", *CONFIGURED),
    reads=("lambda:GetFunctionConfiguration",),
)
def layer_of_unknown_account(function: Function, aws: Session) -> str | None:
    """Lambda function with a layer from an unknown account.

    A layer is code that runs in the function with its role's permissions; it can bring a whole extension. Your own
    account, `allow.accounts` and `allow.vendors` are known. Add the accounts from which AWS and other vendors publish
    their layers. Snapback only reports it: without its layer, the function would fail.

    Legitimate look-alikes: layers from AWS's own accounts (Powertools, Lambda Insights, AppConfig) and from monitoring
    vendors. Only `allow.vendors` and `allow.accounts` tell them apart, because AWS publishes no complete list of its
    layer accounts.
    """
    baseline = {function.account, *aws.baseline.allow.accounts, *aws.baseline.allow.vendors}
    layers = [text(each, "Arn") or "" for each in rows(function.configured(aws), "Layers")]
    unknown = [arn for arn in layers if len(arn.split(":")) == _PARTS and arn.split(":")[4] not in baseline]
    return f"it uses a layer from an unknown account: {', '.join(unknown)}" if unknown else None
