"""The API of people's clicks: Slack's requests, and the action page. Chalice makes it from app.py's routes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chalicelib.aws.action_tokens import URL_VARIABLE
from chalicelib.clicks.api import ACT_VARIABLE
from snapback.deploy.template.parts import KEY, RETRIES, alarm, arn, command, with_key

if TYPE_CHECKING:
    from snapback.deploy.template.parts import Plan, Template

STAGE = "api"
URL = {"Fn::Sub": f"https://${{RestAPI}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{STAGE}"}
_NOTHING = {"Ref": "AWS::NoValue"}
_LINE = {
    name: f"$context.{variable}"
    for name, variable in {
        "at": "requestTime",
        "id": "requestId",
        "method": "httpMethod",
        "path": "resourcePath",
        "status": "status",
        "source": "identity.sourceIp",
        "agent": "identity.userAgent",
        "tls": "tlsVersion",
        "bytes": "responseLength",
        "milliseconds": "responseLatency",
        "error": "error.responseType",
    }.items()
}
"""Of a request, without its query, headers and body: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html."""


_PARAMETERS: Template = {
    "ApiAccessLogs": {
        "Type": "String",
        "Default": "no",
        "AllowedValues": ["yes", "no"],
        "Description": (
            "Whether API Gateway logs each approval request, without its content. This needs a role "
            "for CloudWatch Logs in the account's API Gateway settings. An account has one such role in each region, so "
            "this stack doesn't set it. The function always logs each request that reaches it."
        ),
    }
}


def api(_plan: Plan) -> Template:
    """The API, its function's limits, and what other functions must know of it."""
    return {
        "Parameters": _PARAMETERS,
        "Conditions": {"LogsAccess": {"Fn::Equals": [{"Ref": "ApiAccessLogs"}, "yes"]}},
        "Resources": {
            "RestAPI": {"Properties": _rest_api()},
            "AccessLog": {
                "Type": "AWS::Logs::LogGroup",
                "Condition": "LogsAccess",
                "Properties": {"RetentionInDays": {"Ref": "LogRetention"}, "KmsKeyId": with_key(KEY)},
            },
            "ApiFailsAlarm": _fails_alarm(),
            "APIHandler": {
                "Properties": {
                    "ReservedConcurrentExecutions": {"Fn::If": ["Reserves", 5, _NOTHING]},
                    "Environment": {"Variables": {ACT_VARIABLE: {"Ref": "Act"}}},
                }
            },
            "Act": {  # A click that is older than 15 minutes has no effect. Errors of `act` raise an alarm.
                "Properties": {"EventInvokeConfig": {"MaximumRetryAttempts": RETRIES, "MaximumEventAgeInSeconds": 900}}
            },
            "Notify": {"Properties": {"Environment": {"Variables": {URL_VARIABLE: URL}}}},
        },
        "Outputs": {
            "SlackRequestUrl": {
                "Description": "The request URL of the Slack app's interactivity.",
                "Value": {"Fn::Sub": f"{URL['Fn::Sub']}/slack"},
            }
        },
    }


def _rest_api() -> Template:
    """Regional, TLS 1.2 with forward secrecy or 1.3, throttled as a whole; the function may only hand over to `act`."""
    everything = {
        "HttpMethod": "*",
        "ResourcePath": "/*",
        "ThrottlingBurstLimit": 20,
        "ThrottlingRateLimit": 10,
        "DataTraceEnabled": False,
    }
    logs = {"DestinationArn": arn("AccessLog"), "Format": json.dumps(_LINE)}
    return {
        "OpenApiVersion": "2.0",  # Otherwise SAM makes a second stage, without throttling.
        "SecurityPolicy": "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09",
        "EndpointAccessMode": "STRICT",
        "MethodSettings": [everything],
        "AccessLogSetting": {"Fn::If": ["LogsAccess", logs, _NOTHING]},
    }


def _fails_alarm() -> Template:
    return alarm(
        f"The API for approvals answers with errors of its own: a secret that can't be read, or a bug. See what else is wrong: {command('status')}.",
        Namespace="AWS/ApiGateway",
        MetricName="5XXError",  # Chalice answers 500 to any exception, and Lambda counts no error.
        Dimensions=[{"Name": "ApiName", "Value": "snapback"}, {"Name": "Stage", "Value": STAGE}],
        Statistic="Sum",
        Period=300,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
