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
    """Lambda function URL that asks nobody who they are.

    Its authentication is `NONE`: as soon as the function's policy lets in anyone, as the console has it do, the whole
    internet can call the function, and the function alone can turn a caller away. The fix has the URL take requests
    that are signed with AWS credentials only; the address stays the same. Exempt URLs that are public on purpose, such
    as those that webhooks call.

    Legitimate look-alikes: webhooks and public websites, which can't sign requests. Nothing in the configuration
    tells them from a mistake: exempt them, or put them behind CloudFront with origin access control, which signs.
    """
    return "its URL takes requests from anyone (AuthType NONE)" if FIX.read(url, aws)["auth_type"] == "NONE" else None
