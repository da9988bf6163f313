"""Whether a Lambda function runs at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.rule import Fix, FixContext
from chalicelib.core.snapback_resources import in_own_stack

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.awslambda import Deployment


class StopFunction(Fix["Deployment"]):
    """Stop the function: reserve a concurrency of 0. Never done to Snapback's own functions.

    `reserved` is how often it may run at once, or None where none is reserved for it.
    """

    document = "lambda:concurrency"
    reads = ("lambda:GetFunctionConcurrency",)
    writes = ("lambda:PutFunctionConcurrency", "lambda:DeleteFunctionConcurrency")
    undo_writes = ("lambda:DeleteFunctionConcurrency",)

    def read(self, resource: Deployment, aws: Session) -> State:
        reserved = aws.client("lambda").get_function_concurrency(**resource.asked).get("ReservedConcurrentExecutions")
        return {"account": resource.account, "function": resource.name, "reserved": reserved}

    def safe(self, state: State, context: FixContext) -> State:
        return (
            state if in_own_stack(context.baseline, state["account"], state["function"]) else {**state, "reserved": 0}
        )

    def write(self, resource: Deployment, state: State, aws: Session) -> None:
        client = aws.client("lambda")
        if state["reserved"] is None:
            client.delete_function_concurrency(**resource.asked)
        else:
            client.put_function_concurrency(**resource.asked, ReservedConcurrentExecutions=state["reserved"])
