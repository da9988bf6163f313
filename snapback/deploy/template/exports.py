"""Findings to other tools: the second reader of the ledger's stream, and where it may send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.notify.outbox import QUEUE_VARIABLE as FAILED_VARIABLE
from snapback.deploy.template.parts import ledger_stream

if TYPE_CHECKING:
    from snapback.deploy.template.parts import Plan, Template

AT_ONCE = 100
"""Items of a batch: as many findings as Security Hub takes in one call."""


def exports(_plan: Plan) -> Template:
    """Reads only when a parameter says where to send; what is sent, and where of that, the settings say."""
    return {
        "Parameters": {
            "ExportsSecurityHub": {
                "Type": "String",
                "Default": "no",
                "AllowedValues": ["no", "yes"],
                "Description": "Whether Snapback may send findings to this account's Security Hub: `exports.security_hub` in the settings.",
            },
            "ExportsBus": {
                "Type": "String",
                "Default": "",
                "AllowedPattern": "(arn:[a-z-]+:events:[a-z0-9-]+:[0-9]{12}:event-bus/[A-Za-z0-9._/-]+)?",
                "Description": "ARN of the event bus for findings: `exports.bus` in the settings. Empty for none.",
            },
            "ExportsBucket": {
                "Type": "String",
                "Default": "",
                "AllowedPattern": "(arn:[a-z-]+:s3:::[a-z0-9.-]+)?",
                "Description": "ARN of the bucket for findings in OCSF: `exports.ocsf` in the settings. Empty for none.",
            },
        },
        "Conditions": {
            "ExportsToBus": _given("ExportsBus"),
            "ExportsToBucket": _given("ExportsBucket"),
            "Exports": {
                "Fn::Or": [
                    {"Fn::Equals": [{"Ref": "ExportsSecurityHub"}, "yes"]},
                    {"Condition": "ExportsToBus"},
                    {"Condition": "ExportsToBucket"},
                ]
            },
        },
        "Resources": {
            "Exports": {
                "Properties": {
                    "Environment": {"Variables": {FAILED_VARIABLE: {"Ref": "FailedMessages"}}},
                    "Events": {
                        "Stream": ledger_stream(
                            BatchSize=AT_ONCE,
                            MaximumBatchingWindowInSeconds=2,
                            Enabled={"Fn::If": ["Exports", True, False]},
                        )
                    },
                }
            }
        },
    }


def _given(parameter: str) -> Any:
    return {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]}
