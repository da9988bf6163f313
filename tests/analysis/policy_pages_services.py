"""What the pages of the services say of their policies, and whom each lets in."""

from __future__ import annotations

from tests.analysis.policy_pages import (
    ACCOUNT,
    ANYONE,
    BUCKET,
    EKS,
    FRIEND,
    ORG,
    ORGANIZATION,
    OTHER_ORG,
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
    web,
)

SERVICE_PAGES: dict[str, list[Row]] = {
    f"{S3}access-control-block-public-access.html": [
        Row("any VPC whose id begins so", [allow("*", equals("aws:SourceVpc", "vpc-*", "StringLike"))], [ANYONE]),
        Row("one VPC is not public", [allow("*", equals("aws:SourceVpc", "vpc-91237329"))], [ACCOUNT]),
        Row(
            "IPv4 broader than /8",
            [allow("*", equals("aws:SourceIp", ["0.0.0.0/1", "128.0.0.0/1"], "IpAddress"))],
            [ANYONE],
        ),
        Row("IPv6 broader than /32", [allow("*", equals("aws:SourceIp", "2001:db8::/31", "IpAddress"))], [ANYONE]),
        Row(
            "any session of a role id",
            [allow("*", equals("aws:userid", "AROAEXAMPLEROLEID123:*", "StringLike"))],
            [ANYONE],
        ),
        Row("another account", [allow("*", equals("aws:PrincipalAccount", UNKNOWN))], [ACCOUNT]),
        Row("another organization", [allow("*", equals("aws:PrincipalOrgID", OTHER_ORG))], [ORGANIZATION]),
        Row("a KMS key", [allow("*", equals("s3:x-amz-server-side-encryption-aws-kms-key-id", "x"))], [ACCOUNT]),
        Row(
            "access points of any account",
            [allow("*", equals("s3:DataAccessPointArn", "arn:aws:s3:us-west-2:*:accesspoint/*", "ArnLike"))],
            [ANYONE],
        ),
        Row(
            "access points of our account",
            [allow("*", equals("s3:DataAccessPointArn", f"arn:aws:s3:us-west-2:{OWN}:accesspoint/*", "ArnLike"))],
            [],
        ),
        Row("access points' account", [allow("*", equals("s3:DataAccessPointAccount", OWN))], []),
        Row(
            "CloudTrail and one account are not public",
            [allow({"Service": "cloudtrail.amazonaws.com"}, action="s3:PutObject"), allow({"AWS": root(FRIEND)})],
            [SERVICE],
        ),
        Row("one public statement makes the policy public", [allow({"AWS": root(OWN)}), allow("*")], [ANYONE]),
    ],
    f"{S3}example-bucket-policies-vpc-endpoint.html": [
        Row(
            "denied but from one endpoint, and nobody let in",
            [deny(equals("aws:SourceVpce", "vpce-1", "StringNotEquals"))],
            [],
        ),
        Row(
            "denied but from one endpoint, which isn't known to be ours",
            [allow("*"), deny(equals("aws:SourceVpce", "vpce-1", "StringNotEquals"))],
            [ACCOUNT],
        ),
        Row("let in from one VPC", [allow("*", equals("aws:SourceVpc", "vpc-1"))], [ACCOUNT]),
    ],
    f"{S3}example-bucket-policies.html": [
        Row("a website that all may read", [allow("*", action=["s3:GetObject", "s3:GetObjectVersion"])], [ANYONE]),
        Row(
            "a website by its referer",
            [allow("*", equals("aws:Referer", "https://example.com/*", "StringLike"))],
            [ANYONE],
        ),
        Row(
            "owner's full control",
            [allow({"AWS": UNKNOWN}, equals("s3:x-amz-acl", "bucket-owner-full-control"))],
            [ACCOUNT],
        ),
        Row("our organization only", [allow("*", equals("aws:PrincipalOrgID", [ORG]))], []),
        Row(
            "an inventory of our bucket",
            [
                allow(
                    {"Service": "s3.amazonaws.com"},
                    {"ArnLike": {"aws:SourceArn": BUCKET}, "StringEquals": {"aws:SourceAccount": OWN}},
                    "s3:PutObject",
                )
            ],
            [],
        ),
    ],
    "https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html": [
        Row("one service account", [web(EKS, sub="system:serviceaccount:app:api", aud="sts.amazonaws.com")], []),
        Row("a namespace's", [web(EKS, "StringLike", sub="system:serviceaccount:app:*")], []),
        Row("no condition at all", [web(EKS)], [WEB]),
    ],
    "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html": [
        Row(
            "of our trail",
            [
                allow(
                    {"Service": "cloudtrail.amazonaws.com"},
                    equals("aws:SourceArn", f"arn:aws:cloudtrail:us-east-1:{OWN}:trail/audit"),
                    "s3:PutObject",
                )
            ],
            [],
        ),
        Row("of anybody's", [allow({"Service": "cloudtrail.amazonaws.com"}, action="s3:PutObject")], [SERVICE]),
    ],
    "https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html": [
        Row("the default policy", [allow({"AWS": "*"}, equals("AWS:SourceOwner", OWN), "sns:Publish")], []),
        Row(
            "an alarm of our account",
            [allow({"Service": "cloudwatch.amazonaws.com"}, equals("aws:SourceAccount", OWN))],
            [],
        ),
        Row(
            "a bucket anybody may own",
            [allow("*", equals("aws:SourceArn", BUCKET, "ArnLike"), "sns:Publish")],
            [ACCOUNT],
        ),
    ],
    "https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html": [
        Row("the default policy", [allow({"AWS": root(OWN)}, action="kms:*", resource="*")], []),
    ],
    "https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html": [
        Row("a bucket of our account", [allow({"Service": "s3.amazonaws.com"}, equals("AWS:SourceAccount", OWN))], []),
        Row("an organization", [allow("*", equals("aws:PrincipalOrgID", ORG), "lambda:InvokeFunction")], []),
        Row("another account", [allow({"AWS": root(UNKNOWN)}, action="lambda:InvokeFunction")], [ACCOUNT]),
    ],
    "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-resource-policies-examples.html": [
        Row(
            "all denied but from some addresses",
            [
                allow("*", action="execute-api:Invoke", resource="execute-api:/*"),
                deny(
                    equals("aws:SourceIp", ["198.51.100.0/25"], "NotIpAddress"),
                    action="execute-api:Invoke",
                    resource=["execute-api:/*"],
                ),
            ],
            [],
        ),
        Row(
            "some addresses denied",
            [
                allow("*", action="execute-api:Invoke", resource="execute-api:/*"),
                deny(
                    equals("aws:SourceIp", ["203.0.113.0/24"], "IpAddress"),
                    action="execute-api:Invoke",
                    resource=["execute-api:/*"],
                ),
            ],
            [ANYONE],
        ),
        Row(
            "all denied but from a VPC",
            [
                allow("*", action="execute-api:Invoke", resource="execute-api:/*"),
                deny(
                    equals("aws:SourceVpc", "vpc-1", "StringNotEquals"),
                    action="execute-api:Invoke",
                    resource=["execute-api:/*"],
                ),
            ],
            [ACCOUNT],
        ),
    ],
    "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html": [
        Row(
            "our distribution, by origin access control",
            [
                allow(
                    {"Service": "cloudfront.amazonaws.com"},
                    equals("AWS:SourceArn", f"arn:aws:cloudfront::{OWN}:distribution/E1"),
                )
            ],
            [],
        ),
        Row(
            "an origin access identity, which doesn't tell whose it is",
            [allow({"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"})],
            [ACCOUNT],
        ),
    ],
}
