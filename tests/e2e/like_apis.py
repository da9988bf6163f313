"""Single calls that ministack answers otherwise than AWS, or not at all: each with AWS's page. See like_aws.py.

What it has none of is empty here, or as in a new account: the daily sweep asks for each kind of resource. Only EC2's
DescribeTransitGateways stays as it is, an error: the day's place that can't be read.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ministack import app
from ministack.core import responses
from ministack.services import dynamodb, ec2, ecr, iam
from ministack.services.cloudformation import provisioners

from tests.e2e.like_aws import patch


@patch(ec2._ACTION_MAP, "CreateNetworkAclEntry")
def an_entry_has_ports(former: Any, asked: Any) -> Any:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkAclEntry.html"""
    answer = former(asked)
    if answer[0] == 200 and (low := ec2._p(asked, "PortRange.From")):
        entry = ec2._network_acls[ec2._p(asked, "NetworkAclId")]["Entries"][-1]
        entry["PortRange"] = {"from": low, "to": ec2._p(asked, "PortRange.To")}
    return answer


@patch(ec2, "_network_acl_entry_xml")
def an_entry_tells_its_ports(former: Any, entry: Any) -> Any:
    told = "".join(f"<{end}>{port}</{end}>" for end, port in entry.get("PortRange", {}).items())
    return former(entry).replace("</item>", f"<portRange>{told}</portRange></item>" if told else "</item>")


@patch(ec2._ACTION_MAP, "DescribeNetworkAcls")
def an_acl_that_is_gone_is_an_error(former: Any, asked: Any) -> Any:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html: InvalidNetworkAclID.NotFound."""
    for each in ec2._parse_member_list(asked, "NetworkAclId"):
        if each not in ec2._network_acls:
            return ec2._error("InvalidNetworkAclID.NotFound", f"The networkAcl ID '{each}' does not exist", 400)
    return former(asked)


def _account_reads() -> None:
    """As in an account where everything is on: API_GetEbsEncryptionByDefault.html, and the three beside it, under
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/.
    """
    answers = {
        "GetEbsEncryptionByDefault": "<ebsEncryptionByDefault>true</ebsEncryptionByDefault>",
        "GetImageBlockPublicAccessState": "<imageBlockPublicAccessState>block-new-sharing</imageBlockPublicAccessState>",
        "GetInstanceMetadataDefaults": "<accountLevel><httpTokens>required</httpTokens></accountLevel>",
        "GetSnapshotBlockPublicAccessState": "<state>block-all-sharing</state>",
    }
    for name, answer in answers.items():
        ec2._ACTION_MAP[name] = lambda _, name=name, answer=answer: ec2._xml(200, f"{name}Response", answer)


_account_reads()


@patch(provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::Table"], "create")
def a_table_has_all_that_its_template_says(former: Any, logical_id: str, props: Any, *more: Any) -> Any:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html: when items
    expire, and point-in-time recovery.
    """
    name, attributes = former(logical_id, props, *more)
    if expiry := props.get("TimeToLiveSpecification"):
        on = str(expiry["Enabled"]).lower() == "true"
        dynamodb._ttl_settings[name] = {**expiry, "TimeToLiveStatus": "ENABLED" if on else "DISABLED"}
    recovery = props.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled", False)
    dynamodb._pitr_settings[name] = str(recovery).lower() == "true"
    return name, attributes


def _set_default_policy_version(asked: Any) -> Any:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_SetDefaultPolicyVersion.html"""
    policy, version = iam._policies.get(iam._p(asked, "PolicyArn")), iam._p(asked, "VersionId")
    if not policy or version not in policy["Versions"]:
        return iam._error(404, "NoSuchEntity", f"Policy version {version} not found.", ns="iam")
    for each in policy["Versions"].values():
        each["IsDefaultVersion"] = each["VersionId"] == version
    policy["DefaultVersionId"] = version
    return iam._xml(200, "SetDefaultPolicyVersionResponse", "", ns="iam")


def _list_server_certificates(_asked: Any) -> Any:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListServerCertificates.html"""
    none = "<ServerCertificateMetadataList/><IsTruncated>false</IsTruncated>"
    body = f"<ListServerCertificatesResult>{none}</ListServerCertificatesResult>"
    return iam._xml(200, "ListServerCertificatesResponse", body, ns="iam")


iam._IAM_HANDLERS |= {
    "SetDefaultPolicyVersion": _set_default_policy_version,
    "ListServerCertificates": _list_server_certificates,
}


@patch(ecr, "handle_request")
async def what_a_repository_scans(former: Any, method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
    """Basic scanning without filters: API_BatchGetRepositoryScanningConfiguration.html and
    API_GetRegistryScanningConfiguration.html under https://docs.aws.amazon.com/AmazonECR/latest/APIReference/.
    """
    called = headers.get("x-amz-target", "").rpartition(".")[2]
    if called == "GetRegistryScanningConfiguration":
        rules = {"scanType": "BASIC", "rules": []}
        return responses.json_response({"registryId": responses.get_account_id(), "scanningConfiguration": rules})
    if called != "BatchGetRepositoryScanningConfiguration":
        return await former(method, path, headers, body, query)
    found = [
        {"repositoryName": name, "scanFrequency": "SCAN_ON_PUSH" if _scans(ecr._repositories[name]) else "MANUAL"}
        for name in json.loads(body)["repositoryNames"]
        if name in ecr._repositories
    ]
    return responses.json_response({"scanningConfigurations": found, "failures": []})


def _scans(repository: Any) -> bool:
    return bool(repository["imageScanningConfiguration"].get("scanOnPush"))


_EMPTY: dict[str, Any] = {
    "sso": {"Instances": []},
    "ram": {"resourceShares": []},
    "rolesanywhere": {"trustAnchors": [], "profiles": []},
}
"""What services that ministack hasn't got list, in an account that doesn't use them:

https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_ListInstances.html
https://docs.aws.amazon.com/ram/latest/APIReference/API_GetResourceShares.html
https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_ListTrustAnchors.html and API_ListProfiles.html
"""


@patch(app, "detect_service")
def services_that_are_not_used(former: Any, method: str, path: str, headers: Any, query: Any) -> str:
    found = re.search(r"Credential=[^,]*/([a-z0-9-]+)/aws4_request", headers.get("authorization", ""))
    return found[1] if found and found[1] in _EMPTY else str(former(method, path, headers, query))


def _nothing_of(service: str) -> Any:
    async def handle(*_: Any) -> Any:
        return responses.json_response(_EMPTY[service])

    return handle


app.SERVICE_HANDLERS |= {service: _nothing_of(service) for service in _EMPTY}
