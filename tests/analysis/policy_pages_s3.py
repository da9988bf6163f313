"""What S3's pages, and those of services that write into buckets, say of bucket policies."""

from __future__ import annotations

from chalicelib.resources.look_ups import LOAD_BALANCERS
from tests.analysis.policy_pages import (
    ACCOUNT,
    ANYONE,
    BUCKET,
    FRIEND,
    OBJECTS,
    ORG,
    OWN,
    S3,
    SERVICE,
    UNKNOWN,
    WEB,
    Row,
    allow,
    deny,
    equals,
    root,
)

DAVE = f"arn:aws:iam::{UNKNOWN}:user/Dave"
TAXES = f"{BUCKET}/taxdocuments/*"
WITHOUT_MFA = equals("aws:MultiFactorAuthAge", True, "Null")
CONFIG = {"Service": "config.amazonaws.com"}
DELIVERY = {"Service": "delivery.logs.amazonaws.com"}
BALANCERS = {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}
LOGGING = {"Service": "logging.s3.amazonaws.com"}

S3_PAGES: dict[str, list[Row]] = {
    f"{S3}example-bucket-policies.html": [
        Row(
            "two accounts, if they make their objects public",
            [allow({"AWS": [root(UNKNOWN), root(FRIEND)]}, equals("s3:x-amz-acl", ["public-read"]), "s3:PutObject")],
            [ACCOUNT],
        ),
        Row(
            "denied but from some addresses, and nobody let in",
            [deny(equals("aws:SourceIp", "54.240.143.0/24", "NotIpAddress"))],
            [],
        ),
        Row(
            "IPv4 and IPv6 addresses but some",
            [
                allow(
                    "*",
                    {
                        "IpAddress": {"aws:SourceIp": ["54.240.143.0/24", "2001:DB8:1234:5678::/64"]},
                        "NotIpAddress": {"aws:SourceIp": ["54.240.143.128/30", "2001:DB8:1234:5678:ABCD::/80"]},
                    },
                    "s3:*",
                )
            ],
            [ACCOUNT],
        ),
        Row("a folder denied without MFA, the rest open", [deny(WITHOUT_MFA, resource=[TAXES]), allow("*")], [ANYONE]),
        Row("with MFA anybody reads it", [deny(WITHOUT_MFA, resource=[TAXES]), allow("*", resource=TAXES)], [ANYONE]),
        Row(
            "and within the hour",
            [
                deny(WITHOUT_MFA, resource=[TAXES]),
                deny(equals("aws:MultiFactorAuthAge", 3600, "NumericGreaterThan"), resource=[TAXES]),
                allow("*", resource=TAXES),
            ],
            [ANYONE],
        ),
        Row(
            "without MFA, which is denied",
            [deny(WITHOUT_MFA, resource=[TAXES]), allow("*", WITHOUT_MFA, resource=TAXES)],
            [],
        ),
        Row(
            "Storage Lens of ours",
            [
                allow(
                    {"Service": ["storage-lens.s3.amazonaws.com"]},
                    {
                        "StringEquals": {
                            "s3:x-amz-acl": "bucket-owner-full-control",
                            "aws:SourceAccount": OWN,
                            "aws:SourceArn": f"arn:aws:s3:eu-west-1:{OWN}:storage-lens/d",
                        }
                    },
                    "s3:PutObject",
                )
            ],
            [],
        ),
        Row(
            "an inventory of anybody's bucket of a name",
            [allow({"Service": "s3.amazonaws.com"}, equals("aws:SourceArn", BUCKET, "ArnLike"), "s3:PutObject")],
            [SERVICE],
        ),
    ],
    f"{S3}amazon-s3-policy-keys.html": [
        Row(
            "addresses but one",
            [
                allow(
                    "*",
                    equals("aws:SourceIp", "198.51.100.0/24", "IpAddress")
                    | equals("aws:SourceIp", "198.51.100.188/32", "NotIpAddress"),
                )
            ],
            [],
        ),
        Row(
            "a user of others who gives us full control",
            [allow({"AWS": DAVE}, equals("s3:x-amz-grant-full-control", "id=a1"), "s3:PutObject")],
            [ACCOUNT],
        ),
        Row(
            "and is denied what doesn't",
            [
                allow({"AWS": DAVE}, equals("s3:x-amz-grant-full-control", "id=a1"), "s3:PutObject"),
                deny(
                    equals("s3:x-amz-grant-full-control", "id=a1", "StringNotEquals"),
                    {"AWS": DAVE},
                    "s3:PutObject",
                    [OBJECTS],
                ),
            ],
            [ACCOUNT],
        ),
        Row(
            "and is denied what does",
            [
                allow({"AWS": DAVE}, equals("s3:x-amz-grant-full-control", "id=a1"), "s3:PutObject"),
                deny(equals("s3:x-amz-grant-full-control", "false", "Null"), {"AWS": DAVE}, "s3:PutObject", [OBJECTS]),
            ],
            [],
        ),
        Row(
            "uploads denied without encryption",
            [
                allow({"AWS": DAVE}, action="s3:PutObject"),
                deny(equals("s3:x-amz-server-side-encryption", "AES256", "StringNotEquals"), action="s3:PutObject"),
            ],
            [ACCOUNT],
        ),
        Row(
            "copies from one place only",
            [
                allow({"AWS": DAVE}, action="s3:PutObject"),
                deny(
                    equals("s3:x-amz-copy-source", "b/public/*", "StringNotLike"),
                    {"AWS": DAVE},
                    "s3:PutObject",
                    [OBJECTS],
                ),
            ],
            [ACCOUNT],
        ),
        Row(
            "TLS that is too old denied",
            [allow("*"), deny(equals("s3:TlsVersion", 1.2, "NumericLessThan"))],
            [ANYONE],
        ),
        Row(
            "a prefix listed, and the others denied",
            [
                allow({"AWS": DAVE}, equals("s3:prefix", "projects"), "s3:ListBucket", BUCKET),
                deny(equals("s3:prefix", "projects", "StringNotEquals"), {"AWS": DAVE}, "s3:ListBucket", [BUCKET]),
            ],
            [ACCOUNT],
        ),
        Row(
            "ten keys at most listed, and more denied",
            [
                allow({"AWS": DAVE}, equals("s3:max-keys", "10", "NumericLessThanEquals"), "s3:ListBucket", BUCKET),
                deny(equals("s3:max-keys", "10", "NumericGreaterThan"), {"AWS": DAVE}, "s3:ListBucket", [BUCKET]),
            ],
            [ACCOUNT],
        ),
        Row(
            "ten keys at most listed, and ten at most denied",
            [
                allow({"AWS": DAVE}, equals("s3:max-keys", "10", "NumericLessThanEquals"), "s3:ListBucket", BUCKET),
                deny(equals("s3:max-keys", "10", "NumericLessThanEquals"), {"AWS": DAVE}, "s3:ListBucket", [BUCKET]),
            ],
            [],
        ),
        Row("objects with a tag", [allow("*", equals("s3:ExistingObjectTag/environment", "production"))], [ANYONE]),
    ],
    f"{S3}access-control-block-public-access.html": [
        Row("the whole of RFC 1918's ten", [allow("*", equals("aws:SourceIp", "10.0.0.0/8", "IpAddress"))], [ACCOUNT]),
        Row("another owner", [allow("*", equals("aws:SourceOwner", UNKNOWN))], [ACCOUNT]),
        Row("a source of another account", [allow("*", equals("aws:SourceAccount", UNKNOWN))], [ACCOUNT]),
        Row("one user id", [allow("*", equals("aws:userid", "AIDAEXAMPLEUSERID123"))], [ACCOUNT]),
        Row("one endpoint", [allow("*", equals("aws:SourceVpce", "vpce-1a2b3c4d"))], [ACCOUNT]),
        Row("any endpoint", [allow("*", equals("aws:SourceVpce", "vpce-*", "StringLike"))], [ANYONE]),
        Row("all of Facebook", [allow({"Federated": "graph.facebook.com"}, action="s3:PutObject")], [WEB]),
    ],
    f"{S3}access-points-policies.html": [
        Row(
            "all left to access points of ours",
            [allow({"AWS": "*"}, equals("s3:DataAccessPointAccount", OWN), "*", [BUCKET, OBJECTS])],
            [],
        ),
        Row(
            "all left to access points of another account",
            [allow({"AWS": "*"}, equals("s3:DataAccessPointAccount", UNKNOWN), "*", [BUCKET, OBJECTS])],
            [ACCOUNT],
        ),
        Row(
            "denied but through access points of ours",
            [allow("*"), deny(equals("s3:DataAccessPointAccount", OWN, "StringNotEquals"))],
            [],
        ),
    ],
    f"{S3}WebsiteAccessPermissionsReqd.html": [Row("a website", [allow("*", action=["s3:GetObject"])], [ANYONE])],
    f"{S3}enable-server-access-logging.html": [
        Row(
            "logs of our buckets",
            [
                allow(
                    LOGGING,
                    equals("aws:SourceArn", BUCKET, "ArnLike") | equals("aws:SourceAccount", OWN),
                    "s3:PutObject",
                )
            ],
            [],
        ),
        Row("logs of anybody's", [allow(LOGGING, action="s3:PutObject")], [SERVICE]),
    ],
    f"{S3}example-walkthroughs-managing-access-example2.html": [
        Row(
            "a bucket listed by another account",
            [allow({"AWS": root(UNKNOWN)}, action=["s3:GetBucketLocation", "s3:ListBucket"], resource=BUCKET)],
            [ACCOUNT],
        ),
        Row(
            "a part of it, to one that is known",
            [
                allow(
                    {"AWS": root(FRIEND)}, equals("s3:prefix", "examplefolder/*", "StringLike"), "s3:ListBucket", BUCKET
                )
            ],
            [],
        ),
    ],
    f"{S3}security-best-practices.html": [
        Row("all denied over HTTP, and nobody let in", [deny(equals("aws:SecureTransport", "false", "Bool"))], []),
    ],
    "https://docs.aws.amazon.com/config/latest/developerguide/s3-bucket-policy.html": [
        Row("Config for our account", [allow(CONFIG, equals("AWS:SourceAccount", OWN), "s3:GetBucketAcl", BUCKET)], []),
        Row("Config for anybody", [allow(CONFIG, action="s3:PutObject")], [SERVICE]),
        Row(
            "Config's channel of our account",
            [allow(CONFIG, equals("AWS:SourceArn", f"arn:aws:config:us-east-1:{OWN}:*", "ArnLike"), "s3:PutObject")],
            [],
        ),
    ],
    "https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-permissions.html": [
        Row(
            "flow logs of our account",
            [
                allow(
                    DELIVERY,
                    {
                        "StringEquals": {"aws:SourceAccount": OWN, "s3:x-amz-acl": "bucket-owner-full-control"},
                        "ArnLike": {"aws:SourceArn": f"arn:aws:logs:eu-west-1:{OWN}:*"},
                    },
                    "s3:PutObject",
                )
            ],
            [],
        ),
        Row(
            "flow logs of a central bucket's accounts",
            [
                allow(
                    DELIVERY,
                    {"StringEquals": {"aws:SourceAccount": [OWN, FRIEND]}},
                    "s3:PutObject",
                )
            ],
            [],
        ),
    ],
    "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html": [
        Row(
            "load balancers of our account",
            [
                allow(
                    BALANCERS,
                    equals("aws:SourceArn", f"arn:aws:elasticloadbalancing:eu-west-1:{OWN}:loadbalancer/*", "ArnLike"),
                    "s3:PutObject",
                )
            ],
            [],
        ),
        Row(
            "AWS's account of a region, which only a look-up knows",
            [allow({"AWS": root(LOAD_BALANCERS["eu-west-1"])}, action="s3:PutObject")],
            [ACCOUNT],
        ),
    ],
    "https://github.com/aws-samples/data-perimeter-policy-examples": [
        Row(
            "denied but to our organization, to services, and to a log account",
            [
                allow("*"),
                deny(
                    {
                        "StringNotEqualsIfExists": {"aws:PrincipalOrgID": ORG, "aws:PrincipalAccount": FRIEND},
                        "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
                    }
                ),
            ],
            [],
        ),
    ],
}
