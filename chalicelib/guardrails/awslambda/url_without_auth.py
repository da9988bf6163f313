from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.awslambda.demand_signed_requests import DemandSignedRequests
from chalicelib.resources.awslambda import FunctionUrl

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = DemandSignedRequests()


@guardrail(
    severity=Severity.HIGH,
    resource=FunctionUrl,
    on=cloudtrail("lambda", "CreateFunctionUrlConfig", "UpdateFunctionUrlConfig"),
    reads=FIX.reads,
    fix=FIX,
)
def url_without_auth(url: FunctionUrl, aws: Session) -> str | None:
    """Lambda function URL without authentication.

    Its AuthType is `NONE`. Once the function's policy allows anyone, as the console sets it up, the whole internet can
    call the function. Only its code can reject a caller. The fix requires requests signed with AWS credentials; the URL
    stays the same. Exempt URLs that are public on purpose, such as webhooks.

    Legitimate look-alikes: webhooks and public websites, which can't sign requests. Nothing in the configuration tells
    them from a mistake. Exempt them, or put them behind CloudFront with origin access control, which signs.
    """
    return "its URL accepts requests from anyone (AuthType NONE)" if FIX.read(url, aws)["auth_type"] == "NONE" else None
