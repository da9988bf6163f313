"""A well-made account on the in-memory AWS: what the tables of this folder name, made."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from snapback.memory_aws import cloudfront
from tests.dayone import detection, policies
from tests.dayone.buckets import BUCKETS, allow, no_plain_http
from tests.dayone.databases import TABLES
from tests.dayone.functions import FUNCTIONS, PULL, REPOSITORIES
from tests.dayone.networks import ACLS, GROUPS
from tests.dayone.roles import POLICIES, ROLES
from tests.guardrails.awslambda.functions import code
from tests.support.belongings import organization
from tests.support.events import HOME
from tests.support.moto_gaps import policies_of_aws

if TYPE_CHECKING:
    from collections.abc import Iterable

    import boto3

ALL_BLOCKED = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)


@dataclass
class Account:
    """Each method makes the things of one table, and counts them; `ids` are those that documents name."""

    aws: boto3.Session
    ids: dict[str, str] = field(default_factory=dict)
    made: int = 0

    def fill(self) -> None:
        self.harden()
        self.name_own()
        for make in (
            self.roles,
            self.policies,
            self.users,
            self.buckets,
            self.networks,
            self.functions,
            self.repositories,
            self.resource_policies,
            self.detection,
            self.tables,
        ):
            make()

    def harden(self) -> None:
        """What Control Tower and a baseline set: no default VPC, blocks on, encryption on."""
        ec2 = self.client("ec2")
        ec2.enable_ebs_encryption_by_default()
        ec2.enable_image_block_public_access(ImageBlockPublicAccessState="block-new-sharing")
        ec2.enable_snapshot_block_public_access(State="block-all-sharing")
        ec2.modify_instance_metadata_defaults(HttpTokens="required")
        self.client("s3control").put_public_access_block(AccountId=HOME, PublicAccessBlockConfiguration=ALL_BLOCKED)
        self.client("iam").update_account_password_policy(
            MinimumPasswordLength=14, PasswordReusePrevention=24, RequireSymbols=True, RequireNumbers=True
        )
        for vpc in ec2.describe_vpcs()["Vpcs"]:
            filters = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
            for subnet in ec2.describe_subnets(Filters=filters)["Subnets"]:
                ec2.delete_subnet(SubnetId=subnet["SubnetId"])
            ec2.delete_vpc(VpcId=vpc["VpcId"])

    def name_own(self) -> None:
        ec2 = self.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
        made = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3", VpcEndpointType="Gateway")
        identity = cloudfront.identity(HOME, "E1A2B3C4D5E6F7")
        self.ids = {
            "organization": organization(),
            "vpc": vpc,
            "endpoint": made["VpcEndpoint"]["VpcEndpointId"],
            "identity": f"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity {identity['Id']}",
            "canonical": identity["S3CanonicalUserId"],
        }

    def roles(self) -> None:
        policies_of_aws("AdministratorAccess", "IAMUserChangePassword")
        iam = self.client("iam")
        for role in ROLES:
            iam.create_role(RoleName=role.name, Path=role.path, AssumeRolePolicyDocument=self.document([role.trust]))
            if role.policy:
                iam.put_role_policy(
                    RoleName=role.name,
                    PolicyName="own",
                    PolicyDocument=json.dumps({"Version": "2012-10-17", **role.policy}),
                )
            if role.attached:
                iam.attach_role_policy(RoleName=role.name, PolicyArn=role.attached)
            self.made += 1

    def policies(self) -> None:
        for name, statement in POLICIES.items():
            self.client("iam").create_policy(PolicyName=name, PolicyDocument=self.document([statement]))
            self.made += 1

    def users(self) -> None:
        """New ones, whom the console makes choose a password."""
        iam = self.client("iam")
        for name in ("alice", "bob"):
            iam.create_user(UserName=name)
            iam.attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/IAMUserChangePassword")
            self.made += 1

    def buckets(self) -> None:
        s3 = self.client("s3")
        for name, grants in BUCKETS.items():
            s3.create_bucket(Bucket=name)
            s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=ALL_BLOCKED)
            statements = [allow(name, principal, actions, **more) for principal, actions, more in grants]
            s3.put_bucket_policy(Bucket=name, Policy=self.document([no_plain_http(name), *statements]))
            self.made += 1

    def networks(self) -> None:
        ec2 = self.client("ec2")
        for name, rules in GROUPS.items():
            group = ec2.create_security_group(GroupName=name, Description=name, VpcId=self.ids["vpc"])["GroupId"]
            for protocol, first, last, source in rules:
                ports = {} if protocol == "-1" else {"FromPort": first, "ToPort": last}
                ranges = {"Ipv6Ranges": [{"CidrIpv6": source}]} if ":" in source else {"IpRanges": [{"CidrIp": source}]}
                asked = [{"IpProtocol": protocol, **ports, **ranges}]
                ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=asked)
            self.made += 1
        for rules_of_acl in ACLS.values():
            acl = ec2.create_network_acl(VpcId=self.ids["vpc"])["NetworkAcl"]["NetworkAclId"]
            for number, protocol, first, last, source in rules_of_acl:
                range_: Any = {} if protocol == "-1" else {"PortRange": {"From": first, "To": last}}
                which: Any = {"NetworkAclId": acl, "RuleNumber": number, "Protocol": protocol, "RuleAction": "allow"}
                ec2.create_network_acl_entry(**which, Egress=False, CidrBlock=source, **range_)
            self.made += 1

    def functions(self) -> None:
        client, role = self.client("lambda"), f"arn:aws:iam::{HOME}:role/lambda-role"
        for name, permission in FUNCTIONS.items():
            what = {"Runtime": "python3.13", "Handler": "index.handler", "Code": {"ZipFile": code()}}
            client.create_function(FunctionName=name, Role=role, **what)
            asked = {"Action": "lambda:InvokeFunction", **self.named(permission)}
            client.add_permission(FunctionName=name, StatementId="caller", **asked)
            self.made += 1

    def repositories(self) -> None:
        ecr = self.client("ecr")
        for name, statements in REPOSITORIES.items():
            scanning = {"scanOnPush": True}
            ecr.create_repository(
                repositoryName=name, imageScanningConfiguration=scanning, imageTagMutability="IMMUTABLE"
            )
            if statements:
                text = self.document([{"Action": PULL, **each} for each in statements])
                ecr.set_repository_policy(repositoryName=name, policyText=text)
            self.made += 1

    def resource_policies(self) -> None:
        for service, named in policies.POLICIES.items():
            for name, statements in named.items():
                listed = [{"Action": policies.ACTIONS[service], "Resource": "*", **each} for each in statements]
                policies.MAKE[service](self.client(service), name, self.document(listed))
                self.made += 1

    def detection(self) -> None:
        self.made += detection.watch(self.client)

    def tables(self) -> None:
        client = self.client("dynamodb")
        for name, kept in TABLES.items():
            client.create_table(
                TableName=name,
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
                DeletionProtectionEnabled=kept,
            )
            recovery = {"PointInTimeRecoveryEnabled": kept}
            client.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)
            self.made += 1

    def document(self, statements: Iterable[dict[str, Any]]) -> str:
        listed = [{"Effect": "Allow", **each} for each in statements]
        return json.dumps(self.named({"Version": "2012-10-17", "Statement": listed}))

    def named(self, value: Any) -> Any:
        """With the account's own ids where the tables have `{organization}` and the like."""
        text = json.dumps(value)
        for name, own in self.ids.items():
            text = text.replace(f"{{{name}}}", own)
        return json.loads(text)

    def client(self, service: str) -> Any:
        return self.aws.client(service)  # type: ignore[call-overload]
