"""Single calls that ministack answers otherwise than AWS, or not at all: each with AWS's page. See like_aws.py."""

from __future__ import annotations

from typing import Any

from ministack.services import ec2, iam

from tests.e2e.like_aws import patch


@patch(ec2._ACTION_MAP, "CreateNetworkAclEntry")
def an_entry_has_ports(former: Any, asked: Any) -> Any:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkAclEntry.html"""
    answer = former(asked)
    if answer[0] == 200 and (low := ec2._p(asked, "PortRange.From")):
        entry = ec2._network_acls[ec2._p(asked, "NetworkAclId")]["Entries"][-1]
        entry["PortRange"] = {"from": low, "to": ec2._p(asked, "PortRange.To")}
    return answer


@patch(vars(ec2), "_network_acl_entry_xml")
def an_entry_tells_its_ports(former: Any, entry: Any) -> Any:
    ports = entry.get("PortRange", {})
    told = "".join(f"<{end}>{port}</{end}>" for end, port in ports.items())
    return former(entry).replace("</item>", f"<portRange>{told}</portRange></item>" if told else "</item>")


@patch(ec2._ACTION_MAP, "DescribeNetworkAcls")
def an_acl_that_is_gone_is_an_error(former: Any, asked: Any) -> Any:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html: InvalidNetworkAclID.NotFound."""
    for each in ec2._parse_member_list(asked, "NetworkAclId"):
        if each not in ec2._network_acls:
            return ec2._error("InvalidNetworkAclID.NotFound", f"The networkAcl ID '{each}' does not exist", 400)
    return former(asked)


def _set_default_policy_version(asked: Any) -> Any:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_SetDefaultPolicyVersion.html"""
    policy, version = iam._policies.get(iam._p(asked, "PolicyArn")), iam._p(asked, "VersionId")
    if not policy or version not in policy["Versions"]:
        return iam._error(404, "NoSuchEntity", f"Policy version {version} not found.", ns="iam")
    for each in policy["Versions"].values():
        each["IsDefaultVersion"] = each["VersionId"] == version
    policy["DefaultVersionId"] = version
    return iam._xml(200, "SetDefaultPolicyVersionResponse", "", ns="iam")


iam._IAM_HANDLERS["SetDefaultPolicyVersion"] = _set_default_policy_version
