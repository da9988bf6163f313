"""Who may call the URL of a Lambda function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.rule import Fix, FixContext

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.awslambda import FunctionUrl


class DemandSignedRequests(Fix["FunctionUrl"]):
    """Accept only requests signed with AWS credentials. The URL and its CORS settings stay."""

    document = "lambda:function-url"
    reads = ("lambda:GetFunctionUrlConfig",)
    writes = ("lambda:UpdateFunctionUrlConfig",)

    def read(self, resource: FunctionUrl, aws: Session) -> State:
        return {"auth_type": resource.described(aws)["AuthType"]}

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, "auth_type": "AWS_IAM"}

    def write(self, resource: FunctionUrl, state: State, aws: Session) -> None:
        aws.client("lambda").update_function_url_config(**resource.asked, AuthType=state["auth_type"])
