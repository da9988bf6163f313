"""What IAM's pages say of policies, and whom each lets in."""

from __future__ import annotations

from tests.analysis.policy_pages import (
    ACCOUNT,
    ANYONE,
    BUCKET,
    EKS,
    FRIEND,
    GITHUB,
    GITLAB,
    IAM,
    OBJECTS,
    ORG,
    ORGANIZATION,
    OTHER_ORG,
    OWN,
    SERVICE,
    UNKNOWN,
    VENDOR,
    VENDOR_ALONE,
    WEB,
    Row,
    allow,
    deny,
    equals,
    root,
    trust,
    web,
)

IAM_PAGES: dict[str, list[Row]] = {
    f"{IAM}reference_policies_elements_principal.html": [
        Row("an account by its id", [allow({"AWS": UNKNOWN})], [ACCOUNT]),
        Row("an account by its ARN is the same", [allow({"AWS": root(UNKNOWN)})], [ACCOUNT]),
        Row("our own account", [allow({"AWS": OWN})], []),
        Row("several accounts", [allow({"AWS": [root(FRIEND), UNKNOWN]})], [ACCOUNT]),
        Row("a role", [allow({"AWS": f"arn:aws:iam::{UNKNOWN}:role/x"})], [ACCOUNT]),
        Row("a role's session", [allow({"AWS": f"arn:aws:sts::{UNKNOWN}:assumed-role/x/y"})], [ACCOUNT]),
        Row("a federated user", [allow({"AWS": f"arn:aws:sts::{UNKNOWN}:federated-user/y"})], [ACCOUNT]),
        Row("a user", [allow({"AWS": f"arn:aws:iam::{FRIEND}:user/y"})], []),
        Row("a deleted role shows as its id, and gets in nowhere", [allow({"AWS": "AROAEXAMPLEROLEID123"})], []),
        Row("a deleted user shows as its id, and gets in nowhere", [allow({"AWS": "AIDAEXAMPLEUSERID123"})], []),
        Row("a canonical user", [allow({"CanonicalUser": "79a59df900b949e55d96a1e698fbaced" * 2})], [ACCOUNT]),
        Row("everyone", [allow("*")], [ANYONE]),
        Row("everyone, as the other way to write it", [allow({"AWS": "*"})], [ANYONE]),
        Row("everyone among others", [allow({"AWS": [OWN, "*"]})], [ANYONE]),
        Row("everyone of our organization", [allow("*", equals("aws:PrincipalOrgID", ORG))], []),
        Row("everyone may be denied", [deny()], []),
        Row("a service", [trust({"Service": "ecs.amazonaws.com"})], [SERVICE]),
        Row("two services", [trust({"Service": ["ecs.amazonaws.com", "ec2.amazonaws.com"]})], [SERVICE, SERVICE]),
        Row("a SAML provider of ours", [trust({"Federated": f"arn:aws:iam::{OWN}:saml-provider/x"})], []),
        Row("a SAML provider of others", [trust({"Federated": f"arn:aws:iam::{UNKNOWN}:saml-provider/x"})], [ACCOUNT]),
    ],
    f"{IAM}reference_policies_elements_notprincipal.html": [
        Row(
            "everyone but one is everyone, anonymous callers too",
            [{"Effect": "Allow", "NotPrincipal": {"AWS": root(OWN)}, "Action": "s3:*", "Resource": OBJECTS}],
            [ANYONE],
        ),
        Row(
            "all denied but our role and its account",
            [
                allow("*"),
                {
                    "Effect": "Deny",
                    "NotPrincipal": {"AWS": [root(OWN), f"arn:aws:iam::{OWN}:role/x"]},
                    "Action": "s3:*",
                    "Resource": [BUCKET, OBJECTS],
                },
            ],
            [],
        ),
        Row(
            "all denied but a stranger, who is let in by another statement",
            [
                allow({"AWS": root(UNKNOWN)}),
                {"Effect": "Deny", "NotPrincipal": {"AWS": root(UNKNOWN)}, "Action": "s3:*", "Resource": OBJECTS},
            ],
            [ACCOUNT],
        ),
        Row(
            "all denied but ours, so that a stranger's Allow is void",
            [
                allow({"AWS": root(UNKNOWN)}),
                {"Effect": "Deny", "NotPrincipal": {"AWS": root(OWN)}, "Action": "s3:*", "Resource": OBJECTS},
            ],
            [],
        ),
    ],
    f"{IAM}reference_policies_iam-condition-keys.html": [
        Row("Google's oaud is what the caller asks for", [web("accounts.google.com", oaud="sts.amazonaws.com")], [WEB]),
        Row("Google's aud is who may ask", [web("accounts.google.com", aud="1078", oaud="sts.amazonaws.com")], []),
        Row(
            "a SAML audience",
            [
                trust(
                    {"Federated": f"arn:aws:iam::{OWN}:saml-provider/x"},
                    equals("SAML:aud", "https://signin.aws.amazon.com/saml"),
                )
            ],
            [],
        ),
        Row(
            "an external id, but not of a service",
            [trust({"Service": "x.amazonaws.com"}, equals("sts:ExternalId", "1"))],
            [SERVICE],
        ),
    ],
    f"{IAM}reference_policies_evaluation-logic_policy-eval-denyallow.html": [
        Row("an explicit Deny overrides any Allow", [allow("*"), deny()], []),
        Row("whatever their order", [deny(), allow("*")], []),
        Row("a Deny of one account leaves the others", [allow("*"), deny(principal={"AWS": UNKNOWN})], [ANYONE]),
        Row("an account denied", [allow({"AWS": UNKNOWN}), deny(principal={"AWS": root(UNKNOWN)})], []),
        Row(
            "an account denied, and so its users",
            [allow({"AWS": f"arn:aws:iam::{UNKNOWN}:user/x"}), deny(principal={"AWS": UNKNOWN})],
            [],
        ),
        Row(
            "everybody's Deny of nobody",
            [
                allow({"AWS": UNKNOWN}),
                {"Effect": "Deny", "NotPrincipal": {"AWS": "*"}, "Action": "*", "Resource": "*"},
            ],
            [ACCOUNT],
        ),
        Row(
            "a Deny that spares the same account by another name",
            [
                allow({"CanonicalUser": "a1" * 32}),
                {"Effect": "Deny", "NotPrincipal": {"AWS": UNKNOWN}, "Action": "*", "Resource": "*"},
            ],
            [ACCOUNT],
        ),
        Row("names of objects have a case", [allow("*"), deny(resource=[OBJECTS.upper()])], [ANYONE]),
        Row("names of actions don't", [allow("*", action="S3:getobject"), deny(action="s3:Get*")], []),
        Row(
            "an asterisk taken literally",
            [allow("*", resource=f"{BUCKET}/x*"), deny(resource=[BUCKET + "/${*}"])],
            [ANYONE],
        ),
        Row(
            "a Deny whose ? might be shorter",
            [allow("*", resource=f"{BUCKET}/x*"), deny(resource=[f"{BUCKET}/x?*"])],
            [ANYONE],
        ),
        Row("a Deny of another action", [allow("*"), deny(action="s3:PutObject")], [ANYONE]),
        Row(
            "a Deny of one action of two", [allow("*", action=["s3:Get*", "s3:Put*"]), deny(action="s3:Put*")], [ANYONE]
        ),
        Row("a Deny of another resource", [allow("*"), deny(resource=[f"{BUCKET}/private/*"])], [ANYONE]),
        Row("a Deny of the bucket alone", [allow("*", resource=[BUCKET, OBJECTS]), deny(resource=[BUCKET])], [ANYONE]),
        Row("a Deny over plain HTTP", [allow("*"), deny(equals("aws:SecureTransport", "false", "Bool"))], [ANYONE]),
        Row("a Deny without MFA", [allow("*"), deny(equals("aws:MultiFactorAuthPresent", "false", "Bool"))], [ANYONE]),
        Row("a Deny of all others", [allow("*"), deny(equals("aws:PrincipalOrgID", ORG, "StringNotEquals"))], []),
        Row(
            "a Deny of all others, of an unknown organization",
            [allow("*"), deny(equals("aws:PrincipalOrgID", OTHER_ORG, "StringNotEquals"))],
            [ACCOUNT],
        ),
    ],
    f"{IAM}reference_policies_elements_condition_operators.html": [
        Row("StringEquals takes an asterisk literally", [allow("*", equals("aws:PrincipalAccount", "*"))], [ACCOUNT]),
        Row("StringLike matches all", [allow("*", equals("aws:PrincipalAccount", "*", "StringLike"))], [ANYONE]),
        Row(
            "StringNotEquals excludes one",
            [allow("*", equals("aws:PrincipalAccount", OWN, "StringNotEquals"))],
            [ANYONE],
        ),
        Row(
            "ArnEquals and ArnLike behave alike: wildcards",
            [allow("*", equals("aws:PrincipalArn", "arn:aws:iam::*:role/x", "ArnEquals"))],
            [ANYONE],
        ),
        Row(
            "ArnLike of our account",
            [allow("*", equals("aws:PrincipalArn", f"arn:aws:iam::{OWN}:role/*", "ArnLike"))],
            [],
        ),
        Row("IpAddress of a known network", [allow("*", equals("aws:SourceIp", "198.51.100.7/32", "IpAddress"))], []),
        Row("IpAddress of all", [allow("*", equals("aws:SourceIp", "0.0.0.0/0", "IpAddress"))], [ANYONE]),
        Row("NotIpAddress of one", [allow("*", equals("aws:SourceIp", "203.0.113.0/24", "NotIpAddress"))], [ANYONE]),
        Row(
            "IfExists holds without the key",
            [allow("*", equals("aws:PrincipalOrgID", ORG, "StringEqualsIfExists"))],
            [ANYONE],
        ),
        Row(
            "IfExists, and Null demands the key",
            [
                allow(
                    "*",
                    equals("aws:PrincipalOrgID", ORG, "StringEqualsIfExists")
                    | equals("aws:PrincipalOrgID", "false", "Null"),
                )
            ],
            [],
        ),
        Row("Null true: the key must be absent", [allow("*", equals("aws:PrincipalOrgID", "true", "Null"))], [ANYONE]),
        Row("Null false: any value", [allow("*", equals("aws:PrincipalOrgID", "false", "Null"))], [ANYONE]),
        Row(
            "a negated operator holds without the key, so a Deny with it meets anonymous callers",
            [allow("*"), deny(equals("aws:SourceVpce", "vpce-1", "StringNotEqualsIfExists"))],
            [ACCOUNT],
        ),
        Row(
            "a Deny with a positive operator doesn't",
            [allow("*"), deny(equals("aws:PrincipalOrgID", OTHER_ORG, "StringEquals"))],
            [ANYONE],
        ),
        Row("keys ignore case", [allow("*", equals("AWS:principalORGID", ORG))], []),
    ],
    f"{IAM}reference_policies_condition-logic-multiple-context-keys-or-values.html": [
        Row(
            "several values are alternatives",
            [allow("*", equals("aws:PrincipalOrgID", [ORG, OTHER_ORG]))],
            [ORGANIZATION],
        ),
        Row(
            "several keys add up",
            [allow("*", {"StringEquals": {"aws:PrincipalOrgID": ORG, "aws:SourceVpc": "vpc-1"}})],
            [],
        ),
        Row(
            "several operators add up",
            [allow("*", equals("aws:SourceIp", "0.0.0.0/0", "IpAddress") | equals("aws:PrincipalOrgID", ORG))],
            [],
        ),
        Row(
            "in a Deny several values are exceptions",
            [allow("*"), deny(equals("aws:PrincipalAccount", [OWN, FRIEND], "StringNotEquals"))],
            [],
        ),
        Row(
            "in a Deny several keys are exceptions, either of which will do",
            [
                allow("*"),
                deny(
                    {
                        "StringNotEquals": {"aws:PrincipalOrgID": ORG},
                        "NotIpAddress": {"aws:SourceIp": "198.51.100.0/24"},
                    }
                ),
            ],
            [],
        ),
        Row(
            "in a Deny one exception that anybody can meet",
            [
                allow("*"),
                deny({"StringNotEquals": {"aws:PrincipalOrgID": ORG, "aws:UserAgent": "x"}}),
            ],
            [ANYONE],
        ),
    ],
    f"{IAM}reference_policies_condition-single-vs-multi-valued-context-keys.html": [
        Row(
            "ForAnyValue needs the key",
            [allow("*", equals("aws:PrincipalOrgPaths", f"{ORG}/r-1/ou-1/*", "ForAnyValue:StringLike"))],
            [],
        ),
        Row(
            "ForAllValues holds without the key",
            [allow("*", equals("aws:PrincipalOrgPaths", f"{ORG}/*", "ForAllValues:StringLike"))],
            [ANYONE],
        ),
        Row(
            "ForAllValues, and Null demands the key",
            [
                allow(
                    "*",
                    equals("aws:PrincipalOrgPaths", f"{ORG}/*", "ForAllValues:StringLike")
                    | equals("aws:PrincipalOrgPaths", "false", "Null"),
                )
            ],
            [],
        ),
        Row(
            "ForAllValues in a Deny holds without the key, and so denies",
            [allow("*"), deny(equals("aws:PrincipalOrgPaths", f"{ORG}/*", "ForAllValues:StringNotLike"))],
            [],
        ),
        Row(
            "ForAnyValue in a Deny lets pass who has no key",
            [allow("*"), deny(equals("aws:PrincipalOrgPaths", f"{ORG}/*", "ForAnyValue:StringNotLike"))],
            [ANYONE],
        ),
    ],
    f"{IAM}reference_policies_variables.html": [
        Row("the resource's account", [allow("*", equals("aws:PrincipalAccount", "${aws:ResourceAccount}"))], []),
        Row("the resource's organization", [allow("*", equals("aws:PrincipalOrgID", "${aws:ResourceOrgID}"))], []),
        Row("the caller's own choice", [allow("*", equals("aws:PrincipalArn", "${aws:PrincipalArn}"))], [ANYONE]),
        Row(
            "a default value",
            [allow("*", equals("aws:PrincipalAccount", "${aws:PrincipalTag/team, '1'}", "StringLike"))],
            [ANYONE],
        ),
        Row("an escaped asterisk", [allow("*", equals("aws:PrincipalAccount", "${*}", "StringLike"))], [ACCOUNT]),
    ],
    f"{IAM}confused-deputy.html": [
        Row("a service on behalf of anybody", [allow({"Service": "logs.amazonaws.com"})], [SERVICE]),
        Row("of our account", [allow({"Service": "logs.amazonaws.com"}, equals("aws:SourceAccount", OWN))], []),
        Row(
            "of our resource",
            [allow({"Service": "logs.amazonaws.com"}, equals("aws:SourceArn", f"arn:aws:logs:*:{OWN}:*", "ArnLike"))],
            [],
        ),
        Row("of our organization", [allow({"Service": "logs.amazonaws.com"}, equals("aws:SourceOrgID", ORG))], []),
        Row(
            "of a part of our organization",
            [
                allow(
                    {"Service": "logs.amazonaws.com"},
                    equals("aws:SourceOrgPaths", f"{ORG}/r-1/*", "ForAnyValue:StringLike"),
                )
            ],
            [],
        ),
        Row(
            "of an unknown account",
            [allow({"Service": "logs.amazonaws.com"}, equals("aws:SourceAccount", UNKNOWN))],
            [SERVICE],
        ),
        Row(
            "a bucket's ARN names no account",
            [allow({"Service": "s3.amazonaws.com"}, equals("aws:SourceArn", BUCKET))],
            [SERVICE],
        ),
        Row(
            "services on others' behalf denied, where they tell on whose",
            [
                allow({"Service": "logs.amazonaws.com"}),
                deny(
                    {
                        "StringNotEqualsIfExists": {"aws:SourceOrgID": ORG},
                        "Null": {"aws:SourceAccount": "false"},
                        "Bool": {"aws:PrincipalIsAWSService": "true"},
                    }
                ),
            ],
            [],
        ),
        Row("a vendor with an external id", [trust({"AWS": VENDOR}, equals("sts:ExternalId", "12345"))], []),
        Row("a vendor without one", [trust({"AWS": VENDOR})], [VENDOR_ALONE]),
    ],
    f"{IAM}id_roles_common-scenarios_third-party.html": [
        Row(
            "an external id that anything fits",
            [trust({"AWS": VENDOR}, equals("sts:ExternalId", "*", "StringLike"))],
            [VENDOR_ALONE],
        ),
        Row(
            "if there", [trust({"AWS": VENDOR}, equals("sts:ExternalId", "1", "StringEqualsIfExists"))], [VENDOR_ALONE]
        ),
        Row("a role of the vendor's", [trust({"AWS": f"arn:aws:iam::{VENDOR}:role/x"})], [VENDOR_ALONE]),
        Row(
            "an external id is no secret: it makes no account known",
            [trust({"AWS": UNKNOWN}, equals("sts:ExternalId", "1"))],
            [ACCOUNT],
        ),
        Row("a vendor has an external id for roles only", [allow({"AWS": VENDOR})], [ACCOUNT]),
    ],
    f"{IAM}reference_policies_condition-keys.html": [
        Row("PrincipalOrgID of ours", [allow({"AWS": UNKNOWN}, equals("aws:PrincipalOrgID", ORG))], []),
        Row(
            "PrincipalIsAWSService denies all but services and ours",
            [
                allow("*"),
                deny(
                    {
                        "StringNotEquals": {"aws:PrincipalAccount": OWN},
                        "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
                    }
                ),
            ],
            [],
        ),
        Row(
            "which anonymous requests don't have",
            [
                allow("*"),
                deny(
                    {"StringNotEquals": {"aws:PrincipalAccount": OWN}, "Bool": {"aws:PrincipalIsAWSService": "false"}}
                ),
            ],
            [ANYONE],
        ),
        Row(
            "ViaAWSService can be anybody's",
            [
                allow("*"),
                deny(
                    {"StringNotEquals": {"aws:PrincipalAccount": OWN}, "BoolIfExists": {"aws:ViaAWSService": "false"}}
                ),
            ],
            [ANYONE],
        ),
        Row("VpceOrgID of ours", [allow("*", equals("aws:VpceOrgID", ORG))], []),
        Row("UserAgent and Referer can be forged", [allow("*", equals("aws:UserAgent", "x"))], [ANYONE]),
        Row("a tag of the caller's", [allow("*", equals("aws:PrincipalTag/team", "web"))], [ANYONE]),
    ],
    f"{IAM}id_roles_providers_oidc_secure-by-default.html": [
        Row("GitHub without a subject", [web(GITHUB, aud="sts.amazonaws.com")], [WEB]),
        Row("GitHub with one", [web(GITHUB, "StringLike", sub="repo:acme/*")], []),
        Row("GitHub with any", [web(GITHUB, "StringLike", sub="repo:*")], [WEB]),
        Row("GitLab without a subject", [web(GITLAB, aud="https://gitlab.com")], [WEB]),
        Row("GitLab with one", [web(GITLAB, sub="project_path:acme/x:ref_type:branch:ref:main")], []),
        Row("HCP Terraform without a subject", [web("app.terraform.io", aud="aws.workload.identity")], [WEB]),
        Row("HCP Terraform with one", [web("app.terraform.io", "StringLike", sub="organization:acme:project:*")], []),
        Row("Buildkite without a subject", [web("agent.buildkite.com", aud="sts.amazonaws.com")], [WEB]),
        Row("Codefresh without a subject", [web("oidc.codefresh.io", aud="x")], [WEB]),
        Row("Cognito with its pool", [web("cognito-identity.amazonaws.com", aud="eu-west-1:pool")], []),
        Row("Cognito without", [web("cognito-identity.amazonaws.com")], [WEB]),
        Row("a private issuer needs no claim in particular", [web(EKS, aud="sts.amazonaws.com")], []),
    ],
    f"{IAM}id_roles_create_for-idp_oidc.html": [
        Row("Google with the app's audience", [web("accounts.google.com", aud="66677788899900pro0")], []),
        Row("Google without", [web("accounts.google.com")], [WEB]),
        Row("Facebook with the app", [web("graph.facebook.com", app_id="111222333444555")], []),
        Row("Login with Amazon", [web("www.amazon.com", app_id="amzn1.application-oa2-123456")], []),
        Row(
            "a condition about another provider",
            [web(GITHUB) | {"Condition": equals("accounts.google.com:aud", "1")}],
            [WEB],
        ),
        Row(
            "a provider of another account's",
            [
                trust(
                    {"Federated": f"arn:aws:iam::{UNKNOWN}:oidc-provider/{GITHUB}"},
                    equals(f"{GITHUB}:sub", "repo:a/b:x"),
                )
            ],
            [ACCOUNT],
        ),
    ],
}
