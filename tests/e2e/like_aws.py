"""What ministack does otherwise than AWS, and Snapback's day in it needs: each with AWS's page. It runs in ministack's process.

IAM's decisions are in like_iam.py. A patch goes when ministack has it; none bends AWS to Snapback.
"""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from threading import Semaphore
from typing import TYPE_CHECKING, Any

from ministack.core import iam_evaluator, responses
from ministack.services import ecr, eventbridge, inspector2, lambda_svc
from ministack.services.cloudformation import changesets, engine, handlers, provisioners, stacks

if TYPE_CHECKING:
    from collections.abc import Callable

NOTES, FOUND = Path(os.environ["E2E_NOTES"]), Path(os.environ["E2E_FOUND"])
"""What is noted for the driver, and what it says that AWS's scanners have found."""
_RULE: ContextVar[str] = ContextVar("rule", default="")
"""The ARN of the rule whose target is being called."""

_QUEUED: ContextVar[bool] = ContextVar("queued", default=False)
"""Whether the function is called asynchronously."""


def note(**what: str) -> None:
    """For the driver, which reads these at the end."""
    with NOTES.open("a") as notes:
        notes.write(json.dumps(what) + "\n")


def patch(home: Any, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Puts a function in the place of a module's, or of one in a table; it is given the former one first."""
    there = home if isinstance(home, dict) else vars(home)

    def put(function: Callable[..., Any]) -> Callable[..., Any]:
        former = there[name]

        @wraps(former)
        def patched(*args: Any, **kwargs: Any) -> Any:
            return function(former, *args, **kwargs)

        there[name] = patched
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
    _QUEUED.set(True)
    lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(function, config), json.loads(payload))


_AT_ONCE: defaultdict[str, Semaphore] = defaultdict(lambda: Semaphore(2))
"""Of each function, for events: the machine is small."""


@patch(lambda_svc, "_execute_function")
def events_wait_for_a_free_function(former: Any, function: Any, event: Any, *more: Any, **options: Any) -> Any:
    """What can't run yet stays in the queue of events, for hours, and counts as no try: see the page above."""
    if not _QUEUED.get():
        return former(function, event, *more, **options)
    with _AT_ONCE[(function.get("config") or function)["FunctionArn"]]:
        while (done := former(function, event, *more, **options)).get("throttle"):
            time.sleep(0.2)
        return done


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


@patch(eventbridge, "_dispatch_to_event_bus")
def a_bus_of_another_account(former: Any, bus: Any, event: Any, rule: Any, path: Any, *more: Any) -> None:
    """ministack drops what goes to another account. On AWS the target's role may put it, and the bus's policy lets it in.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html
    """
    account = responses.get_account_id()
    if bus.account_id == account:
        former(bus, event, rule, path, *more)
        return
    target = next(
        each for each in eventbridge._targets[eventbridge._rule_key(rule["Name"], "default")] if each["Arn"] == str(bus)
    )
    role = target.get("RoleArn", "").rpartition("/")[2]
    context = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{role}/events",
        principal_type="AssumedRole",
        principal_account=account,
        action="events:PutEvents",
        resource_arn=str(bus),
        region=bus.region,
    )
    mine = iam_evaluator.evaluate(context, iam_evaluator._gather_role_policies(role, account))
    responses.set_request_account_id(bus.account_id)
    try:
        policy = eventbridge._event_bus_policies.get(bus.resource.rpartition("/")[2])
        theirs = iam_evaluator.evaluate_resource_policy(policy, context)
        if (mine.decision, theirs.decision) == ("Allow", "Allow"):
            former(bus, event, rule, path, *more)
        else:
            note(
                denied="events:PutEvents", principal=role, resource=str(bus), why=f"{mine.decision}, {theirs.decision}"
            )
    finally:
        responses.set_request_account_id(account)


@patch(inspector2._path_handlers, "/findings/list")
def what_inspector_found(_former: Any, asked: Any) -> Any:
    """ministack's Inspector makes findings up; the driver's are as AWS's page has them, and so is what asks for them.

    https://docs.aws.amazon.com/inspector/v2/APIReference/API_ListFindings.html
    """
    keys = {
        "findingStatus": "status",
        "findingType": "type",
        "severity": "severity",
        "exploitAvailable": "exploitAvailable",
    }
    criteria = asked.get("filterCriteria", {})
    found = [
        each
        for each in _found()["inspector"]
        if all(_among(each.get(key), criteria.get(name)) for name, key in keys.items())
        and _among(each["resources"][0]["id"], criteria.get("resourceId"))
    ]
    return responses.json_response({"findings": found})


def _found() -> Any:
    return json.loads(FOUND.read_text())


def _among(value: str | None, filters: Any) -> bool:
    return not filters or value in [each["value"] for each in filters]


@patch(ecr, "handle_request")
async def what_a_scan_found(former: Any, method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
    """ministack scans no images: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html"""
    if not headers.get("x-amz-target", "").endswith(".DescribeImageScanFindings"):
        return await former(method, path, headers, body, query)
    image = json.loads(body)["imageId"]
    found = _found()["ecr"].get(image["imageDigest"])
    if found is None:
        return responses.error_response_json("ScanNotFoundException", "There is no scan of it", 400)
    status = {"status": "COMPLETE", "description": "The scan was completed successfully."}
    return responses.json_response({"imageId": image, "imageScanStatus": status, "imageScanFindings": found})


@patch(ecr, "_batch_delete_image")
def a_tag_comes_off(former: Any, asked: Any) -> Any:
    """By a tag, only that goes, and the image with its last: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html"""
    rest = []
    for each in asked["imageIds"]:
        image = ecr._find_image(asked["repositoryName"], each)
        if image and image["imageTags"] != [tag := each.get("imageTag")] and tag in image["imageTags"]:
            image["imageTags"].remove(tag)
        else:
            rest.append(each)
    return former({**asked, "imageIds": rest})


def conditions_know_where_they_are(former: Any, template: Any, parameters: Any) -> Any:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html: in conditions, too."""
    where = {"AWS::AccountId": responses.get_account_id(), "AWS::Region": responses.get_region()}
    return former(template, {**parameters, **{name: {"Value": value} for name, value in where.items()}})


for _module in (changesets, engine, handlers, stacks):
    patch(_module, "_evaluate_conditions")(conditions_know_where_they_are)


def _enabled(props: Any) -> Any:
    """A text "false" is false.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-eventsourcemapping.html#cfn-lambda-eventsourcemapping-enabled
    """
    return {**props, "Enabled": str(props.get("Enabled", True)).lower() != "false"}


_MAPPINGS = provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]


@patch(_MAPPINGS, "create")
def a_mapping_can_be_made_off(former: Any, logical_id: str, props: Any, *more: Any) -> Any:
    physical_id, attributes = former(logical_id, _enabled(props), *more)
    lambda_svc._esms[physical_id]["State"] = "Enabled" if _enabled(props)["Enabled"] else "Disabled"
    return physical_id, attributes


@patch(_MAPPINGS, "update")
def a_mapping_can_be_put_off(former: Any, physical_id: str, old: Any, new: Any, *more: Any) -> Any:
    return former(physical_id, _enabled(old), _enabled(new), *more)


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


_busses_can_have_policies()
