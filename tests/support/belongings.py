"""What AWS calls an account's own: its organization, endpoints and identities, as tests make them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.events import HOME

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.events import Envelope
    from tests.support.world import World

MANAGEMENT = "111100001111"
NETWORKS = "222200002222"
"""An account of the same organization that shares its VPCs."""


def organization(management: str = MANAGEMENT, *members: str) -> str:
    """Make HOME and these a member of an organization; answers its id."""
    from moto.organizations.models import organizations_backends

    backend = organizations_backends[management]["aws"]
    if backend.org is None:
        backend.create_organization(region="us-east-1", FeatureSet="ALL")
    organizations_backends.master_accounts.update(dict.fromkeys([HOME, *members], (management, "aws")))
    assert backend.org is not None
    return str(backend.org.id)


def endpoint(world: World) -> str:
    """A gateway endpoint of the default VPC."""
    ec2 = world.client("ec2")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    made = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3", VpcEndpointType="Gateway")
    return str(made["VpcEndpoint"]["VpcEndpointId"])


def access_identity(world: World) -> dict[str, str]:
    config = {"CallerReference": "website", "Comment": "website"}
    made = world.client("cloudfront").create_cloud_front_origin_access_identity(
        CloudFrontOriginAccessIdentityConfig=config
    )["CloudFrontOriginAccessIdentity"]
    user = f"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity {made['Id']}"
    return {"user": user, "canonical": made["S3CanonicalUserId"]}


def naming(make: Callable[[Any], Callable[[World], Envelope]], name: Callable[[World], Any]) -> Any:
    """A near miss that names something that is made first."""
    return lambda world: make(name(world))(world)
