"""What IAM's page of the global condition keys says of each key, and whom a policy with it lets in."""

from __future__ import annotations

from tests.analysis.policy_pages import (
    ACCOUNT,
    ANYONE,
    FRIEND,
    IAM,
    ORG,
    OTHER_ORG,
    OWN,
    SERVICE,
    UNKNOWN,
    Row,
    allow,
    deny,
    equals,
    root,
    trust,
)

OWN_ROLE, ROLE, OTHER_ROLE = (
    f"arn:aws:iam::{OWN}:role/app",
    f"arn:aws:iam::{UNKNOWN}:role/app",
    f"arn:aws:iam::{UNKNOWN}:role/x",
)
TRAIL = {"Service": "cloudtrail.amazonaws.com"}
ONE_VPC = {"aws:SourceVpc": "vpc-111bbb22"}
OU = f"{ORG}/r-ab12/ou-ab12-11111111/ou-ab12-22222222"

KEYS = f"{IAM}reference_policies_condition-keys.html"
KEY_PAGES: dict[str, list[Row]] = {
    f"{KEYS}#condition-keys-principalarn": [
        Row("a role of ours", [allow("*", equals("aws:PrincipalArn", OWN_ROLE))], []),
        Row("a role of others", [allow("*", equals("aws:PrincipalArn", ROLE))], [ACCOUNT]),
        Row("our root user", [allow("*", equals("aws:PrincipalArn", root(OWN)))], []),
        Row("any root user", [allow("*", equals("aws:PrincipalArn", root("*"), "ArnLike"))], [ANYONE]),
        Row(
            "anonymous requests don't have it, and IfExists lets them pass",
            [allow("*", equals("aws:PrincipalArn", OWN_ROLE, "ArnEqualsIfExists"))],
            [ANYONE],
        ),
        Row(
            "unless Null demands it",
            [
                allow(
                    "*",
                    equals("aws:PrincipalArn", OWN_ROLE, "ArnEqualsIfExists")
                    | equals("aws:PrincipalArn", "false", "Null"),
                )
            ],
            [],
        ),
        Row(
            "everyone but our role denied", [allow("*"), deny(equals("aws:PrincipalArn", OWN_ROLE, "ArnNotEquals"))], []
        ),
        Row(
            "everyone but their role denied",
            [allow("*"), deny(equals("aws:PrincipalArn", ROLE, "ArnNotLike"))],
            [ACCOUNT],
        ),
        Row(
            "a role is denied by its ARN",
            [allow({"AWS": ROLE}), deny(equals("aws:PrincipalArn", ROLE, "ArnEquals"))],
            [],
        ),
        Row(
            "and where all but another are",
            [allow({"AWS": ROLE}), deny(equals("aws:PrincipalArn", OTHER_ROLE, "ArnNotEquals"))],
            [],
        ),
        Row(
            "its account has others",
            [allow({"AWS": UNKNOWN}), deny(equals("aws:PrincipalArn", ROLE, "ArnEquals"))],
            [ACCOUNT],
        ),
        Row(
            "a root user's ARN is the root user alone",
            [allow({"AWS": UNKNOWN}), deny(equals("aws:PrincipalArn", root(UNKNOWN), "ArnEquals"))],
            [ACCOUNT],
        ),
        Row(
            "only signed requests denied",
            [allow("*"), deny(equals("aws:PrincipalArn", "false", "Null"))],
            [ANYONE],
        ),
        Row(
            "unsigned requests denied",
            [allow("*"), deny(equals("aws:PrincipalArn", "true", "Null"))],
            [ANYONE],
        ),
        Row(
            "an account's requests are signed",
            [allow({"AWS": UNKNOWN}), deny(equals("aws:PrincipalArn", "false", "Null"))],
            [],
        ),
    ],
    f"{KEYS}#condition-keys-principalaccount": [
        Row(
            "all but an account that isn't known denied",
            [allow("*"), deny(equals("aws:PrincipalAccount", [UNKNOWN], "StringNotEquals"))],
            [ACCOUNT],
        ),
        Row(
            "each request has it, so IfExists needs no Null",
            [allow("*", equals("aws:PrincipalAccount", OWN, "StringEqualsIfExists"))],
            [],
        ),
        Row("anonymous requests have a value", [allow("*", equals("aws:PrincipalAccount", "anonymous"))], [ANYONE]),
        Row(
            "denied but to anonymous requests",
            [allow("*"), deny(equals("aws:PrincipalAccount", "anonymous", "StringNotEquals"))],
            [ANYONE],
        ),
        Row(
            "an account is denied by its id",
            [allow({"AWS": root(UNKNOWN)}), deny(equals("aws:PrincipalAccount", UNKNOWN))],
            [],
        ),
        Row(
            "and so are its roles",
            [allow({"AWS": [ROLE, OTHER_ROLE]}), deny(equals("aws:PrincipalAccount", [UNKNOWN, FRIEND]))],
            [],
        ),
        Row("another one's isn't", [allow({"AWS": UNKNOWN}), deny(equals("aws:PrincipalAccount", FRIEND))], [ACCOUNT]),
        Row(
            "denied without it, which no request is",
            [allow("*"), deny(equals("aws:PrincipalAccount", "true", "Null"))],
            [ANYONE],
        ),
        Row("denied with it", [allow("*"), deny(equals("aws:PrincipalAccount", "false", "Null"))], []),
    ],
    f"{KEYS}#condition-keys-principalorgpaths": [
        Row("one unit", [allow("*", equals("aws:PrincipalOrgPaths", [f"{OU}/"], "ForAnyValue:StringEquals"))], []),
        Row(
            "its children", [allow("*", equals("aws:PrincipalOrgPaths", [f"{OU}/ou-*"], "ForAnyValue:StringLike"))], []
        ),
        Row(
            "two units",
            [
                allow(
                    "*",
                    equals(
                        "aws:PrincipalOrgPaths",
                        [f"{OU}/*", f"{ORG}/r-ab12/ou-ab12-33333333/*"],
                        "ForAnyValue:StringLike",
                    ),
                )
            ],
            [],
        ),
        Row(
            "a unit of which another organization may have one of the same id",
            [allow("*", equals("aws:PrincipalOrgPaths", ["*/r-ab12/ou-ab12-22222222/*"], "ForAnyValue:StringLike"))],
            [ANYONE],
        ),
        Row(
            "organizations whose ids begin alike",
            [allow("*", equals("aws:PrincipalOrgPaths", ["o-a*"], "ForAnyValue:StringLike"))],
            [ANYONE],
        ),
    ],
    f"{KEYS}#condition-keys-principalorgid": [
        Row("our organization may put objects", [allow("*", equals("aws:PrincipalOrgID", ORG), "s3:PutObject")], []),
        Row(
            "services are no members, and are denied too",
            [allow(TRAIL, action="s3:PutObject"), deny(equals("aws:PrincipalOrgID", ORG, "StringNotEquals"))],
            [],
        ),
        Row(
            "a Deny of another organization's members doesn't meet services",
            [allow(TRAIL, action="s3:PutObject"), deny(equals("aws:PrincipalOrgID", OTHER_ORG))],
            [SERVICE],
        ),
    ],
    f"{KEYS}#condition-keys-principalisawsservice": [
        Row(
            "denied but from a VPC or to services: a service on anyone's behalf",
            [
                allow(TRAIL, action="s3:PutObject"),
                deny({"StringNotEqualsIfExists": ONE_VPC, "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}),
            ],
            [SERVICE],
        ),
        Row(
            "denied but from a VPC or to services: everybody",
            [
                allow("*"),
                deny({"StringNotEqualsIfExists": ONE_VPC, "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}),
            ],
            [ACCOUNT],
        ),
        Row(
            "no service: a role of another account",
            [allow({"AWS": ROLE}), deny(equals("aws:PrincipalIsAWSService", "false", "Bool"))],
            [],
        ),
        Row(
            "services denied",
            [allow(TRAIL), deny(equals("aws:PrincipalIsAWSService", "true", "Bool"))],
            [],
        ),
        Row(
            "services denied, accounts not",
            [allow({"AWS": UNKNOWN}), deny(equals("aws:PrincipalIsAWSService", "true", "Bool"))],
            [ACCOUNT],
        ),
    ],
    f"{KEYS}#condition-keys-principalservicename": [
        Row(
            "denied but from a VPC or to CloudTrail",
            [
                allow("*"),
                deny({"StringNotEqualsIfExists": ONE_VPC | {"aws:PrincipalServiceName": "cloudtrail.amazonaws.com"}}),
            ],
            [ACCOUNT],
        ),
    ],
    f"{KEYS}#condition-keys-principaltype": [
        Row("users of any account", [allow("*", equals("aws:PrincipalType", "User"))], [ANYONE]),
        Row("each request has it", [allow("*"), deny(equals("aws:PrincipalType", "true", "Null"))], [ANYONE]),
    ],
    f"{KEYS}#condition-keys-userid": [
        Row("one user", [allow("*", equals("aws:userid", "AIDAEXAMPLEUSERID123"))], [ACCOUNT]),
        Row("anonymous callers", [allow("*", equals("aws:userid", "anonymous"))], [ANYONE]),
        Row(
            "one user, IfExists, which each request has",
            [allow("*", equals("aws:userid", "AIDAEXAMPLEUSERID123", "StringEqualsIfExists"))],
            [ACCOUNT],
        ),
    ],
    f"{KEYS}#condition-keys-username": [
        Row("a name that any account may have", [allow("*", equals("aws:username", "alice"))], [ANYONE]),
    ],
    f"{KEYS}#condition-keys-multifactorauthpresent": [
        Row("with MFA", [allow("*", equals("aws:MultiFactorAuthPresent", "true", "Bool"))], [ANYONE]),
        Row(
            "with MFA if it can be",
            [allow("*", equals("aws:MultiFactorAuthPresent", "true", "BoolIfExists"))],
            [ANYONE],
        ),
        Row("temporary credentials", [allow("*", equals("aws:MultiFactorAuthPresent", "false", "Null"))], [ANYONE]),
        Row(
            "another account with MFA",
            [trust({"AWS": UNKNOWN}, equals("aws:MultiFactorAuthPresent", "true", "Bool"))],
            [ACCOUNT],
        ),
        Row("our account with MFA", [trust({"AWS": OWN}, equals("aws:MultiFactorAuthPresent", "true", "Bool"))], []),
        Row(
            "denied without MFA, which others may have",
            [allow("*"), deny(equals("aws:MultiFactorAuthPresent", "false", "BoolIfExists"))],
            [ANYONE],
        ),
        Row(
            "denied without MFA, and with it",
            [
                allow("*"),
                deny(equals("aws:MultiFactorAuthPresent", "false", "BoolIfExists")),
                deny(equals("aws:MultiFactorAuthPresent", "true", "Bool")),
            ],
            [],
        ),
        Row(
            "long-term keys are met by neither value",
            [allow("*"), deny(equals("aws:MultiFactorAuthPresent", ["true", "false"], "Bool"))],
            [ANYONE],
        ),
    ],
    f"{KEYS}#condition-keys-ec2-source-instance-arn": [
        Row(
            "our instance's role",
            [allow("*", equals("ec2:SourceInstanceARN", f"arn:aws:ec2:us-west-2:{OWN}:instance/i-1", "ArnEquals"))],
            [],
        ),
        Row(
            "any instance's",
            [allow("*", equals("ec2:SourceInstanceARN", "arn:aws:ec2:*:*:instance/*", "ArnLike"))],
            [ANYONE],
        ),
    ],
    f"{KEYS}#condition-keys-lambda-source-function-arn": [
        Row(
            "our function",
            [allow("*", equals("lambda:SourceFunctionArn", f"arn:aws:lambda:us-east-1:{OWN}:function:f", "ArnEquals"))],
            [],
        ),
        Row(
            "another account's",
            [
                allow(
                    "*", equals("lambda:SourceFunctionArn", f"arn:aws:lambda:us-east-1:{UNKNOWN}:function:f", "ArnLike")
                )
            ],
            [ACCOUNT],
        ),
    ],
    f"{KEYS}#condition-keys-codebuild-project-arn": [
        Row(
            "our project",
            [allow("*", equals("codebuild:ProjectArn", f"arn:aws:codebuild:us-east-1:{OWN}:project/p", "ArnEquals"))],
            [],
        ),
    ],
    f"{KEYS}#condition-keys-codebuild-build-arn": [
        Row(
            "the builds of our project",
            [allow("*", equals("codebuild:BuildArn", f"arn:aws:codebuild:us-east-1:{OWN}:build/p:*", "ArnLike"))],
            [],
        ),
        Row(
            "the builds of such a project of anybody's",
            [allow("*", equals("codebuild:BuildArn", "arn:aws:codebuild:us-east-1:*:build/p:*", "ArnLike"))],
            [ANYONE],
        ),
    ],
    f"{KEYS}#condition-keys-ssm-source-instance-arn": [
        Row(
            "our managed instance",
            [
                allow(
                    "*",
                    equals("ssm:SourceInstanceArn", f"arn:aws:ssm:us-east-1:{OWN}:managed-instance/mi-1", "ArnEquals"),
                )
            ],
            [],
        ),
    ],
    f"{KEYS}#condition-keys-glue-role-assumed-by": [
        Row("Glue, for anybody", [allow("*", equals("glue:RoleAssumedBy", "glue.amazonaws.com"))], [ANYONE]),
    ],
}
