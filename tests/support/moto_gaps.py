"""Where moto is lax or lacks a call, and what real AWS does instead.

Nothing in chalicelib/ knows of moto; what a test needs beyond moto is put in here, from AWS's documentation. What a
replay needs too is in snapback/memory_aws/gaps.py, and holds in every test.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from botocore.client import BaseClient
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


_READER = "arn:aws:sts::123456789012:assumed-role/snapback-reader/snapback-look"
BY_RESOURCE_POLICY = "with an explicit deny in a resource-based policy"
BY_NOBODY = "because no identity-based policy allows the ACTION action"


@contextmanager
def deny(*operations: str, code: str = "AccessDenied", about: str = "", because: str = "") -> Iterator[None]:
    """moto evaluates no IAM policies unless told to, and then only some. These operations are denied to everyone.

    All of them, or those with a parameter of the value `about`. `because` is how AWS's message ends, as in
    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html; `ACTION` in it is the action.
    """
    real = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(self: BaseClient, operation_name: str, api_params: Any) -> Any:
        if operation_name in operations and (not about or about in api_params.values()):
            action = f"{self.meta.service_model.signing_name}:{operation_name}"
            said = f"User: {_READER} is not authorized to perform: {action} on resource: * {because}"
            denied = {"Error": {"Code": code, "Message": said.replace("ACTION", action)}}
            raise ClientError({**denied, "ResponseMetadata": {"HTTPStatusCode": 403}}, operation_name)  # type: ignore[typeddict-item]
        return real(self, operation_name, api_params)

    with patch.object(BaseClient, "_make_api_call", call):
        yield


@contextmanager
def deleted_principals_refused() -> Iterator[None]:
    """moto takes any principal; AWS takes no policy that names one that has been deleted, by its id.

    https://repost.aws/knowledge-center/iam-resource-policy-format
    """
    real = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(self: BaseClient, operation_name: str, api_params: Any) -> Any:
        policy = api_params.get("Policy") or api_params.get("PolicyDocument") or ""
        if operation_name in {"PutBucketPolicy", "UpdateAssumeRolePolicy"} and ('"AROA' in policy or '"AIDA' in policy):
            refused = {"Error": {"Code": "MalformedPolicy", "Message": "Invalid principal in policy"}}
            raise ClientError({**refused, "ResponseMetadata": {"HTTPStatusCode": 400}}, operation_name)  # type: ignore[typeddict-item]
        return real(self, operation_name, api_params)

    with patch.object(BaseClient, "_make_api_call", call):
        yield


@contextmanager
def event_history(*envelopes: Any) -> Iterator[None]:
    """moto has no LookupEvents; AWS answers the last 90 days of management events, newest first.

    https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
    """
    real = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(self: BaseClient, operation_name: str, api_params: Any) -> Any:
        if operation_name != "LookupEvents":
            return real(self, operation_name, api_params)
        records = [envelope["detail"] for envelope in envelopes]
        return {
            "Events": [
                {
                    "EventName": record["eventName"],
                    "EventTime": datetime.fromisoformat(record["eventTime"]),
                    "ReadOnly": str(record["readOnly"]).lower(),
                    "CloudTrailEvent": json.dumps(record),
                }
                for record in records
            ]
        }

    with patch.object(BaseClient, "_make_api_call", call):
        yield


@contextmanager
def lambda_functions(functions: Mapping[str, Callable[[Any], Any]]) -> Iterator[list[tuple[str, Any]]]:
    """moto runs functions in Docker. These run here, by their ARN; what is invoked asynchronously runs not at all.

    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """
    real = BaseClient._make_api_call  # type: ignore[attr-defined]
    invoked: list[tuple[str, Any]] = []

    def call(self: BaseClient, operation_name: str, api_params: Any) -> Any:
        if operation_name != "Invoke":
            return real(self, operation_name, api_params)
        arn, payload = api_params["FunctionName"], json.loads(api_params["Payload"])
        if arn not in functions:
            gone = {"Error": {"Code": "ResourceNotFoundException", "Message": f"Function not found: {arn}"}}
            raise ClientError({**gone, "ResponseMetadata": {"HTTPStatusCode": 404}}, operation_name)  # type: ignore[typeddict-item]
        invoked.append((arn, payload))
        if api_params["InvocationType"] == "Event":
            return {"StatusCode": 202, "Payload": BytesIO(b"")}
        try:
            said = functions[arn](payload)
        except Exception as error:  # noqa: BLE001 - Lambda tells it to whoever called
            failed = {"errorType": type(error).__name__, "errorMessage": str(error)}
            return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": BytesIO(json.dumps(failed).encode())}
        return {"StatusCode": 200, "Payload": BytesIO(json.dumps(said).encode())}

    with patch.object(BaseClient, "_make_api_call", call):
        yield invoked


@contextmanager
def default_bus(*rules: tuple[Any, Callable[[Any], Any]]) -> Iterator[list[Any]]:
    """moto delivers no event to a function. This bus does, by pattern, and as AWS it takes no source `aws.*`.

    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
    """
    from chalicelib.core.pattern import matches
    from tests.support.events import HOME, REGION

    real = BaseClient._make_api_call  # type: ignore[attr-defined]
    delivered: list[Any] = []

    def call(self: BaseClient, operation_name: str, api_params: Any) -> Any:
        if operation_name != "PutEvents":
            return real(self, operation_name, api_params)
        answers: list[Any] = []
        for entry in api_params["Entries"]:
            if entry["Source"].startswith("aws."):
                code = "NotAuthorizedForSourceException"
                answers.append({"ErrorCode": code, "ErrorMessage": "Not authorized for the source."})
                continue
            answers.append({"EventId": f"33333333-0000-4000-8000-{len(delivered):012d}"})
            envelope = {
                "version": "0",
                "id": answers[-1]["EventId"],
                "detail-type": entry["DetailType"],
                "source": entry["Source"],
                "account": HOME,
                "time": "2026-11-23T10:00:03Z",
                "region": REGION,
                "resources": [],
                "detail": json.loads(entry["Detail"]),
            }
            delivered.append(envelope)
            for pattern, function in rules:
                if matches(pattern, envelope):
                    function(envelope)
        return {"FailedEntryCount": sum("ErrorCode" in each for each in answers), "Entries": answers}

    with patch.object(BaseClient, "_make_api_call", call):
        yield delivered


@contextmanager
def security_hub(home: str, *, refuses: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
    """moto imports anything, and lacks BatchUpdateFindings. Here are the findings, by their ids, as AWS would have them.

    It takes a hundred findings of 240 KB a call, all of the account that calls; a workflow's status it takes from an
    import only when a finding is new; what is older than what it has, it passes over. `refuses` are ids of findings that
    it does not take, while they are in it, with the error.
    https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchImportFindings.html
    https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchUpdateFindings.html
    """
    real = BaseClient._make_api_call  # type: ignore[attr-defined]
    hub = HubModel(home, {} if refuses is None else refuses)

    def call(self: BaseClient, operation_name: str, api_params: Any) -> Any:
        if operation_name == "BatchUpdateFindings":
            return hub.updated(api_params["FindingIdentifiers"], api_params["Workflow"])
        answer = real(self, operation_name, api_params)  # botocore checks what is sent.
        return hub.imported(api_params["Findings"]) if operation_name == "BatchImportFindings" else answer

    with patch.object(BaseClient, "_make_api_call", call):
        yield hub.findings


class HubModel:
    """What `security_hub` yields: `findings` by their ids, and what was refused."""

    def __init__(self, home: str, refuses: Mapping[str, str]) -> None:
        self.home, self.refuses = home, refuses
        self.findings: dict[str, Any] = {}

    def imported(self, given: list[Any]) -> Any:
        if not 0 < len(given) <= 100:
            raise _client_error("BatchImportFindings", "InvalidInputException", "from 1 to 100 findings")
        failed = []
        for each in given:
            if code := self._refusal(each):
                failed.append({"Id": each["Id"], "ErrorCode": code, "ErrorMessage": "said AWS"})
                continue
            was = self.findings.get(each["Id"])
            if was is None or was["UpdatedAt"] < each["UpdatedAt"]:
                self.findings[each["Id"]] = each | ({"Workflow": was["Workflow"]} if was else {})
        return {"FailedCount": len(failed), "SuccessCount": len(given) - len(failed), "FailedFindings": failed}

    def _refusal(self, finding: Any) -> str | None:
        if finding["AwsAccountId"] != self.home or finding["ProductArn"].split(":")[4] != self.home:
            return "InvalidAccess"
        too_large = len(json.dumps(finding).encode()) > 240_000
        return "InvalidInput" if too_large or not finding["Resources"] else self.refuses.get(finding["Id"])

    def updated(self, given: list[Any], workflow: Any) -> Any:
        unprocessed = []
        for each in given:
            if each["Id"] in self.findings and each["Id"] not in self.refuses:
                self.findings[each["Id"]]["Workflow"] = workflow
                continue
            code = self.refuses.get(each["Id"], "FindingNotFound")
            unprocessed.append({"FindingIdentifier": each, "ErrorCode": code, "ErrorMessage": "said AWS"})
        return {"ProcessedFindings": [], "UnprocessedFindings": unprocessed}


@contextmanager
def hosted_versions() -> Iterator[Callable[[], list[int]]]:
    """moto lists no hosted versions of AppConfig, and deletes a profile that has some; yields what answers all there are.

    On AWS the deletion of such a stack fails with this message, in its events:
    https://github.com/aws/aws-cdk/issues/26804.
    """
    from moto.appconfig.models import appconfig_backends

    real = BaseClient._make_api_call  # type: ignore[attr-defined]

    def versions() -> list[int]:
        (backend,) = appconfig_backends["123456789012"].values()
        profiles = (each for one in backend.applications.values() for each in one.config_profiles.values())
        return [version for each in profiles for version in each.config_versions]

    def call(self: BaseClient, operation_name: str, api_params: Any) -> Any:
        if operation_name == "ListHostedConfigurationVersions":
            begin, found = int(api_params.get("NextToken", 0)), versions()
            more = {"NextToken": str(begin + 2)} if found[begin + 2 :] else {}
            return {"Items": [{"VersionNumber": each} for each in found[begin : begin + 2]], **more}
        if operation_name == "DeleteStack" and versions():
            message = "Cannot delete configuration profile because there are still hosted configuration versions existing under it"
            raise _client_error(operation_name, "BadRequestException", message)
        return real(self, operation_name, api_params)

    with patch.object(BaseClient, "_make_api_call", call):
        yield versions


def _client_error(operation: str, code: str, message: str) -> ClientError:
    said: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    return ClientError(said, operation)


@contextmanager
def trimmed_stream() -> Iterator[None]:
    """moto's streams keep everything; DynamoDB's a day.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_GetShardIterator.html
    """
    real = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(self: BaseClient, operation_name: str, api_params: Any) -> Any:
        if operation_name != "GetShardIterator":
            return real(self, operation_name, api_params)
        gone = {
            "Error": {
                "Code": "TrimmedDataAccessException",
                "Message": "The operation attempted to read past the oldest stream record in a shard.",
            }
        }
        raise ClientError({**gone, "ResponseMetadata": {"HTTPStatusCode": 400}}, operation_name)  # type: ignore[typeddict-item]

    with patch.object(BaseClient, "_make_api_call", call):
        yield


def policies_of_aws(*names: str) -> None:
    """moto holds AWS's managed policies only when told to load all 1,500 of them; these are put in.

    https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
    """
    from moto.iam.models import AWSManagedPolicy, iam_backends

    from tests.support.events import HOME, REGION

    for name in names:
        policy = AWSManagedPolicy.from_data(name, HOME, REGION, every_policy_of_aws()[name])
        iam_backends[HOME]["aws"].managed_policies[policy.arn] = policy


@cache
def every_policy_of_aws() -> dict[str, Any]:
    """moto's copy of them, by name: `{"Path": "/", "Document": {…}, …}`."""
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    found: dict[str, Any] = json.loads(aws_managed_policies_data)
    return found


def scan_found(
    account: str,
    region: str,
    repository: str,
    digest: str,
    counts: dict[str, int],
    enhanced: list[dict[str, Any]] | None = None,
) -> None:
    """moto scans nothing: this is a finished basic scan of an image, with so many findings of each severity.

    Or an enhanced one, with findings as Amazon Inspector has them.
    """
    found: dict[str, Any] = {"findings": [], "findingSeverityCounts": counts}
    if enhanced is not None:
        counted = Counter(each["severity"] for each in enhanced)
        found = {"enhancedFindings": enhanced, "findingSeverityCounts": dict(counted)}
    from moto.ecr.models import ecr_backends

    registry = ecr_backends[account][region]
    registry.start_image_scan(account, repository, {"imageDigest": digest})
    registry.scan_finding_results.append(
        {
            "registryId": account,
            "repositoryName": repository,
            "imageId": {"imageDigest": digest},
            "imageScanStatus": {"status": "COMPLETE", "description": "The scan was completed successfully."},
            "imageScanFindings": found,
        }
    )


def inspector_found(*findings: Any) -> None:
    """moto's Inspector finds nothing, and filters nothing. From here on it has these, and filters by what they hold.

    https://docs.aws.amazon.com/inspector/v2/APIReference/API_FilterCriteria.html
    """
    from moto.inspector2.models import inspector2_backends

    from tests.support.events import HOME, REGION

    names = {"findingStatus": "status", "findingType": "type"}

    def listed(filter_criteria: Any, **_: Any) -> list[Any]:
        return [finding for finding in findings if all(among(finding, *each) for each in filter_criteria.items())]

    def among(finding: Any, name: str, wanted: list[Any]) -> bool:
        held = finding["resources"][0]["id"] if name == "resourceId" else finding.get(names.get(name, name))
        return held in [each["value"] for each in wanted]

    vars(inspector2_backends[HOME][REGION])["list_findings"] = listed


def certificate_expires(name: str, when: datetime) -> None:
    """moto doesn't read server certificates; snapback/memory_aws/gaps.py has it say what is put in here."""
    from moto.iam.models import iam_backends

    from tests.support.events import HOME

    vars(iam_backends[HOME]["aws"].get_server_certificate(name))["expiration"] = when


def root_has_a_key() -> None:
    """moto's root user has no way to be given one.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html
    """
    from moto.iam.models import iam_backends

    from tests.support.events import HOME

    iam_backends[HOME]["aws"].account_summary._account_access_keys_present = 1


def enrol_mfa(world: Any, user: str) -> None:
    """A virtual device; moto takes any two codes."""
    iam = world.client("iam")
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName=f"{user}-phone")["VirtualMFADevice"]["SerialNumber"]
    iam.enable_mfa_device(
        UserName=user, SerialNumber=serial, AuthenticationCode1="123456", AuthenticationCode2="654321"
    )
