"""What moto's CloudFormation doesn't know of our template, made through moto's own APIs.

Each of these types has properties of the same names as the parameters of the call that makes it.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
from moto.cloudformation import parsing
from moto.cloudformation.models import ChangeSet

from tests.support.events import HOME, REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def _alarm(client: Any, name: str, given: Any) -> str:
    numbers = {key: type_(given[key]) for key, type_ in _NUMBERS.items() if key in given}
    client("cloudwatch").put_metric_alarm(AlarmName=name, **given | numbers)
    return name


_NUMBERS: dict[str, type] = {"Period": int, "EvaluationPeriods": int, "DatapointsToAlarm": int, "Threshold": float}


def _invoked(client: Any, name: str, given: Any) -> str:
    client("lambda").put_function_event_invoke_config(**given)
    return f"{given['FunctionName']}:{given['Qualifier']}"


def _queue_policy(client: Any, name: str, given: Any) -> str:
    for url in given["Queues"]:
        client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(given["PolicyDocument"])})
    return name


def _subscription(client: Any, name: str, given: Any) -> str:
    return str(client("sns").subscribe(**given, ReturnSubscriptionArn=True)["SubscriptionArn"])


def _topic_policy(client: Any, name: str, given: Any) -> str:
    policy = json.dumps(given["PolicyDocument"])
    for arn in given["Topics"]:
        client("sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)
    return name


def _bucket_policy(client: Any, name: str, given: Any) -> str:
    client("s3").put_bucket_policy(Bucket=given["Bucket"], Policy=json.dumps(given["PolicyDocument"]))
    return name


def _schedule_group(client: Any, name: str, given: Any) -> str:
    client("scheduler").create_schedule_group(Name=name)
    return name


def _bus(client: Any, name: str, given: Any) -> str:
    client("events").create_event_bus(Name=given["Name"])
    return str(given["Name"])


def _bus_policy(client: Any, name: str, given: Any) -> str:
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": given["StatementId"], **given["Statement"]}]})
    client("events").put_permission(EventBusName=given["EventBusName"], Policy=policy)
    return name


def _api(client: Any, name: str, given: Any) -> str:
    """moto imports OpenAPI 3 only, and SAM makes a Swagger 2 body."""
    made, body = client("apigateway"), given["Body"]
    api = made.create_rest_api(name=body["info"]["title"])["id"]
    ids = {"/": made.get_resources(restApiId=api)["items"][0]["id"]}
    for path, methods in sorted(body["paths"].items()):
        above = "/"
        for part in filter(None, path.split("/")):
            here = f"{above.rstrip('/')}/{part}"
            if here not in ids:
                ids[here] = made.create_resource(restApiId=api, parentId=ids[above], pathPart=part)["id"]
            above = here
        for method, said in methods.items():
            to = {"restApiId": api, "resourceId": ids[above], "httpMethod": method.upper()}
            made.put_method(**to, authorizationType="NONE")
            wired = said["x-amazon-apigateway-integration"]
            made.put_integration(
                **to, type=wired["type"].upper(), uri=wired["uri"], integrationHttpMethod=wired["httpMethod"].upper()
            )
    return str(api)


def _deployment(client: Any, name: str, given: Any) -> str:
    return str(client("apigateway").create_deployment(restApiId=given["RestApiId"])["id"])


def _stage(client: Any, name: str, given: Any) -> str:
    client("apigateway").create_stage(
        restApiId=given["RestApiId"], stageName=given["StageName"], deploymentId=given["DeploymentId"]
    )
    return str(given["StageName"])


def _application(client: Any, name: str, given: Any) -> str:
    return str(client("appconfig").create_application(Name=given["Name"])["Id"])


def _profile(client: Any, name: str, given: Any) -> str:
    asked = {key: given[key] for key in ("ApplicationId", "Name", "LocationUri")}
    return str(client("appconfig").create_configuration_profile(**asked)["Id"])


_MADE: dict[str, Callable[[Any, str, Any], str]] = {
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::Lambda::EventInvokeConfig": _invoked,
    "AWS::SQS::QueuePolicy": _queue_policy,
    "AWS::SNS::Subscription": _subscription,
    "AWS::SNS::TopicPolicy": _topic_policy,
    "AWS::S3::BucketPolicy": _bucket_policy,
    "AWS::Scheduler::ScheduleGroup": _schedule_group,
    "AWS::Events::EventBus": _bus,  # moto knows it, but not what it is by Ref.
    "AWS::Events::EventBusPolicy": _bus_policy,
    "AWS::AppConfig::Application": _application,
    "AWS::AppConfig::ConfigurationProfile": _profile,
    "AWS::ApiGateway::RestApi": _api,  # moto knows it, but not that its name may be in the body.
    "AWS::ApiGateway::Deployment": _deployment,
    "AWS::ApiGateway::Stage": _stage,
}


def _model(type_: str, make: Callable[[Any, str, Any], str], client: Callable[[str], Any]) -> type[Any]:
    class Made:
        def __init__(self, id: str) -> None:
            self.physical_resource_id = id

        @staticmethod
        def is_created() -> bool:
            return True

        @classmethod
        def has_cfn_attr(cls, attr: str) -> bool:
            return attr == "Arn"

        def get_cfn_attribute(self, name: str) -> str:
            _, service, kind = type_.split("::")
            named = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind).lower()
            return f"arn:aws:{service.lower()}:{REGION}:{HOME}:{named}/{self.physical_resource_id}"

        @staticmethod
        def cloudformation_type() -> str:
            return type_

        @classmethod
        def create_from_cloudformation_json(
            cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **_: Any
        ) -> Any:
            return cls(make(client, resource_name, cloudformation_json["Properties"]))

        @classmethod
        def update_from_cloudformation_json(
            cls,
            original_resource: Any,
            new_resource_name: str,
            cloudformation_json: Any,
            account_id: str,
            region_name: str,
        ) -> Any:
            return cls.create_from_cloudformation_json(new_resource_name, cloudformation_json, account_id, region_name)

        @classmethod
        def delete_from_cloudformation_json(cls, *_: Any, **__: Any) -> None:
            """What it was made for goes too."""

    return Made


@contextmanager
def complete() -> Iterator[None]:
    """While it lasts, moto's CloudFormation makes these too."""
    client = cache(boto3.Session(region_name=REGION).client)
    models = {type_: _model(type_, make, client) for type_, make in _MADE.items()}
    with patch.dict(parsing.get_model_map(), models), patch.object(ChangeSet, "apply", _applied):
        yield


def _applied(change: Any, real: Callable[[Any], None] = ChangeSet.apply) -> None:
    """moto forgets parameters, tags and outputs of a stack that a change set makes or changes."""
    stack = change.stack
    stack.template_dict, stack.parameters, stack.tags = change.template_dict, change.parameters, change.tags
    if change.change_set_type == "CREATE":
        stack.resource_map = stack._create_resource_map()
        stack.resource_map.create(stack.template_dict)
    else:
        real(change)
    stack.output_map = stack._create_output_map()
