"""What memory holds, and what can't be judged, after calls that rest on what a log doesn't hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from snapback.memory_aws.memory import MemoryAws
from snapback.replay.reenact import Reenactor
from tests.snapback.replay.test_holes import H, event, perm

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def again() -> Iterator[Reenactor]:
    """One memory for all of them: what each presupposes differs."""
    with MemoryAws(H) as memory:
        yield Reenactor(memory)


def test_a_prefix_list_older_than_the_log_is_not_judged(again: Reenactor) -> None:
    listed = {"items": [{"prefixListId": "pl-0123456789abcdefa"}]}
    done = again(
        event(
            "ec2",
            "AuthorizeSecurityGroupIngress",
            perm(ipProtocol="tcp", fromPort=22, toPort=22, ipRanges={}, prefixListIds=listed),
        )
    )
    assert done.blind == {"ec2.security_group_opened_to_internet"}


def test_a_managed_policy_that_nobody_knows_is_not_judged(again: Reenactor) -> None:
    done = again(
        event("iam", "AttachRolePolicy", {"roleName": "r9", "policyArn": "arn:aws:iam::aws:policy/BrandNewer"})
    )
    assert done.blind == {"iam.*"}


def test_things_are_as_old_as_in_the_log(again: Reenactor) -> None:
    again(event("iam", "CreateUser", {"userName": "old"}, eventTime="2024-05-06T07:08:09Z"))
    made = again.aws.actor("iam", H, "us-east-1").get_user(UserName="old")["User"]["CreateDate"]
    assert f"{made:%Y-%m-%dT%H:%M:%S}" == "2024-05-06T07:08:09"


def test_code_has_the_hash_that_aws_answered(again: Reenactor) -> None:
    asked = {"functionName": "hashed", "dryRun": False, "publish": False}
    assert again(event("lambda", "UpdateFunctionCode20150331v2", asked, {"codeSha256": "abc="})).done
    found = again.aws.actor("lambda", H, "us-east-1").get_function(FunctionName="hashed")
    assert found["Configuration"]["CodeSha256"] == "abc="


def test_a_key_of_roots_shows_in_the_accounts_summary(again: Reenactor) -> None:
    root = {"type": "Root", "accountId": H, "arn": f"arn:aws:iam::{H}:root"}
    assert again(event("iam", "CreateAccessKey", None, actor=root)).done
    summary = again.aws.actor("iam", H, "us-east-1").get_account_summary()["SummaryMap"]
    assert summary["AccountAccessKeysPresent"] == 1


def test_a_network_acls_rule_takes_the_place_of_one_that_aws_no_longer_had(again: Reenactor) -> None:
    acl = "acl-0a1b2c3d4e5f60003"
    rule = {"networkAclId": acl, "ruleNumber": 7, "egress": False, "aclProtocol": "-1", "cidrBlock": "0.0.0.0/0"}
    assert again(event("ec2", "CreateNetworkAclEntry", {**rule, "ruleAction": "deny"})).done
    assert again(event("ec2", "CreateNetworkAclEntry", {**rule, "ruleAction": "allow"})).done
    ec2 = again.aws.actor("ec2", H, "us-east-1")
    (found,) = ec2.describe_network_acls(NetworkAclIds=[again.aliases.to_memory(acl)])["NetworkAcls"]
    assert [each["RuleAction"] for each in found["Entries"] if each["RuleNumber"] == 7] == ["allow"]
