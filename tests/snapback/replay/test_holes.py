"""Calls that rest on what a log doesn't hold, or that CloudTrail or moto spells in its own way: each is re-enacted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from snapback.memory_aws.memory import MemoryAws
from snapback.replay.reenact import Reenactor
from tests.support.events import cloudtrail_event

if TYPE_CHECKING:
    from collections.abc import Iterator

H = "111122223333"
SG = "sg-0a1b2c3d4e5f60002"
ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def event(source: str, name: str, asked: Any = None, answer: Any = None, **more: Any) -> dict[str, Any]:
    return cloudtrail_event(source, name, asked, answer, account=H, **more)


def perm(**more: Any) -> dict[str, Any]:
    rule = {
        "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]},
        "groups": {},
        "ipv6Ranges": {},
        "prefixListIds": {},
        **more,
    }
    return {"groupId": SG, "ipPermissions": {"items": [rule]}}


HOLES = [
    event("ec2", "AuthorizeSecurityGroupIngress", perm(ipProtocol="50")),
    event("ec2", "AuthorizeSecurityGroupIngress", perm(ipProtocol="icmp")),
    event("ec2", "AuthorizeSecurityGroupIngress", perm(ipProtocol="gre")),
    event("ec2", "AuthorizeSecurityGroupIngress", perm(ipProtocol="tcp")),
    event(
        "ec2",
        "AuthorizeSecurityGroupIngress",
        perm(
            ipProtocol="tcp",
            fromPort=22,
            toPort=22,
            ipRanges={},
            prefixListIds={"items": [{"prefixListId": "pl-0123456789abcdef0"}]},
        ),
    ),
    event(
        "ec2",
        "ModifyManagedPrefixList",
        {
            "ModifyManagedPrefixListRequest": {
                "PrefixListId": "pl-0123456789abcdef1",
                "CurrentVersion": 3,
                "AddEntry": {"Cidr": "0.0.0.0/0", "tag": 1},
            }
        },
    ),
    event(
        "iam",
        "UpdateAccessKey",
        {"accessKeyId": "AKIAEXAMPLE12345", "status": "Active"},
        actor={"type": "IAMUser", "userName": "bob", "arn": f"arn:aws:iam::{H}:user/bob", "accountId": H},
    ),
    event("iam", "UpdateAccessKey", {"accessKeyId": "AKIAEXAMPLE12346", "userName": "bo", "status": "Inactive"}),
    event("iam", "DeleteAccessKey", {"accessKeyId": "AKIAEXAMPLE12347", "userName": "bo"}),
    event(
        "kms",
        "PutKeyPolicy",
        {
            "keyId": f"arn:aws:kms:us-east-1:{H}:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "policyName": "default",
            "policy": "{}",
        },
    ),
    event("kms", "ScheduleKeyDeletion", {"keyId": "1234abcd-12ab-34cd-56ef-1234567890ac", "pendingWindowInDays": 7}),
    event("ec2", "CreateVpc", {"cidrBlock": "10.0.0.0/16"}, region="mx-central-1"),
    event("ec2", "CreateVpc", {"cidrBlock": "10.0.0.0/16"}, region="us-west-9"),
    event("s3", "CreateBucket", {"bucketName": "acme-us9"}, region="us-west-9"),
    event("ec2", "CreateVpc", {"cidrBlock": "10.0.0.0/16"}, region="us-gov-west-1"),
    event("ec2", "CreateVpc", {"cidrBlock": "10.0.0.0/16"}, region="eusc-de-east-1"),
    event(
        "iam",
        "AttachRolePolicy",
        {"roleName": "r", "policyArn": "arn:aws-cn:iam::aws:policy/AdministratorAccess"},
        region="cn-north-1",
    ),
    event(
        "iam",
        "AttachRolePolicy",
        {"roleName": "r", "policyArn": "arn:aws-us-gov:iam::aws:policy/AdministratorAccess"},
        region="us-gov-west-1",
    ),
    event(
        "iam",
        "AttachRolePolicy",
        {"roleName": "r", "policyArn": "arn:aws-iso:iam::aws:policy/AdministratorAccess"},
        region="us-iso-east-1",
    ),
    event(
        "iam",
        "AttachRolePolicy",
        {"roleName": "r", "policyArn": "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"},
    ),
    event("iam", "AttachRolePolicy", {"roleName": "r", "policyArn": "arn:aws:iam::aws:policy/BrandNewPolicy"}),
    event(
        "lambda",
        "UpdateFunctionCode20150331v2",
        {"functionName": "f", "dryRun": False, "publish": False},
        {"functionName": "f", "codeSha256": "abc="},
    ),
    event(
        "lambda",
        "CreateFunction20150331",
        {
            "functionName": "g",
            "role": f"arn:aws:iam::{H}:role/x",
            "runtime": "python3.12",
            "handler": "a.b",
            "environment": {},
            "code": {},
            "publish": False,
        },
        {"functionName": "g", "codeSha256": "abc="},
    ),
    event(
        "lambda",
        "UpdateFunctionConfiguration20150331v2",
        {"functionName": "fn", "environment": {}, "layers": ["arn:aws:lambda:us-east-1:999988887777:layer:tools:1"]},
    ),
    event(
        "s3",
        "PutBucketLogging",
        {"bucketName": "src", "BucketLoggingStatus": {"LoggingEnabled": {"TargetBucket": "tgt", "TargetPrefix": "p"}}},
    ),
    event("cloudtrail", "StartLogging", {"name": "trail"}),
    event(
        "cloudtrail",
        "PutEventSelectors",
        {"trailName": f"arn:aws:cloudtrail:us-east-1:{H}:trail/trail", "eventSelectors": []},
    ),
    event("rolesanywhere", "EnableTrustAnchor", {"trustAnchorId": "12345678-1234-1234-1234-123456789012"}),
    event(
        "rolesanywhere",
        "CreateProfile",
        {
            "name": "a",
            "roleArns": [f"arn:aws:iam::{H}:role/x"],
            "tags": [{"key": "HIDDEN_DUE_TO_SECURITY_REASONS", "value": "HIDDEN_DUE_TO_SECURITY_REASONS"}],
        },
        {"profile": {"profileId": "12345678-1234-1234-1234-123456789013"}},
    ),
    event("iam", "DeleteRole", {"roleName": "r"}),
    event(
        "iam",
        "UpdateSAMLProvider",
        {"sAMLProviderArn": f"arn:aws:iam::{H}:saml-provider/X", "sAMLMetadataDocument": "x" * 1001},
    ),
    event(
        "iam",
        "CreateAccessKey",
        None,
        {"accessKey": {"accessKeyId": "AKIAIOSFODNN7EXAMPLE", "status": "Active"}},
        actor={"type": "Root", "accountId": H, "arn": f"arn:aws:iam::{H}:root"},
    ),
    event(
        "iam",
        "ChangePassword",
        None,
        actor={"type": "IAMUser", "userName": "bob", "arn": f"arn:aws:iam::{H}:user/bob", "accountId": H},
    ),
    event("iam", "UpdateLoginProfile", {"userName": "dana"}),
    event("iam", "UpdateLoginProfile", {"userName": "dana", "passwordResetRequired": True}),
    event("iam", "CreateLoginProfile", {"userName": "erin"}),
    event(
        "ec2",
        "RunInstances",
        {
            "instancesSet": {"items": [{"minCount": 1, "maxCount": 1}]},
            "launchTemplate": {"launchTemplateId": "lt-0123"},
        },
        {"instancesSet": {"items": [{"instanceId": "i-0123456789abcdef1", "imageId": "ami-0123456789abcdef1"}]}},
    ),
    event(
        "ec2",
        "RunInstances",
        {"instancesSet": {"items": [{"minCount": 1, "maxCount": 1}]}, "instanceType": "t3.micro"},
        {"instancesSet": {"items": [{"instanceId": "i-0123456789abcdef2", "imageId": "ami-0123456789abcdef2"}]}},
    ),
    event(
        "iam",
        "AttachUserPolicy",
        {"userName": "u", "policyArn": "arn:aws-eusc:iam::aws:policy/AdministratorAccess"},
        region="eusc-de-east-1",
    ),
    event("ec2", "DisassociateAddress", {"associationId": "eipassoc-0123456789"}),
    event(
        "ec2",
        "AssociateIamInstanceProfile",
        {
            "AssociateIamInstanceProfileRequest": {
                "IamInstanceProfile": {"Name": "prof"},
                "InstanceId": "i-0123456789abcdef8",
            }
        },
    ),
    event(
        "ec2",
        "CreateFleet",
        {
            "CreateFleetRequest": {
                "LaunchTemplateConfigs": {
                    "LaunchTemplateSpecification": {"LaunchTemplateId": "lt-01234567", "Version": "1"},
                    "tag": 1,
                },
                "TargetCapacitySpecification": {"TotalTargetCapacity": 1, "DefaultTargetCapacityType": "on-demand"},
                "Type": "instant",
            }
        },
    ),
    event(
        "ec2", "ModifySubnetAttribute", {"subnetId": "subnet-0123456789abcdef0", "mapPublicIpOnLaunch": {"value": True}}
    ),
    event(
        "ec2", "DeleteFlowLogs", {"DeleteFlowLogsRequest": {"FlowLogId": {"content": "fl-0123456789abcdef0", "tag": 1}}}
    ),
    event("config", "DeleteDeliveryChannel", {"deliveryChannelName": "elsewhere"}),
    event("guardduty", "UpdateDetector", {"detectorId": "d1a2b3c4d5e6f708192a3b4c5d6e7f80", "enable": False}),
    event(
        "ec2",
        "CreateNetworkAclEntry",
        {
            "networkAclId": "acl-0123",
            "ruleNumber": 10,
            "egress": False,
            "ruleAction": "allow",
            "aclProtocol": "-1",
            "cidrBlock": "0.0.0.0/0",
        },
    ),
    event(
        "autoscaling",
        "CreateAutoScalingGroup",
        {
            "autoScalingGroupName": "a",
            "minSize": 1,
            "maxSize": 1,
            "launchTemplate": {"launchTemplateId": "lt-999999999"},
            "vPCZoneIdentifier": "subnet-0123456789abcdef0",
        },
    ),
    event(
        "ec2",
        "AcceptVpcPeeringConnection",
        {"AcceptVpcPeeringConnectionRequest": {"VpcPeeringConnectionId": "pcx-0123456789abcdef0"}},
    ),
    event(
        "ec2",
        "ModifyTransitGateway",
        {
            "ModifyTransitGatewayRequest": {
                "TransitGatewayId": "tgw-0123456789abcdef0",
                "Options": {"AutoAcceptSharedAttachments": "enable"},
            }
        },
    ),
    event(
        "ec2",
        "ModifySecurityGroupRules",
        {
            "ModifySecurityGroupRulesRequest": {
                "GroupId": "sg-0a1b2c3d4e5f60009",
                "SecurityGroupRule": {
                    "SecurityGroupRuleId": "sgr-0123",
                    "tag": 1,
                    "SecurityGroupRule": {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "0.0.0.0/0"},
                },
            }
        },
    ),
    event(
        "sso",
        "CreateAccountAssignment",
        {
            "instanceArn": "arn:aws:sso:::instance/ssoins-1234567890123456",
            "targetId": H,
            "targetType": "AWS_ACCOUNT",
            "permissionSetArn": "arn:aws:sso:::permissionSet/ssoins-1234567890123456/ps-1234567890123456",
            "principalType": "USER",
            "principalId": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        },
    ),
    event(
        "sso",
        "AttachManagedPolicyToPermissionSet",
        {
            "instanceArn": "arn:aws:sso:::instance/ssoins-1234567890123456",
            "permissionSetArn": "arn:aws:sso:::permissionSet/ssoins-1234567890123456/ps-1234567890123457",
            "managedPolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess",
        },
    ),
    event("organizations", "DetachPolicy", {"policyId": "p-12345678", "targetId": "ou-abcd-12345678"}),
    event(
        "ram",
        "CreateResourceShare",
        {
            "name": "s",
            "resourceArns": [f"arn:aws:ec2:us-east-1:{H}:subnet/subnet-0123"],
            "principals": ["999988887777"],
            "allowExternalPrincipals": True,
        },
    ),
    event(
        "ram",
        "AssociateResourceShare",
        {
            "resourceShareArn": f"arn:aws:ram:us-east-1:{H}:resource-share/12345678-1234-1234-1234-123456789012",
            "principals": ["999988887777"],
        },
    ),
    event(
        "codebuild",
        "UpdateProjectVisibility",
        {"projectArn": f"arn:aws:codebuild:us-east-1:{H}:project/pr", "projectVisibility": "PUBLIC_READ"},
    ),
    event(
        "codebuild",
        "UpdateProject",
        {
            "name": "pp",
            "environment": {
                "type": "LINUX_CONTAINER",
                "image": "a",
                "computeType": "BUILD_GENERAL1_SMALL",
                "privilegedMode": True,
            },
        },
    ),
    event("eks", "UpdateClusterConfig", {"name": "c", "resourcesVpcConfig": {"endpointPublicAccess": True}}),
    event("iam", "UpdateAccountPasswordPolicy", {"minimumPasswordLength": 6}),
    event("iam", "DeleteAccountPasswordPolicy", None),
    event(
        "ec2",
        "EnableImageBlockPublicAccess",
        {"EnableImageBlockPublicAccessRequest": {"ImageBlockPublicAccessState": "block-new-sharing"}},
    ),
    event("ec2", "DisableEbsEncryptionByDefault", {"DisableEbsEncryptionByDefaultRequest": ""}),
    event("iam", "DeactivateMFADevice", {"userName": "bob", "serialNumber": f"arn:aws:iam::{H}:mfa/bob"}),
    event("iam", "AddRoleToInstanceProfile", {"instanceProfileName": "ip", "roleName": "ro"}),
    event("iam", "SetDefaultPolicyVersion", {"policyArn": f"arn:aws:iam::{H}:policy/p2", "versionId": "v2"}),
    event(
        "iam",
        "CreatePolicyVersion",
        {
            "policyArn": f"arn:aws:iam::{H}:policy/p2",
            "policyDocument": json.dumps(
                {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
            ),
            "setAsDefault": True,
        },
    ),
    event("iam", "DeleteRolePermissionsBoundary", {"roleName": "rb"}),
    event("iam", "AddUserToGroup", {"groupName": "gg", "userName": "uu"}),
    event("ecr", "PutImageTagMutability", {"repositoryName": "r3", "imageTagMutability": "MUTABLE"}),
    event("events", "DisableRule", {"name": "rule1"}),
    event(
        "dynamodb",
        "UpdateContinuousBackups",
        {"tableName": "snapback-ledger", "pointInTimeRecoverySpecification": {"pointInTimeRecoveryEnabled": False}},
    ),
    event("ec2", "AssociateAddress", {"allocationId": "eipalloc-0123", "instanceId": "i-0123456789abcdef7"}),
    event(
        "ec2",
        "ModifyInstanceMetadataOptions",
        {"ModifyInstanceMetadataOptionsRequest": {"InstanceId": "i-0123456789abcdef6", "HttpTokens": "optional"}},
    ),
    event(
        "ec2",
        "ReplaceIamInstanceProfileAssociation",
        {
            "ReplaceIamInstanceProfileAssociationRequest": {
                "AssociationId": "iip-assoc-0123",
                "IamInstanceProfile": {"Name": "prof2"},
            }
        },
    ),
    event("ec2", "CreateVolume", {"size": "8", "zone": "us-east-1a", "encrypted": False}),
    event(
        "s3",
        "PutBucketLifecycle",
        {
            "bucketName": "lifecycle",
            "LifecycleConfiguration": {
                "Rule": {"ID": "a", "Status": "Enabled", "Expiration": {"Days": 1}, "Prefix": ""}
            },
        },
    ),
    event("s3", "DeleteBucketEncryption", {"bucketName": "enc"}),
    event(
        "s3",
        "PutBucketEncryption",
        {
            "bucketName": "enc",
            "ServerSideEncryptionConfiguration": {
                "Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
            },
        },
    ),
    event(
        "iam",
        "PutUserPolicy",
        {
            "userName": "bob",
            "policyName": "p",
            "policyDocument": json.dumps(
                {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
            ),
        },
    ),
    event(
        "ecs",
        "RegisterTaskDefinition",
        {
            "family": "f",
            "containerDefinitions": [
                {
                    "name": "a",
                    "image": "b",
                    "memory": 128,
                    "environment": [{"name": "A", "value": "HIDDEN_DUE_TO_SECURITY_REASONS"}],
                }
            ],
        },
    ),
    event(
        "ecs",
        "CreateService",
        {
            "serviceName": "s",
            "cluster": "c",
            "taskDefinition": "t:1",
            "desiredCount": 1,
            "networkConfiguration": {
                "awsvpcConfiguration": {"subnets": ["subnet-0123456789abcdef0"], "assignPublicIp": "ENABLED"}
            },
            "launchType": "FARGATE",
        },
    ),
    event("ssm", "ModifyDocumentPermission", {"name": "doc", "permissionType": "Share", "accountIdsToAdd": ["all"]}),
    event(
        "sqs",
        "SetQueueAttributes",
        {"queueUrl": f"https://sqs.us-east-1.amazonaws.com/{H}/q", "attributes": {"Policy": "{}"}},
    ),
    event("cloudtrail", "UpdateTrail", {"name": "trail9", "isMultiRegionTrail": False}),
    event("cloudtrail", "DeleteTrail", {"name": f"arn:aws:cloudtrail:us-east-1:{H}:trail/trail8"}),
]


@pytest.fixture(scope="module")
def again() -> Iterator[Reenactor]:
    """One memory for all of them: what each presupposes differs."""
    with MemoryAws(H) as memory:
        yield Reenactor(memory)


@pytest.mark.parametrize("envelope", HOLES, ids=lambda each: f"{each['detail']['eventName']}-{each['region']}")
def test_each_is_re_enacted(again: Reenactor, envelope: dict[str, Any]) -> None:
    done = again(envelope)
    assert done.done, done.why
