"""What IAM's page of the global condition keys says of those about networks, sources and requests."""

from __future__ import annotations

from tests.analysis.policy_pages import (
    ACCOUNT,
    ANYONE,
    BUCKET,
    FRIEND,
    OBJECTS,
    ORG,
    OWN,
    SERVICE,
    UNKNOWN,
    Row,
    allow,
    deny,
    equals,
    trust,
)
from tests.analysis.policy_pages_keys import KEYS, ONE_VPC, OU, ROLE, TRAIL

BY_SERVICE = {"Null": {"aws:SourceAccount": "false"}, "Bool": {"aws:PrincipalIsAWSService": "true"}}

REQUEST_PAGES: dict[str, list[Row]] = {
    f"{KEYS}#condition-keys-sourceip": [
        Row(
            "IPv4 and IPv6 of ours and others",
            [allow("*", equals("aws:SourceIp", ["198.51.100.0/24", "2001:DB8:1234:5678::/64"], "IpAddress"))],
            [ACCOUNT],
        ),
        Row(
            "requests through VPC endpoints don't have it, and IfExists lets them pass",
            [allow("*", equals("aws:SourceIp", "198.51.100.0/24", "IpAddressIfExists"))],
            [ANYONE],
        ),
        Row(
            "unless they are denied",
            [
                allow("*", equals("aws:SourceIp", "198.51.100.0/24", "IpAddressIfExists")),
                deny(equals("aws:SourceIp", "true", "Null")),
            ],
            [],
        ),
        Row(
            "or only some of them are",
            [
                allow("*", equals("aws:SourceIp", "198.51.100.0/24", "IpAddressIfExists")),
                deny(equals("aws:SourceIp", "true", "Null"), resource=[f"{OBJECTS}.txt"]),
            ],
            [ANYONE],
        ),
        Row(
            "or those alone whom it doesn't let in anyway",
            [
                allow("*", equals("aws:SourceIp", "192.0.2.0/24", "IpAddressIfExists")),
                deny(equals("aws:SourceIp", "true", "Null")),
            ],
            [ACCOUNT],
        ),
        Row(
            "denied but from our network: those through VPC endpoints too",
            [allow("*"), deny(equals("aws:SourceIp", "198.51.100.0/24", "NotIpAddress"))],
            [],
        ),
        Row(
            "denied from the internet, where they have it",
            [allow("*"), deny(equals("aws:SourceIp", "false", "Null"))],
            [ANYONE],
        ),
        Row(
            "denied to one network", [allow("*"), deny(equals("aws:SourceIp", "203.0.113.0/24", "IpAddress"))], [ANYONE]
        ),
    ],
    f"{KEYS}#condition-keys-sourcevpc": [
        Row(
            "requests from the internet don't have it, and IfExists lets them pass",
            [allow("*", equals("aws:SourceVpc", "vpc-1", "StringEqualsIfExists"))],
            [ANYONE],
        ),
        Row(
            "denied but from a VPC, or by a service that anybody may have call",
            [
                allow("*", action="s3:PutObject"),
                deny({"StringNotEqualsIfExists": ONE_VPC, "Bool": {"aws:ViaAWSService": "false"}}),
            ],
            [ANYONE],
        ),
    ],
    f"{KEYS}#condition-keys-sourcevpcarn": [
        Row(
            "denied but from a VPC",
            [allow("*"), deny(equals("aws:SourceVpcArn", "arn:aws:ec2:us-east-1:*:vpc/vpc-1a2b3c4d", "ArnNotEquals"))],
            [ACCOUNT],
        ),
        Row(
            "denied but from VPCs of ours",
            [allow("*"), deny(equals("aws:SourceVpcArn", f"arn:aws:ec2:us-east-1:{OWN}:vpc/*", "ArnNotLike"))],
            [],
        ),
        Row("any VPC", [allow("*", equals("aws:SourceVpcArn", "arn:aws:ec2:us-east-1:*:vpc/*", "ArnLike"))], [ANYONE]),
    ],
    f"{KEYS}#condition-keys-vpceaccount": [
        Row("through endpoints of ours", [allow("*", equals("aws:VpceAccount", OWN))], []),
        Row("through endpoints of others", [allow("*", equals("aws:VpceAccount", UNKNOWN))], [ACCOUNT]),
        Row("a role of others through ours", [allow({"AWS": ROLE}, equals("aws:VpceAccount", OWN))], []),
    ],
    f"{KEYS}#condition-keys-vpceorgid": [
        Row(
            "denied but through endpoints of our organization, or with a tag that callers give themselves",
            [
                allow("*"),
                deny(
                    {
                        "BoolIfExists": {"aws:PrincipalIsAWSService": "false", "aws:ViaAWSService": "false"},
                        "StringNotEqualsIfExists": {"aws:VpceOrgID": ORG, "aws:PrincipalTag/exception": "true"},
                    }
                ),
            ],
            [ANYONE],
        ),
        Row(
            "denied but through endpoints of our organization",
            [
                allow("*"),
                deny(
                    {
                        "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
                        "StringNotEqualsIfExists": {"aws:VpceOrgID": ORG},
                    }
                ),
            ],
            [],
        ),
    ],
    f"{KEYS}#condition-keys-vpceorgpaths": [
        Row(
            "through endpoints of a unit of ours",
            [allow("*", equals("aws:VpceOrgPaths", f"{OU}/*", "ForAnyValue:StringLike"))],
            [],
        ),
    ],
    f"{KEYS}#condition-keys-sourceaccount": [
        Row(
            "services on others' behalf denied, where they tell on whose",
            [
                allow(TRAIL, action="s3:PutObject"),
                deny({"StringNotEqualsIfExists": {"aws:SourceAccount": OWN}, **BY_SERVICE}),
            ],
            [],
        ),
        Row(
            "for two accounts, one of which isn't known",
            [allow(TRAIL, equals("aws:SourceAccount", [OWN, UNKNOWN]))],
            [SERVICE],
        ),
        Row("for two accounts of ours", [allow(TRAIL, equals("aws:SourceAccount", [OWN, FRIEND]))], []),
        Row(
            "not each service tells it, and IfExists lets those pass",
            [allow(TRAIL, equals("aws:SourceAccount", OWN, "StringEqualsIfExists"))],
            [SERVICE],
        ),
        Row("only services have it", [allow("*", equals("aws:SourceAccount", OWN))], []),
    ],
    f"{KEYS}#condition-keys-sourcearn": [
        Row("of a topic of ours", [allow(TRAIL, equals("aws:SourceArn", f"arn:aws:sns:us-east-1:{OWN}:t"))], []),
        Row(
            "of such a topic of anybody's",
            [allow(TRAIL, equals("aws:SourceArn", "arn:aws:sns:us-east-1:*:t", "ArnLike"))],
            [SERVICE],
        ),
        Row("of a bucket, whose ARN tells no account", [allow(TRAIL, equals("aws:SourceArn", BUCKET))], [SERVICE]),
        Row(
            "with the account beside it",
            [allow(TRAIL, {"StringEquals": {"aws:SourceArn": BUCKET, "aws:SourceAccount": OWN}})],
            [],
        ),
    ],
    f"{KEYS}#condition-keys-sourceorgpaths": [
        Row(
            "services on others' behalf denied, where they tell on whose",
            [
                allow(TRAIL, action="s3:PutObject"),
                deny({"ForAllValues:StringNotLikeIfExists": {"aws:SourceOrgPaths": f"{OU}/"}, **BY_SERVICE}),
            ],
            [],
        ),
    ],
    f"{KEYS}#condition-keys-securetransport": [
        Row("over TLS", [allow("*", equals("aws:SecureTransport", "true", "Bool"))], [ANYONE]),
        Row(
            "denied without it, which no request is",
            [allow("*"), deny(equals("aws:SecureTransport", "true", "Null"))],
            [ANYONE],
        ),
        Row(
            "denied with it, which each request is",
            [allow("*"), deny(equals("aws:SecureTransport", "false", "Null"))],
            [],
        ),
        Row(
            "denied over HTTP, if it exists",
            [allow("*"), deny(equals("aws:SecureTransport", "false", "BoolIfExists"))],
            [ANYONE],
        ),
        Row(
            "denied for either value", [allow("*"), deny(equals("aws:SecureTransport", ["true", "false"], "Bool"))], []
        ),
        Row(
            "denied over HTTP, and over TLS by another statement",
            [
                allow("*"),
                deny(equals("aws:SecureTransport", "false", "Bool")),
                deny(equals("aws:SecureTransport", "true", "Bool")),
            ],
            [],
        ),
        Row(
            "allowed over HTTP, which is denied",
            [
                allow("*", equals("aws:SecureTransport", "false", "BoolIfExists")),
                deny(equals("aws:SecureTransport", "false", "Bool")),
            ],
            [],
        ),
    ],
    f"{KEYS}#condition-keys-currenttime": [
        Row(
            "for a day",
            [
                allow(
                    "*",
                    {
                        "DateGreaterThan": {"aws:CurrentTime": "2030-01-31T12:00:00Z"},
                        "DateLessThan": {"aws:CurrentTime": "2030-01-31T15:00:00Z"},
                    },
                )
            ],
            [ANYONE],
        ),
        Row("denied whenever there is a time", [allow("*"), deny(equals("aws:CurrentTime", "false", "Null"))], []),
        Row(
            "denied from a day on",
            [allow("*"), deny(equals("aws:CurrentTime", "2030-01-31T12:00:00Z", "DateGreaterThan"))],
            [ANYONE],
        ),
    ],
    f"{KEYS}#condition-keys-useragent": [
        Row("each request has it", [allow("*"), deny(equals("aws:UserAgent", "true", "Null"))], [ANYONE]),
        Row("denied to one", [allow("*"), deny(equals("aws:UserAgent", "curl/*", "StringLike"))], [ANYONE]),
    ],
    f"{KEYS}#condition-keys-requestedregion": [
        Row("in one region", [allow("*", equals("aws:RequestedRegion", "eu-west-1"))], [ANYONE]),
        Row(
            "denied in another",
            [allow("*"), deny(equals("aws:RequestedRegion", "eu-west-1", "StringNotEquals"))],
            [ANYONE],
        ),
    ],
    f"{KEYS}#condition-keys-calledvia": [
        Row(
            "through a service that anybody may have call",
            [
                allow(
                    "*", equals("aws:CalledVia", ["dynamodb.amazonaws.com"], "ForAnyValue:StringEquals"), "kms:Decrypt"
                )
            ],
            [ANYONE],
        ),
    ],
    f"{KEYS}#condition-keys-viaawsservice": [
        Row("by a service for anybody", [allow("*", equals("aws:ViaAWSService", "true", "Bool"))], [ANYONE]),
        Row(
            "denied to those who call themselves, and to services for them",
            [
                allow("*"),
                deny(equals("aws:ViaAWSService", "false", "Bool")),
                deny(equals("aws:ViaAWSService", "true", "Bool")),
            ],
            [],
        ),
    ],
    f"{KEYS}#condition-keys-principaltag": [
        Row("with a tag", [allow("*", equals("aws:PrincipalTag/department", "hr"))], [ANYONE]),
        Row(
            "users of another account with a tag",
            [allow({"AWS": UNKNOWN}, equals("aws:PrincipalTag/x", "y"))],
            [ACCOUNT],
        ),
    ],
    f"{KEYS}#condition-keys-sourceidentity": [
        Row(
            "a role of others, by a name they choose",
            [trust({"AWS": ROLE}, equals("aws:SourceIdentity", ["Saanvi", "Diego"], "StringLike"))],
            [ACCOUNT],
        ),
    ],
}
