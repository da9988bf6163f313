"""AWS's partitions: which one a region belongs to, and the region of each that its global services report to.

The table is botocore's `partitions.json` and `endpoints.json`, which take a cold start too long to load; a test fails
when botocore knows more. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

REGION = re.compile(r"[a-z]{2,8}(?:-[a-z0-9]{1,20}){1,3}-[0-9]{1,2}")
"""What a region's name may look like: it becomes part of the host that Snapback calls."""


class Partition(NamedTuple):
    """A partition as botocore has it. Organizations has a region of its own only where it isn't `global_region`."""

    name: str
    regions: str
    """A pattern that the names of its regions match, those of tomorrow too."""
    dns_suffix: str
    global_region: str
    """Where IAM is, and where the events of global services are recorded."""
    organizations: str | None = None


PARTITIONS = (
    Partition("aws", r"^(us|eu|ap|sa|ca|me|af|il|mx)\-\w+\-\d+$", "amazonaws.com", "us-east-1"),
    Partition("aws-cn", r"^cn\-\w+\-\d+$", "amazonaws.com.cn", "cn-north-1", "cn-northwest-1"),
    Partition("aws-eusc", r"^eusc\-(de)\-\w+\-\d+$", "amazonaws.eu", "eusc-de-east-1"),
    Partition("aws-iso", r"^us\-iso\-\w+\-\d+$", "c2s.ic.gov", "us-iso-east-1"),
    Partition("aws-iso-b", r"^us\-isob\-\w+\-\d+$", "sc2s.sgov.gov", "us-isob-east-1"),
    Partition("aws-iso-e", r"^eu\-isoe\-\w+\-\d+$", "cloud.adc-e.uk", "eu-isoe-west-1"),
    Partition("aws-iso-f", r"^us\-isof\-\w+\-\d+$", "csp.hci.ic.gov", "us-isof-south-1"),
    Partition("aws-us-gov", r"^us\-gov\-\w+\-\d+$", "amazonaws.com", "us-gov-west-1"),
)
DNS_SUFFIXES = tuple(sorted({each.dns_suffix for each in PARTITIONS}))
"""What the names of AWS's hosts and service principals end with, in any partition."""
ANY_SUFFIX = "|".join(map(re.escape, DNS_SUFFIXES))
"""The same, for a regular expression."""


def is_of_aws(name: str) -> bool:
    """Whether it is the name of a service or a host of AWS's, as in `ram.amazonaws.com`, in any partition."""
    return name.endswith(tuple(f".{suffix}" for suffix in DNS_SUFFIXES))


@cache
def partition_of(region: str) -> Partition:
    """The partition of a region; `aws` for a region that botocore's patterns don't know."""
    return next((each for each in PARTITIONS if re.match(each.regions, region)), PARTITIONS[0])


def partition(region: str) -> str:
    """The name of a region's partition, as ARNs have it."""
    return partition_of(region).name


def global_region(region: str, service: str = "iam") -> str:
    """The region, in the partition of this one, that a global service reports to and is asked in."""
    found = partition_of(region)
    return (service == "organizations" and found.organizations) or found.global_region


def global_regions(region: str) -> frozenset[str]:
    """All regions, in the partition of this one, that a global service reports to."""
    return frozenset({global_region(region), global_region(region, "organizations")})


def root_arns(account: str) -> tuple[str, ...]:
    """The ARN by which policies name a whole account, in each partition: an account id alone doesn't tell which."""
    return tuple(f"arn:{each.name}:iam::{account}:root" for each in PARTITIONS)
