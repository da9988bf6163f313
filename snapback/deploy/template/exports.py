"""Findings to other tools: the second reader of the ledger's stream, and where it may send."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from snapback.deploy.template.parts import arn

if TYPE_CHECKING:
    from snapback.deploy.template.parts import Plan, Template

AT_ONCE = 100
"""Items of a batch: as many findings as Security Hub takes in one call."""


def outward(_plan: Plan) -> Template:
    """Reads only when a parameter says where to send; what is sent, and where of that, the settings say."""
    return {
        "Parameters": {
            "OutwardSecurityHub": {
                "Type": "String",
                "Default": "no",
                "AllowedValues": ["no", "yes"],
                "Description": "Whether findings may go to this account's Security Hub: `outward.security_hub` in the settings.",
            },
            "OutwardBus": {
                "Type": "String",
                "Default": "",
                "AllowedPattern": "(arn:[a-z-]+:events:[a-z0-9-]+:[0-9]{12}:event-bus/[A-Za-z0-9._/-]+)?",
                "Description": "ARN of the event bus that findings may be put on: `outward.bus` in the settings. Empty for none.",
            },
            "OutwardBucket": {
                "Type": "String",
                "Default": "",
                "AllowedPattern": "(arn:[a-z-]+:s3:::[a-z0-9.-]+)?",
                "Description": "ARN of the bucket for findings in OCSF: `outward.ocsf` in the settings. Empty for none.",
            },
        },
        "Conditions": {
            "OutwardToBus": _given("OutwardBus"),
            "OutwardToBucket": _given("OutwardBucket"),
            "Outward": {
                "Fn::Or": [
                    {"Fn::Equals": [{"Ref": "OutwardSecurityHub"}, "yes"]},
                    {"Condition": "OutwardToBus"},
                    {"Condition": "OutwardToBucket"},
                ]
            },
        },
        "Resources": {"Outward": {"Properties": {"Events": {"Stream": _stream()}}}},
    }


def _given(parameter: str) -> Any:
    return {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]}


def _stream() -> Template:
    """Records only. What fails for good blocks what comes after it for some minutes at most, then is noted in the queue."""
    records = {"eventName": ["INSERT", "MODIFY"], "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "record#"}]}}}}
    return {
        "Type": "DynamoDB",
        "Properties": {
            "Stream": {"Fn::GetAtt": ["Ledger", "StreamArn"]},
            "StartingPosition": "TRIM_HORIZON",
            "BatchSize": AT_ONCE,
            "MaximumBatchingWindowInSeconds": 2,
            "Enabled": {"Fn::If": ["Outward", True, False]},
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "BisectBatchOnFunctionError": True,
            "FilterCriteria": {"Filters": [{"Pattern": json.dumps(records, separators=(",", ":"))}]},
            "MaximumRetryAttempts": 10,
            "DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": arn("FailedMessages")}},
        },
    }
