"""What a recorded call presupposes is made in memory first, in a safe state, so that only the call makes it unsafe.

A log starts in the middle: the bucket that a policy is put on was there before it. Ids (`sg-…`) are looked for up
front; named things are made when memory says that they aren't there.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.analysis.policy_access import public
from chalicelib.core.baseline import Baseline
from chalicelib.core.event import dig, rows, text
from chalicelib.core.partitions import partition
from snapback.replay.aliases import Aliases, fold

if TYPE_CHECKING:
    from snapback.memory_aws.memory import MemoryAws

ABSENT = re.compile(r"NotFound|NoSuch|NotExist|NonExistent|Unknown")
"""In the error codes by which services say that something isn't there."""
LACKING = re.compile(f"{ABSENT.pattern}|NotInUse|NoAvailable|InvalidTargetBucket|BadRequest|InvalidParameterValue")
"""And in those that may mean as much."""

THERE = re.compile(r"Exists|AlreadyOwned|Duplicate|AlreadyIn|Conflict")
_ID = re.compile(r"([a-z]+)-[0-9a-zA-Z]+")
_ID_KEYS = re.compile(r"(id|ids|groups|subnets|securitygroups|resources|instances)$")
_BLOCKED_SINCE = datetime(2023, 4, 28, tzinfo=UTC)
"""From then on new buckets are private: https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html."""
_ALL_BLOCKED = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
)
_PUBLIC_ACL = re.compile(r"AllUsers|AuthenticatedUsers|public-read|authenticated-read")
_HARMLESS = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}],
}
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


class Presupposed:
    """What one call presupposes. `parameters` are the call's own, with the ids that memory gave."""

    def __init__(
        self,
        aws: MemoryAws,
        aliases: Aliases,
        service: str,
        operation: str,
        account: str,
        region: str,
        parameters: dict[str, Any],
    ) -> None:
        self.aws, self.aliases, self.service, self.operation = aws, aliases, service, operation
        self.account, self.region, self.parameters = account, region, parameters
        self.notes: list[str] = []
        self._made: set[tuple[str, str]] = set()

    @property
    def described(self) -> str:
        return "; ".join(dict.fromkeys(self.notes))

    def client(self, service: str) -> Any:
        return self.aws.actor(service, self.account, self.region)

    @property
    def partition(self) -> str:
        return partition(self.region)

    def ids(self) -> None:
        """Make what the ids that memory didn't give stand for."""
        new = False
        for each in dict.fromkeys(_ids(self.parameters)):
            make = _BY_ID.get(each.partition("-")[0])
            if make is None or self.aliases.made(each):
                continue
            self.aliases.put(each, make(self))
            self.notes.append(f"presupposed {each}")
            new = True
        if new:
            self.parameters = self.aliases.to_memory(self.parameters)
            if self.operation == "DetachInternetGateway":
                self.client("ec2").attach_internet_gateway(**self.parameters)

    def names(self) -> bool:
        """Make what the parameters name and memory lacks; says whether there was anything to make."""
        new = False
        for name, value in list(_texts(self.parameters)):
            make = _BY_NAME.get((self.service, name))
            if make is None or (name, value) in self._made or self._makes(name):
                continue
            self._made.add((name, value))
            try:
                what = make(self, value)
            except ClientError as error:
                if not THERE.search(str(dig(error.response, "Error", "Code"))):
                    raise
                continue
            if what:
                self.notes.append(f"presupposed {what}")
                new = True
        if new:
            self.parameters = self.aliases.to_memory(self.parameters)
        return new

    def _makes(self, name: str) -> bool:
        """Whether what a parameter names is what the call itself creates: `CreateUser`, `UserName`."""
        created = self.operation.removeprefix("Create")
        return created != self.operation and (
            fold(name).startswith(fold(created)) or (created, name) == ("Trail", "Name")
        )

    def implied(self, at: datetime | None) -> None:
        """What AWS does besides, and what must have been so, or AWS would have refused the call."""
        if self.service != "s3":
            return
        bucket = self.parameters.get("Bucket", "")
        if self.operation == "CreateBucket" and at and at >= _BLOCKED_SINCE:
            _block(self, bucket)
        opened = ""
        if self.operation in {"CreateBucket", "PutBucketAcl"} and _PUBLIC_ACL.search(json.dumps(self.parameters)):
            opened = "ACL"
        elif self.operation == "PutBucketPolicy" and _is_public(self.parameters["Policy"], self.account):
            opened = "policy"
        if opened and _unblock(self, bucket, opened):
            self.notes.append(f"presupposed Block Public Access off, or AWS would have refused the public {opened}")


def _texts(parameters: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Every string, by its dotted path."""
    for name, value in parameters.items():
        if isinstance(value, str):
            yield path + name, value
        elif isinstance(value, Mapping):
            yield from _texts(value, f"{path}{name}.")


def _ids(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _ids(each, fold(str(name)))
    elif isinstance(value, list):
        for each in value:
            yield from _ids(each, key)
    elif isinstance(value, str) and _ID.fullmatch(value) and _ID_KEYS.search(key):
        yield value


def _is_public(policy: str, account: str) -> bool:
    try:
        return bool(public(policy, Baseline(), account))
    except ValueError:
        return False


def _block(here: Presupposed, bucket: str) -> None:
    s3 = here.client("s3")
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=_ALL_BLOCKED)
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    )


def _unblock(here: Presupposed, bucket: str, opened: str) -> bool:
    """Take off the blocks that would have refused a public policy or ACL; says whether there were any."""
    blocks = (here.client("s3"), {"Bucket": bucket}), (here.client("s3control"), {"AccountId": here.account})
    flag = {"ACL": "BlockPublicAcls", "policy": "BlockPublicPolicy"}[opened]
    found = False
    for client, which in blocks:
        with suppress(ClientError):
            if client.get_public_access_block(**which)["PublicAccessBlockConfiguration"][flag]:
                client.delete_public_access_block(**which)
                found = True
    if opened == "ACL":
        rules = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
        here.client("s3").put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=rules)
    return found


def _bucket(here: Presupposed, name: str) -> str:
    where = {} if here.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": here.region}}
    here.client("s3").create_bucket(Bucket=name, **where)
    _block(here, name)
    return f"bucket {name}, private"


def _vpc(here: Presupposed) -> str:
    """One for all that is presupposed in a region, so that what goes together is together."""
    ec2 = here.client("ec2")
    mark = [{"Name": "tag:snapback", "Values": ["presupposed"]}]
    for vpc in ec2.describe_vpcs(Filters=mark)["Vpcs"]:
        return str(vpc["VpcId"])
    tags = [{"ResourceType": "vpc", "Tags": [{"Key": "snapback", "Value": "presupposed"}]}]
    return str(ec2.create_vpc(CidrBlock="10.250.0.0/16", TagSpecifications=tags)["Vpc"]["VpcId"])


def _named_vpc(here: Presupposed) -> str:
    return str(here.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"])


def _subnet(here: Presupposed) -> str:
    ec2, vpc = here.client("ec2"), _vpc(here)
    number = len(ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"])
    return str(ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.250.{number}.0/24")["Subnet"]["SubnetId"])


def _security_group(here: Presupposed) -> str:
    ec2 = here.client("ec2")
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    name = f"presupposed-{len(ec2.describe_security_groups()['SecurityGroups'])}"
    return str(
        ec2.create_security_group(
            GroupName=name, Description="presupposed", VpcId=vpc[0]["VpcId"] if vpc else _vpc(here)
        )["GroupId"]
    )


def _volume(here: Presupposed) -> str:
    made = here.client("ec2").create_volume(AvailabilityZone=f"{here.region}a", Size=8, Encrypted=True)
    return str(made["VolumeId"])


def _instance(here: Presupposed) -> str:
    started = here.client("ec2").run_instances(ImageId=_image(here), MinCount=1, MaxCount=1)
    return str(started["Instances"][0]["InstanceId"])


def _image(here: Presupposed) -> str:
    ec2 = here.client("ec2")
    return str(ec2.register_image(Name="presupposed", Description="presupposed")["ImageId"])


def _association(here: Presupposed) -> str:
    ec2, subnet = here.client("ec2"), _subnet(here)
    table = ec2.create_route_table(VpcId=_vpc(here))["RouteTable"]["RouteTableId"]
    return str(ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"])


def _nat(here: Presupposed) -> str:
    ec2 = here.client("ec2")
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    made = ec2.create_nat_gateway(SubnetId=_subnet(here), AllocationId=address)
    return str(made["NatGateway"]["NatGatewayId"])


_BY_ID: dict[str, Callable[[Presupposed], str]] = {
    "acl": lambda here: here.client("ec2").create_network_acl(VpcId=_vpc(here))["NetworkAcl"]["NetworkAclId"],
    "ami": _image,
    "eipalloc": lambda here: here.client("ec2").allocate_address(Domain="vpc")["AllocationId"],
    "eni": lambda here: here.client("ec2").create_network_interface(SubnetId=_subnet(here))["NetworkInterface"][
        "NetworkInterfaceId"
    ],
    "i": _instance,
    "igw": lambda here: here.client("ec2").create_internet_gateway()["InternetGateway"]["InternetGatewayId"],
    "nat": _nat,
    "rtb": lambda here: here.client("ec2").create_route_table(VpcId=_vpc(here))["RouteTable"]["RouteTableId"],
    "rtbassoc": _association,
    "sg": _security_group,
    "snap": lambda here: here.client("ec2").create_snapshot(VolumeId=_volume(here))["SnapshotId"],
    "subnet": _subnet,
    "vol": _volume,
    "vpc": _named_vpc,
}
"""What makes the thing that an id's prefix stands for, and answers its id in memory."""


def _user(here: Presupposed, name: str) -> str:
    here.client("iam").create_user(UserName=name)
    return f"user {name}"


def _role(here: Presupposed, name: str) -> str:
    name = name.rsplit("/", 1)[-1]
    here.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_TRUST))
    return f"role {name}, trusting EC2 only"


def _group(here: Presupposed, name: str) -> str:
    here.client("iam").create_group(GroupName=name)
    return f"group {name}"


def _policy(here: Presupposed, arn: str) -> str:
    if ":aws:policy/" in arn:
        return (
            f"AWS's policy {arn.rsplit('/', 1)[-1]}"
            if here.aws.managed_policy(arn, here.account, here.partition)
            else ""
        )
    _, _, path = arn.partition(":policy")
    prefix, _, name = path.rpartition("/")
    here.client("iam").create_policy(PolicyName=name, Path=f"{prefix}/", PolicyDocument=json.dumps(_HARMLESS))
    return f"policy {name}, harmless"


def _instance_profile(here: Presupposed, name: str) -> str:
    name = name.rsplit("/", 1)[-1]
    here.client("iam").create_instance_profile(InstanceProfileName=name)
    return f"instance profile {name}"


def _access_key(here: Presupposed, key: str) -> str:
    iam, user = here.client("iam"), here.parameters.get("UserName")
    if not user:
        return ""
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_user(UserName=user)
    here.aliases.put(key, iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"])
    return f"access key {key}"


def _login(here: Presupposed, name: str) -> str:
    """A user, and the password that an update or a deletion is about."""
    iam, made = here.client("iam"), ""
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        made = _user(here, name)
    if here.operation in {"UpdateLoginProfile", "DeleteLoginProfile", "ChangePassword"}:
        iam.create_login_profile(UserName=name, Password="Made-up-0!")  # noqa: S106  # nosec B106
        made = f"user {name} with a password"
    return made


def _trail(here: Presupposed, name: str) -> str:
    name = name.rsplit("/", 1)[-1]
    bucket = f"presupposed-trail-{here.account}"
    s3 = here.client("s3")
    if bucket not in {each["Name"] for each in s3.list_buckets()["Buckets"]}:
        _bucket(here, bucket)
    trails = here.client("cloudtrail")
    trails.create_trail(Name=name, S3BucketName=bucket, IsMultiRegionTrail=True, EnableLogFileValidation=True)
    trails.start_logging(Name=name)
    return f"trail {name}, logging in all regions"


def _repository(here: Presupposed, name: str) -> str:
    here.client("ecr").create_repository(repositoryName=name, imageScanningConfiguration={"scanOnPush": True})
    return f"repository {name}, scanned on push"


def _key(here: Presupposed, id: str) -> str:
    kms = here.client("kms")
    made = kms.create_key(Description="presupposed")["KeyMetadata"]["KeyId"]
    if id.startswith("alias/"):
        kms.create_alias(AliasName=id, TargetKeyId=made)
    elif len(id) > 8:  # noqa: PLR2004 - anything shorter is no id, and would be found in every other text
        here.aliases.put(id.rsplit("/", 1)[-1], made)
    else:
        return ""
    if here.operation == "CancelKeyDeletion":
        kms.schedule_key_deletion(KeyId=made)
    return f"key {id.rsplit('/', 1)[-1]}"


def _zip() -> bytes:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", "def handler(event, context): pass\n")
    return code.getvalue()


def _code(here: Presupposed, bucket: str) -> str:
    with suppress(ClientError):
        _bucket(here, bucket)
    here.client("s3").put_object(Bucket=bucket, Key=here.parameters["Code"]["S3Key"], Body=_zip())
    return f"code in bucket {bucket}"


def _function(here: Presupposed, name: str) -> str:
    """With the alias or version that is asked for, and a URL that asks for signatures, if one is changed."""
    found = re.fullmatch(r"(?:.*function:)?([\w-]+)(?::([\w$-]+))?", name)
    if not found:
        return ""
    name, qualifier = found[1], here.parameters.get("Qualifier") or found[2] or "$LATEST"
    iam, client = here.client("iam"), here.client("lambda")
    role = {"RoleName": "presupposed-function", "AssumeRolePolicyDocument": json.dumps(_TRUST)}
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(**role)
    with suppress(client.exceptions.ResourceConflictException):
        client.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=f"arn:{here.partition}:iam::{here.account}:role/presupposed-function",
            Handler="index.handler",
            Code={"ZipFile": _zip()},
        )
    if qualifier != "$LATEST":
        version = client.publish_version(FunctionName=name)["Version"]
        if not qualifier.isdigit():
            with suppress(client.exceptions.ResourceConflictException):
                client.create_alias(FunctionName=name, Name=qualifier, FunctionVersion=version)
    if here.operation == "UpdateFunctionUrlConfig":
        asked = {"Qualifier": qualifier} if qualifier != "$LATEST" else {}
        client.create_function_url_config(FunctionName=name, AuthType="AWS_IAM", **asked)
    return f"function {name}"


def _topic(here: Presupposed, arn: str) -> str:
    here.client("sns").create_topic(Name=arn.rsplit(":", 1)[-1])
    return f"topic {arn.rsplit(':', 1)[-1]}"


def _queue(here: Presupposed, url: str) -> str:
    name = url.rsplit("/", 1)[-1]
    here.client("sqs").create_queue(
        QueueName=name, **({"Attributes": {"FifoQueue": "true"}} if name.endswith(".fifo") else {})
    )
    return f"queue {name}"


def _secret(here: Presupposed, id: str) -> str:
    name = re.sub(r"-[A-Za-z0-9]{6}$", "", id.rsplit(":", 1)[-1]) if id.startswith("arn:") else id
    made = here.client("secretsmanager").create_secret(Name=name, SecretString="made-up")["ARN"]
    if id.startswith("arn:"):
        here.aliases.learn(id, made, "arn")
    return f"secret {name}"


def _log_group(here: Presupposed, name: str) -> str:
    here.client("logs").create_log_group(logGroupName=name)
    return f"log group {name}"


def _db_instance(here: Presupposed, name: str) -> str:
    here.client("rds").create_db_instance(
        DBInstanceIdentifier=name.rsplit(":", 1)[-1],
        DBInstanceClass="db.t3.micro",
        Engine="postgres",
        AllocatedStorage=20,
        MasterUsername="presupposed",
        MasterUserPassword="made-up-1",
        StorageEncrypted=True,
        PubliclyAccessible=False,
    )
    return f"database {name}, private and encrypted"


def _db_cluster(here: Presupposed, name: str) -> str:
    here.client("rds").create_db_cluster(
        DBClusterIdentifier=name.rsplit(":", 1)[-1],
        Engine="aurora-postgresql",
        MasterUsername="presupposed",
        MasterUserPassword="made-up-1",
        StorageEncrypted=True,
    )
    return f"database cluster {name}, encrypted"


def _db_snapshot(here: Presupposed, name: str) -> str:
    source = f"presupposed-{hashlib.blake2b(name.encode(), digest_size=4).hexdigest()}"
    _db_instance(here, source)
    here.client("rds").create_db_snapshot(DBInstanceIdentifier=source, DBSnapshotIdentifier=name.rsplit(":", 1)[-1])
    return f"database snapshot {name}"


def _db_cluster_snapshot(here: Presupposed, name: str) -> str:
    source = f"presupposed-{hashlib.blake2b(name.encode(), digest_size=4).hexdigest()}"
    _db_cluster(here, source)
    here.client("rds").create_db_cluster_snapshot(DBClusterIdentifier=source, DBClusterSnapshotIdentifier=name)
    return f"database cluster snapshot {name}"


def _detector(here: Presupposed, id: str) -> str:
    here.aliases.put(id, here.client("guardduty").create_detector(Enable=True)["DetectorId"])
    return f"detector {id}"


def _recorder(here: Presupposed, name: str) -> str:
    config = here.client("config")
    role = f"arn:{here.partition}:iam::{here.account}:role/presupposed"
    config.put_configuration_recorder(ConfigurationRecorder={"name": name, "roleARN": role})
    if here.operation == "PutDeliveryChannel":
        return f"configuration recorder {name}"
    _bucket(here, f"presupposed-config-{here.account}")
    config.put_delivery_channel(DeliveryChannel={"name": name, "s3BucketName": f"presupposed-config-{here.account}"})
    config.start_configuration_recorder(ConfigurationRecorderName=name)
    return f"configuration recorder {name}, recording"


def _organization(here: Presupposed, id: str) -> str:
    organizations = here.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    here.aliases.put(id, organizations.list_roots()["Roots"][0]["Id"])
    return "organization"


def _db_security_group(here: Presupposed, name: str) -> str:
    here.client("rds").create_db_security_group(DBSecurityGroupName=name, DBSecurityGroupDescription="presupposed")
    return f"database security group {name}"


def _ecs_cluster(here: Presupposed, name: str) -> str:
    here.client("ecs").create_cluster(clusterName=name.rsplit("/", 1)[-1])
    return f"cluster {name.rsplit('/', 1)[-1]}"


def _task_definition(here: Presupposed, name: str) -> str:
    family = name.rsplit("/", 1)[-1].partition(":")[0]
    image = f"{here.account}.dkr.ecr.{here.region}.amazonaws.com/presupposed"
    container = {"name": "presupposed", "image": image, "memory": 128, "readonlyRootFilesystem": True}
    here.client("ecs").register_task_definition(family=family, containerDefinitions=[container])
    return f"task definition {family}, harmless"


def _ecs_service(here: Presupposed, name: str) -> str:
    ecs, name = here.client("ecs"), name.rsplit("/", 1)[-1]
    cluster = here.parameters.get("cluster", "default").rsplit("/", 1)[-1]
    _ecs_cluster(here, cluster)
    _task_definition(here, "presupposed")
    ecs.create_service(cluster=cluster, serviceName=name, taskDefinition="presupposed", desiredCount=1)
    return f"service {name}, without public addresses"


def _eks_cluster(here: Presupposed, name: str) -> str:
    key = f"arn:{here.partition}:kms:{here.region}:{here.account}:key/presupposed"
    here.client("eks").create_cluster(
        name=name,
        roleArn=f"arn:{here.partition}:iam::{here.account}:role/presupposed",
        resourcesVpcConfig={"endpointPublicAccess": False, "endpointPrivateAccess": True, "publicAccessCidrs": []},
        logging={"clusterLogging": [{"types": ["audit"], "enabled": True}]},
        encryptionConfig=[{"resources": ["secrets"], "provider": {"keyArn": key}}],
    )
    return f"cluster {name}, private, with an audit log, encrypted"


def _access_entry(here: Presupposed, principal: str) -> str:
    eks, cluster = here.client("eks"), here.parameters.get("clusterName", "")
    with suppress(eks.exceptions.ResourceInUseException):
        _eks_cluster(here, cluster)
    eks.create_access_entry(clusterName=cluster, principalArn=principal)
    return f"access entry of {principal}"


def _project(here: Presupposed, arn: str) -> str:
    name = arn.rsplit("/", 1)[-1]
    here.client("codebuild").create_project(
        name=name,
        source={"type": "GITHUB", "location": "https://example.com/presupposed.git"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
        },
        serviceRole=f"arn:{here.partition}:iam::{here.account}:role/presupposed",
    )
    return f"project {name}, private"


_BY_NAME: dict[tuple[str, str], Callable[[Presupposed, str], str]] = {
    ("cloudtrail", "Name"): _trail,
    ("cloudtrail", "S3BucketName"): _bucket,
    ("cloudtrail", "TrailName"): _trail,
    ("codebuild", "projectArn"): _project,
    ("config", "ConfigurationRecorderName"): _recorder,
    ("config", "DeliveryChannel.name"): _recorder,
    ("config", "DeliveryChannel.s3BucketName"): _bucket,
    ("ec2", "IamInstanceProfile.Arn"): _instance_profile,
    ("ec2", "IamInstanceProfile.Name"): _instance_profile,
    ("ecr", "repositoryName"): _repository,
    ("ecs", "cluster"): _ecs_cluster,
    ("ecs", "service"): _ecs_service,
    ("ecs", "taskDefinition"): _task_definition,
    ("eks", "clusterName"): _eks_cluster,
    ("eks", "name"): _eks_cluster,
    ("eks", "principalArn"): _access_entry,
    ("guardduty", "DetectorId"): _detector,
    ("iam", "AccessKeyId"): _access_key,
    ("iam", "GroupName"): _group,
    ("iam", "InstanceProfileName"): _instance_profile,
    ("iam", "PolicyArn"): _policy,
    ("iam", "RoleName"): _role,
    ("iam", "UserName"): _login,
    ("kms", "KeyId"): _key,
    ("kms", "TargetKeyId"): _key,
    ("lambda", "Code.S3Bucket"): _code,
    ("lambda", "FunctionName"): _function,
    ("lambda", "Role"): _role,
    ("logs", "logGroupName"): _log_group,
    ("rds", "DBClusterIdentifier"): _db_cluster,
    ("rds", "DBClusterSnapshotIdentifier"): _db_cluster_snapshot,
    ("rds", "DBInstanceIdentifier"): _db_instance,
    ("rds", "DBSecurityGroupName"): _db_security_group,
    ("rds", "DBSnapshotIdentifier"): _db_snapshot,
    ("rds", "SourceDBInstanceIdentifier"): _db_instance,
    ("rds", "SourceDBSnapshotIdentifier"): _db_snapshot,
    ("organizations", "ParentId"): _organization,
    ("s3", "Bucket"): _bucket,
    ("s3", "BucketLoggingStatus.LoggingEnabled.TargetBucket"): _bucket,
    ("secretsmanager", "SecretId"): _secret,
    ("sns", "TopicArn"): _topic,
    ("sqs", "QueueUrl"): _queue,
}
"""What makes the thing that a parameter names, and answers what to call it (or '')."""


def scanned_image(aws: MemoryAws, aliases: Aliases, detail: Mapping[str, Any], account: str, region: str) -> str:
    """The image that an "ECR Image Scan" event tells of, with the findings that it counts; answers what was made.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
    """
    name, digest = text(detail, "repository-name"), text(detail, "image-digest")
    if name is None or digest is None:
        raise ValueError("the event names no repository or image")
    name = name.partition(":repository/")[2] or name
    tags = [tag for tag in rows(detail, "image-tags") if isinstance(tag, str) and tag]
    counted = dig(detail, "finding-severity-counts") or {}
    counts = {str(level): int(count) for level, count in counted.items() if count}
    here = Presupposed(aws, aliases, "ecr", "", account, region, {})
    ecr = here.client("ecr")
    made: list[str] = []
    with suppress(ecr.exceptions.RepositoryAlreadyExistsException):
        made.append(_repository(here, name))
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "size": 1, "digest": digest}
    media_type = "application/vnd.oci.image.manifest.v1+json"
    manifest = json.dumps({"schemaVersion": 2, "mediaType": media_type, "config": layer, "layers": [layer]})
    for tag in tags or [""]:
        tagged = {"imageTag": tag} if tags else {}
        with suppress(ecr.exceptions.ImageAlreadyExistsException):
            ecr.put_image(repositoryName=name, imageManifest=manifest, imageDigest=digest, **tagged)
            made.append(f"image {tag or digest[:19]}")
    findings = {
        "registryId": account,
        "repositoryName": name,
        "imageScanStatus": {"status": "COMPLETE", "description": "The scan was completed successfully."},
        "imageScanFindings": {"findings": [], "findingSeverityCounts": counts},
    }
    for reference in (digest, *tags):
        image = {"imageDigest": digest} | ({"imageTag": tags[0]} if tags else {})
        aws.scans[region, name, reference] = {**findings, "imageId": image}
    return f"presupposed {', '.join(made)}" if made else ""
