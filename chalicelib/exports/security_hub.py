"""Security Hub: a finding a record, in ASFF, moved on as the record moves.

https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format.html
With the account's own product ARN, AWS takes only findings of the account that calls. So all are the home account's;
whose resource it is, is in the resource's ARN and in ProductFields.
https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchImportFindings.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from chalicelib.analysis.text import cut
from chalicelib.core.partitions import partition
from chalicelib.core.rule import Guardrail
from chalicelib.core.types import UNDER_WAY, Status
from chalicelib.exports.base import left
from chalicelib.exports.ocsf import kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalicelib.core.record import Record
    from chalicelib.core.types import Left
    from chalicelib.exports.base import ExportedStep

AT_ONCE = 100
"""Findings of one call, of 240 KB each at most; one of ours has 10 KB."""
_TITLE, _DESCRIPTION, _TEXT, _ID, _FIELD = 256, 1024, 512, 512, 2048
"""Characters that ASFF takes."""
_TYPES = {
    "AWS::Account": "AwsAccount",
    "AWS::CloudTrail::Trail": "AwsCloudTrailTrail",
    "AWS::CodeBuild::Project": "AwsCodeBuildProject",
    "AWS::DynamoDB::Table": "AwsDynamoDbTable",
    "AWS::EC2::EIP": "AwsEc2Eip",
    "AWS::EC2::Instance": "AwsEc2Instance",
    "AWS::EC2::NetworkAclEntry": "AwsEc2NetworkAcl",
    "AWS::EC2::SecurityGroup": "AwsEc2SecurityGroup",
    "AWS::EC2::Subnet": "AwsEc2Subnet",
    "AWS::EC2::TransitGateway": "AwsEc2TransitGateway",
    "AWS::EC2::VPC": "AwsEc2Vpc",
    "AWS::EC2::VPCPeeringConnection": "AwsEc2VpcPeeringConnection",
    "AWS::EC2::Volume": "AwsEc2Volume",
    "AWS::ECR::Repository": "AwsEcrRepository",
    "AWS::ECS::Service": "AwsEcsService",
    "AWS::ECS::TaskDefinition": "AwsEcsTaskDefinition",
    "AWS::EKS::Cluster": "AwsEksCluster",
    "AWS::Events::EventBus": "AwsEventsEventbus",
    "AWS::IAM::AccessKey": "AwsIamAccessKey",
    "AWS::IAM::ManagedPolicy": "AwsIamPolicy",
    "AWS::IAM::Role": "AwsIamRole",
    "AWS::IAM::User": "AwsIamUser",
    "AWS::KMS::Key": "AwsKmsKey",
    "AWS::Kinesis::Stream": "AwsKinesisStream",
    "AWS::Lambda::Function": "AwsLambdaFunction",
    "AWS::Lambda::Url": "AwsLambdaFunction",
    "AWS::S3::Bucket": "AwsS3Bucket",
    "AWS::SNS::Topic": "AwsSnsTopic",
    "AWS::SQS::Queue": "AwsSqsQueue",
    "AWS::SecretsManager::Secret": "AwsSecretsManagerSecret",
}
"""ASFF's own names; what it has none for is `Other`."""
_CONTROL = re.compile(r"[A-Za-z0-9]+\.[0-9]+")
_WORKFLOW: Mapping[Left, str] = {
    "open": "NEW",
    "unknown": "NEW",
    "asked": "NOTIFIED",
    "safe": "RESOLVED",
    "judged": "RESOLVED",
    "exempt": "SUPPRESSED",
}
_COMPLIANCE: Mapping[Left, str] = {"safe": "PASSED", "unknown": "NOT_AVAILABLE", "judged": "NOT_AVAILABLE"}
"""NOT_AVAILABLE is ASFF's word for what could not be checked; all that isn't named here failed."""


class SecurityHub:
    name = "security_hub"

    def __init__(self, client: Any, home: str, region: str) -> None:
        self._client, self._home, self._region = client, home, region
        self.product = f"arn:{partition(region)}:securityhub:{region}:{home}:product/{home}/default"

    def send(self, steps: Sequence[ExportedStep]) -> Mapping[str, str]:
        """Of each record only the latest step: an older one, sent after it, would be the past again."""
        settled = {step.record.id: step for step in steps if step.record.status not in UNDER_WAY}
        latest = list(settled.values())
        refused: dict[str, str] = {}  # Why, by the finding's id.
        for start in range(0, len(latest), AT_ONCE):
            some = latest[start : start + AT_ONCE]
            answer = self._client.batch_import_findings(Findings=[self.finding(step) for step in some])
            refused |= {each["Id"]: each["ErrorCode"] for each in answer.get("FailedFindings", [])}
            refused |= self._moved([step for step in some if _id(step.record) not in refused])
        return {step.number: refused[_id(step.record)] for step in steps if _id(step.record) in refused}

    def _moved(self, steps: Sequence[ExportedStep]) -> dict[str, str]:
        """Import sets a workflow's status when it makes a finding, and never again: what moves it on is another call."""
        refused: dict[str, str] = {}
        by_status: dict[str, list[str]] = {}
        for step in steps:
            now, *before = [
                _WORKFLOW[left(past)] for past in reversed(step.record.life) if past.status not in UNDER_WAY
            ]
            if before and now not in before[:1]:
                by_status.setdefault(now, []).append(_id(step.record))
        for status, ids in by_status.items():
            answer = self._client.batch_update_findings(
                FindingIdentifiers=[{"Id": each, "ProductArn": self.product} for each in ids],
                Workflow={"Status": status},
            )
            refused |= {
                each["FindingIdentifier"]["Id"]: each["ErrorCode"] for each in answer.get("UnprocessedFindings", [])
            }
        return refused

    def finding(self, step: ExportedStep) -> dict[str, Any]:
        record, message, rule = step.record, step.message, step.rule
        controls = rule.controls if rule else ()
        cloudformation = rule.resource.cloudformation_type if isinstance(rule, Guardrail) else "AWS::Account"
        fields = {
            "record": record.id,
            "status": str(record.status),
            "mode": record.mode,
            "account": record.account,
            "actor": message.who or "-",
            "principal": message.actor["principal"] or "-",
            "event": message.event,
            "found_by": record.found_by,
        }
        state = left(record.history[-1])
        gone = record.status is Status.GONE
        compliance = "NOT_AVAILABLE" if gone else _COMPLIANCE.get(state, "FAILED")
        control = next(filter(_CONTROL.fullmatch, controls), None)
        return {
            "SchemaVersion": "2018-10-08",
            "Id": _id(record),
            "ProductArn": self.product,
            "ProductName": "Snapback",
            "CompanyName": "Snapback",
            "GeneratorId": f"snapback/{record.guardrail}",
            "AwsAccountId": self._home,
            "Region": self._region,
            "CreatedAt": _time(record.history[0].at),
            "UpdatedAt": _time(record.history[-1].at),
            "FirstObservedAt": _time(record.event_time.isoformat(timespec="milliseconds")),
            "LastObservedAt": _time(record.seen_at.isoformat(timespec="milliseconds")),
            "FindingProviderFields": {
                "Severity": {"Label": record.severity.upper(), "Original": record.severity},
                "Types": [kind_of(step)],
            },
            "Title": cut(message.title, _TITLE),
            "Description": cut(f"{message.reason}. {message.did}", _DESCRIPTION),
            "Remediation": {"Recommendation": {"Text": cut(_what_to_do(step), _TEXT)}},
            "ProductFields": {f"snapback/{name}": cut(value, _FIELD) for name, value in fields.items()},
            "Resources": [
                {
                    "Type": _TYPES.get(cloudformation, "Other"),
                    "Id": cut(message.resource, _ID),
                    "Partition": partition(record.region),
                    "Region": record.region,
                }
            ],
            "Compliance": {
                "Status": compliance,
                **({"SecurityControlId": control} if control else {}),
                **({"RelatedRequirements": list(controls)} if controls else {}),
            },
            "Workflow": {"Status": _WORKFLOW[state]},
            "RecordState": "ARCHIVED" if gone else "ACTIVE",
        }


def _what_to_do(step: ExportedStep) -> str:
    commands = "; ".join(f"to {name}: {command}" for name, command in step.message.commands.items())
    fix = f"The fix: {step.record.fix.rstrip('.')}. " if step.record.fix else ""
    return f"{fix}{commands[:1].upper()}{commands[1:]}."


def _id(record: Record) -> str:
    return f"snapback/{record.id}"


def _time(at: str) -> str:
    return at.replace("+00:00", "Z")
