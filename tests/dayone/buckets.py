"""Buckets as accounts have them, by name: the statements of each policy, beside one that refuses requests without TLS."""

from __future__ import annotations

from typing import Any

from tests.dayone.roles import TOOLS
from tests.support.events import HOME


def allow(bucket: str, principal: Any, actions: Any, objects: str = "/*", **condition: Any) -> dict[str, Any]:
    made = {"Effect": "Allow", "Principal": principal, "Action": actions, "Resource": f"arn:aws:s3:::{bucket}{objects}"}
    return {**made, "Condition": condition} if condition else made


def no_plain_http(bucket: str) -> dict[str, Any]:
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    return {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": resources, "Condition": condition}


def service(name: str) -> dict[str, str]:
    return {"Service": f"{name}.amazonaws.com"}


OURS = {"StringEquals": {"aws:SourceAccount": HOME}}
OUR_ORGANIZATION = {"StringEquals": {"aws:SourceOrgID": "{organization}"}}
PUT, GET = "s3:PutObject", "s3:GetObject"
LOAD_BALANCERS = {"AWS": "arn:aws:iam::127311923021:root"}
BUCKETS: dict[str, list[tuple[Any, Any, dict[str, Any]]]] = {
    # Delivery by services, as AWS's guides and Control Tower write it.
    f"aws-controltower-logs-{HOME}-us-east-1": [
        (service("cloudtrail"), PUT, OUR_ORGANIZATION),
        (service("config"), PUT, OUR_ORGANIZATION),
        (service("delivery.logs"), PUT, OUR_ORGANIZATION),
    ],
    f"aws-controltower-s3-access-logs-{HOME}-us-east-1": [(service("logging.s3"), PUT, OUR_ORGANIZATION)],
    "acme-trail": [
        (
            service("cloudtrail"),
            PUT,
            {"StringEquals": {"aws:SourceArn": f"arn:aws:cloudtrail:us-east-1:{HOME}:trail/audit"}},
        )
    ],
    "acme-config": [(service("config"), PUT, OURS)],
    "acme-flow-logs": [(service("delivery.logs"), PUT, OURS)],
    "aws-waf-logs-acme": [(service("delivery.logs"), PUT, OURS)],
    "acme-guardduty": [(service("guardduty"), PUT, OURS)],
    "acme-macie": [(service("macie"), PUT, OURS)],
    "acme-inspector": [(service("inspector2"), PUT, OURS)],
    "acme-cur": [(service("billingreports"), [PUT, "s3:GetBucketPolicy"], OURS)],
    "acme-inventory": [(service("s3"), PUT, OURS)],
    "acme-ses-inbound": [(service("ses"), PUT, OURS)],
    "acme-access-logs": [(service("logging.s3"), PUT, OURS)],
    "acme-firehose": [(service("firehose"), PUT, OURS)],
    # Load balancers, in the form that regions before 2022 have, and in the newer one.
    "acme-alb-logs": [(LOAD_BALANCERS, PUT, {})],
    "acme-clb-logs": [({"AWS": "127311923021"}, PUT, {})],
    "acme-nlb-logs": [(service("delivery.logs"), PUT, OURS)],
    "acme-alb-logs-new": [(service("logdelivery.elasticloadbalancing"), PUT, OURS)],
    # Websites behind CloudFront.
    "acme-website-oai": [({"AWS": "{identity}"}, GET, {})],
    "acme-website-canonical": [({"CanonicalUser": "{canonical}"}, GET, {})],
    "acme-website-oac": [
        (
            service("cloudfront"),
            GET,
            {"StringEquals": {"aws:SourceArn": f"arn:aws:cloudfront::{HOME}:distribution/E2EXAMPLE"}},
        )
    ],
    # Shared within the organization, or with own networks.
    "acme-golden": [("*", GET, {"StringEquals": {"aws:PrincipalOrgID": "{organization}"}})],
    "acme-artifacts": [({"AWS": f"arn:aws:iam::{TOOLS}:root"}, [GET, PUT], {})],
    "acme-packages": [("*", GET, {"StringEquals": {"aws:SourceVpce": "{endpoint}"}})],
    "acme-internal": [("*", GET, {"StringEquals": {"aws:SourceVpc": "{vpc}"}})],
    "acme-access-points": [({"AWS": "*"}, "s3:*", {"StringEquals": {"s3:DataAccessPointAccount": HOME}})],
    # Tools.
    f"cdk-hnb659fds-assets-{HOME}-us-east-1": [],
    f"aws-sam-cli-managed-default-{HOME}": [(service("serverlessrepo"), GET, OURS)],
    "acme-terraform-state": [({"AWS": f"arn:aws:iam::{HOME}:role/github-deploy"}, [GET, PUT], {})],
    f"codepipeline-us-east-1-{HOME}": [({"AWS": f"arn:aws:iam::{HOME}:role/codepipeline-role"}, [GET, PUT], {})],
    "acme-velero": [({"AWS": f"arn:aws:iam::{HOME}:role/irsa-velero-server"}, [GET, PUT], {})],
    f"aws-athena-query-results-{HOME}-us-east-1": [],
    f"aws-glue-assets-{HOME}-us-east-1": [],
    "acme-replica": [
        ({"AWS": f"arn:aws:iam::{TOOLS}:role/s3-replication"}, ["s3:ReplicateObject", "s3:ReplicateDelete"], {})
    ],
    "acme-uploads": [],
    "acme-backups": [],
}
"""By name, the policy's statements: principal, actions, condition."""
