"""What a document names that is the account's own though no settings allow it: AWS says so when it is asked.

A guardrail judges by the settings first. What it finds is with_own again with what AWS calls the account's own, as if the
settings allowed it, and only names that stand in the document are asked about: what is compliant costs no call. Nothing
is kept beyond one reader session, so that a name that isn't the account's own was always asked about just now.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from msgspec.structs import replace

from chalicelib.core.partitions import partition
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.session import Session

T = TypeVar("T")
Names: TypeAlias = Collection[str]


class Own(NamedTuple):
    """What may have access, by `allow` in the settings."""

    accounts: Iterable[str] = ()
    organizations: Iterable[str] = ()
    principals: Iterable[str] = ()


class LookUp(NamedTuple):
    """`pattern` is what a document must name, `reads` the IAM actions of `ask`, which is called with those names."""

    pattern: str
    reads: tuple[str, ...]
    ask: Callable[[Names, Session], Own]


def _organization(_: Names, aws: Session) -> Own:
    """The account's organization and its management account, which is above the account whatever its policies say.

    StackSets (`stacksets-exec-*`), Control Tower (`AWSControlTowerExecution`) and Organizations itself
    (`OrganizationAccountAccessRole`) make roles that trust it in each account.
    https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganization.html
    """
    with absent("AWSOrganizationsNotInUseException"):
        found = aws.client("organizations").describe_organization()["Organization"]
        return Own(accounts=[found["MasterAccountId"]], organizations=[found["Id"]])
    return Own()


def _networks(names: Names, aws: Session) -> Own:
    """VPC endpoints and VPCs of the account, and those of the VPCs whose subnets are shared with it.

    Endpoints of a shared VPC are told to its owner only: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-sharing.html
    """
    vpcs = aws.client("ec2").get_paginator("describe_vpcs").paginate()
    owners = {vpc["VpcId"]: vpc.get("OwnerId", aws.account) for page in vpcs for vpc in page["Vpcs"]}
    endpoints = {name for name in names if name.startswith("vpce-")}
    found = {name for name in names if name in owners}
    for account in (aws.account, *sorted({*owners.values()} - {aws.account})):
        if not endpoints <= found:
            ec2 = (aws if account == aws.account else aws.of_account(account)).client("ec2")
            own = [
                each for page in ec2.get_paginator("describe_vpc_endpoints").paginate() for each in page["VpcEndpoints"]
            ]
            found |= {each["VpcEndpointId"] for each in own if account == aws.account or each["VpcId"] in owners}
    return Own(principals=found)


def _access_identities(_: Names, aws: Session) -> Own:
    """CloudFront's origin access identities of the account, by name and by canonical user id.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html
    """
    pages = aws.client("cloudfront").get_paginator("list_cloud_front_origin_access_identities").paginate()
    own = [each for page in pages for each in page["CloudFrontOriginAccessIdentityList"].get("Items", [])]
    user = f"arn:{partition(aws.region)}:iam::cloudfront:user/CloudFront Origin Access Identity "
    return Own(principals=[name for each in own for name in (user + each["Id"], each["S3CanonicalUserId"])])


def _buckets(names: Names, aws: Session) -> Own:
    """The account's buckets, whose ARNs don't say whose they are."""
    own = {
        bucket["Name"]
        for page in aws.client("s3").get_paginator("list_buckets").paginate()
        for bucket in page["Buckets"]
    }
    return Own(principals=[name for name in names if name.rpartition(":")[2] in own])


def _log_delivery(_: Names, aws: Session) -> Own:
    """The account that the region's load balancers write their access logs from."""
    account = LOAD_BALANCERS.get(aws.region)
    return Own(principals=[f"arn:{partition(aws.region)}:iam::{account}:root"] if account else ())


LOAD_BALANCERS = {
    "af-south-1": "098369216593",
    "ap-east-1": "754344448648",
    "ap-northeast-1": "582318560864",
    "ap-northeast-2": "600734575887",
    "ap-northeast-3": "383597477331",
    "ap-south-1": "718504428378",
    "ap-southeast-1": "114774131450",
    "ap-southeast-2": "783225319266",
    "ap-southeast-3": "589379963580",
    "ca-central-1": "985666609251",
    "cn-north-1": "638102146993",
    "cn-northwest-1": "037604701340",
    "eu-central-1": "054676820928",
    "eu-north-1": "897822967062",
    "eu-south-1": "635631232127",
    "eu-west-1": "156460612806",
    "eu-west-2": "652711504416",
    "eu-west-3": "009996457667",
    "me-south-1": "076674570225",
    "sa-east-1": "507241528517",
    "us-east-1": "127311923021",
    "us-east-2": "033677994240",
    "us-gov-east-1": "190560391635",
    "us-gov-west-1": "048591011584",
    "us-west-1": "027434742980",
    "us-west-2": "797873946194",
}
"""AWS's accounts for Elastic Load Balancing in the regions that were there before August 2022; newer ones have none, but
a service principal. As of November 2026, from
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html#attach-bucket-policy.
"""
_ACCOUNT = r"(?<![0-9a-f])[0-9]{12}(?![0-9a-f])"
ORGANIZATION = LookUp(rf"{_ACCOUNT}|\bo-[a-z0-9]{{10,32}}\b", ("organizations:DescribeOrganization",), _organization)
NETWORKS = LookUp(r"\bvpce?-[0-9a-f]+\b", ("ec2:DescribeVpcEndpoints", "ec2:DescribeVpcs"), _networks)
ACCESS_IDENTITIES = LookUp(
    r"CloudFront Origin Access Identity [A-Z0-9]+|\b[0-9a-f]{64}\b",
    ("cloudfront:ListCloudFrontOriginAccessIdentities",),
    _access_identities,
)
BUCKETS = LookUp(r"arn:[a-z-]+:s3:::[a-z0-9.-]+", ("s3:ListAllMyBuckets",), _buckets)
LOG_DELIVERY = LookUp(_ACCOUNT, (), _log_delivery)


def reads_of(*look_ups: LookUp) -> tuple[str, ...]:
    """The IAM actions of these look-ups, for `reads`."""
    return tuple(dict.fromkeys(action for each in look_ups for action in each.reads))


def with_own(judge: Callable[[Baseline], T], text: str, look_ups: Iterable[LookUp], aws: Session) -> T:
    """What is found in a text by the settings, and by what is the account's own where they alone find something.

    The session's baseline has it from then on, as the fix goes by it too.
    """
    found = judge(aws.baseline)
    if not found:
        return found
    own = [answer for each in look_ups if isinstance(answer := _asked(each, text, aws), Own)]
    if not own:
        return found
    allow = aws.baseline.allow
    allow = replace(
        allow,
        accounts=allow.accounts.union(*(each.accounts for each in own)),
        organizations=allow.organizations.union(*(each.organizations for each in own)),
        principals=(*dict.fromkeys((*allow.principals, *(name for each in own for name in each.principals))),),
    )
    aws.baseline = replace(aws.baseline, allow=allow)
    return judge(aws.baseline)


def why_unsure(text: str, look_ups: Iterable[LookUp], aws: Session) -> str | None:
    """Why a person is asked before a fix: AWS didn't say whether what the text names is the account's own."""
    troubles = [answer for each in look_ups if isinstance(answer := _asked(each, text, aws), str)]
    return f"whether this is the account's own isn't known: {'; '.join(troubles)}" if troubles else None


def _asked(look_up: LookUp, text: str, aws: Session) -> Own | str | None:
    """What AWS says, why it doesn't, or None where the text names nothing of the kind."""
    names = {*re.findall(look_up.pattern, text)} - {aws.account}
    if not names:
        return None
    try:
        return look_up.ask(names, aws)
    except ClientError as error:
        return f"{error.operation_name} answered {error.response['Error']['Code']}"
    except BotoCoreError as error:
        return f"AWS gave no answer ({type(error).__name__})"
