"""What ministack does otherwise than AWS, and Snapback's day in it needs: each with AWS's page. It runs in ministack's process.

IAM's decisions are in like_iam.py. A patch goes when ministack has it; none bends AWS to Snapback.
"""

from __future__ import annotations

import json
import os
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ministack.core import iam_evaluator, responses
from ministack.services import eventbridge, lambda_svc
from ministack.services.cloudformation import provisioners

if TYPE_CHECKING:
    from collections.abc import Callable

NOTES = Path(os.environ["E2E_NOTES"])
_RULE: ContextVar[str] = ContextVar("rule", default="")
"""The ARN of the rule whose target is being called."""


def note(**what: str) -> None:
    """For the driver, which reads these at the end."""
    with NOTES.open("a") as notes:
        notes.write(json.dumps(what) + "\n")


def patch(module: Any, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Puts a function in the place of a module's; it is given the former one first."""

    def put(function: Callable[..., Any]) -> Callable[..., Any]:
        former = getattr(module, name)

        @wraps(former)
        def patched(*args: Any, **kwargs: Any) -> Any:
            return function(former, *args, **kwargs)

        setattr(module, name, patched)
        return patched

    return put


@patch(eventbridge, "_put_events")
def aws_puts_its_own_events(former: Any, data: Any, **_: Any) -> Any:
    """Nobody but AWS may put events of `aws.*`; here the driver stands for AWS's services, as ministack sends none.

    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html
    """
    return former(data, allow_aws_source=True)


@patch(eventbridge, "_invoke_target")
def a_rule_calls_what_lets_it(former: Any, target: Any, event: Any, rule: Any, *more: Any) -> Any:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-lambda-permissions: a
    function's own policy has to let the rule call it; else the event goes nowhere. (The Scheduler goes by a role.)
    """
    token = _RULE.set(rule.get("Arn", ""))
    try:
        return former(target, event, rule, *more)
    finally:
        _RULE.reset(token)


@patch(eventbridge, "_dispatch_to_lambda")
def events_are_tried_again(_former: Any, arn: str, payload: str) -> None:
    """EventBridge calls asynchronously: twice again, then to the failure destination, by ministack's own function for that.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    """
    function, config, _name = lambda_svc._get_func_record_for_ref(arn)
    if not (function and config):
        return
    rule = _RULE.get()
    if ":scheduler:" not in rule and not _may_be_called(arn, rule):
        note(denied="lambda:InvokeFunction", principal=rule, resource=arn, why="the function's own policy")
        return
    lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(function, config), json.loads(payload))


def _may_be_called(arn: str, rule: str) -> bool:
    found = lambda_svc.function_policy_for_arn(arn)
    context = iam_evaluator.EvalContext(
        principal_arn="events.amazonaws.com",
        principal_type="Service",
        principal_account=responses.get_account_id(),
        action="lambda:InvokeFunction",
        resource_arn=arn,
        region=responses.get_region(),
        service_context={"aws:sourcearn": rule, "aws:sourceaccount": rule.split(":")[4]},
    )
    policy = found[0] if found else None
    result = iam_evaluator.evaluate_resource_policy(policy, context, service="events.amazonaws.com")
    return bool(result.decision == "Allow")


def _mappings_can_be_off() -> None:
    """A text "false" is false, and off from the beginning.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-eventsourcemapping.html#cfn-lambda-eventsourcemapping-enabled
    """
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]
    create, update = handlers["create"], handlers["update"]

    def as_boolean(props: Any) -> Any:
        return {**props, "Enabled": str(props.get("Enabled", True)).lower() != "false"}

    def created(logical_id: str, props: Any, *more: Any) -> Any:
        physical_id, attributes = create(logical_id, as_boolean(props), *more)
        lambda_svc._esms[physical_id]["State"] = "Enabled" if as_boolean(props)["Enabled"] else "Disabled"
        return physical_id, attributes

    handlers["create"] = created
    handlers["update"] = lambda name, old, new, *more: update(name, as_boolean(old), as_boolean(new), *more)


def _busses_can_have_policies() -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-events-eventbuspolicy.html"""

    def named(props: Any) -> str:
        return f"{props['EventBusName']}|{props['StatementId']}"

    def put(props: Any) -> tuple[str, dict[str, Any]]:
        name, statement = props["EventBusName"], {"Sid": props["StatementId"], **props["Statement"]}
        policy = eventbridge._event_bus_policies.get(name) or {"Version": "2012-10-17", "Statement": []}
        others = [each for each in policy["Statement"] if each["Sid"] != statement["Sid"]]
        eventbridge._event_bus_policies[name] = {**policy, "Statement": [*others, statement]}
        return named(props), {}

    def delete(physical_id: str, _props: Any) -> None:
        name, _, sid = physical_id.partition("|")
        eventbridge._remove_permission({"EventBusName": name, "StatementId": sid})

    provisioners._RESOURCE_HANDLERS["AWS::Events::EventBusPolicy"] = {
        "create": lambda _id, props, *_: put(props),
        "update": lambda _id, _old, new, *_: put(new),
        "delete": delete,
    }


_mappings_can_be_off()
_busses_can_have_policies()
