"""What the pages of SNS, SQS, Lambda, KMS, ECR, Secrets Manager and others say of their resources' policies."""

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
    SERVICE,
    UNKNOWN,
    WEB,
    Row,
    allow,
    deny,
    equals,
    root,
    trust,
    web,
)

TOPIC, QUEUE = f"arn:aws:sns:us-east-2:{OWN}:MyTopic", f"arn:aws:sqs:us-east-2:{OWN}:queue1"
FUNCTION = f"arn:aws:lambda:us-east-2:{OWN}:function:my-function"
S3_SERVICE, SNS_SERVICE = {"Service": "s3.amazonaws.com"}, {"Service": "sns.amazonaws.com"}
USERS = [f"arn:aws:iam::{UNKNOWN}:role/role1", f"arn:aws:iam::{UNKNOWN}:user/username1"]
SOME = equals("aws:SourceIp", "192.0.2.0/24", "IpAddress")
USE = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
PULL = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
INVOKE = "execute-api:Invoke"
READ = "secretsmanager:GetSecretValue"
NOT_ENDPOINT = equals("aws:sourceVpce", "vpce-1ab2c34d", "StringNotEquals")
COGNITO = "cognito-identity.amazonaws.com"

MESSAGE_PAGES: dict[str, list[Row]] = {
    "https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html": [
        Row("an account may publish", [allow({"AWS": UNKNOWN}, None, ["sns:Publish"], TOPIC)], [ACCOUNT]),
        Row(
            "an account may subscribe by HTTPS",
            [allow({"AWS": UNKNOWN}, equals("sns:Protocol", "https"), ["sns:Subscribe"], TOPIC)],
            [ACCOUNT],
        ),
        Row(
            "a service, on behalf of another account",
            [
                allow(
                    {"Service": "someservice.amazonaws.com"}, equals("AWS:SourceAccount", UNKNOWN), "sns:Publish", TOPIC
                )
            ],
            [SERVICE],
        ),
        Row(
            "a service, on behalf of an account that is known",
            [allow(S3_SERVICE, equals("AWS:SourceAccount", FRIEND), "sns:Publish", TOPIC)],
            [],
        ),
        Row(
            "SES, for an email of our account",
            [allow({"Service": "ses.amazonaws.com"}, equals("aws:SourceOwner", OWN), "SNS:Publish", TOPIC)],
            [],
        ),
        Row(
            "our organization",
            [allow({"AWS": "*"}, equals("aws:PrincipalOrgID", ORG), "SNS:Publish", TOPIC)],
            [],
        ),
        Row(
            "any alarm of another account",
            [
                allow(
                    {"AWS": "*"},
                    equals("aws:SourceArn", f"arn:aws:cloudwatch:us-east-2:{UNKNOWN}:alarm:*", "ArnLike"),
                    "SNS:Publish",
                    TOPIC,
                )
            ],
            [ACCOUNT],
        ),
        Row(
            "any alarm of our account",
            [
                allow(
                    {"AWS": "*"},
                    equals("aws:SourceArn", f"arn:aws:cloudwatch:us-east-2:{OWN}:alarm:*", "ArnLike"),
                    "SNS:Publish",
                    TOPIC,
                )
            ],
            [],
        ),
        Row("denied but from an endpoint", [deny(NOT_ENDPOINT, "*", "SNS:Publish", [TOPIC])], []),
    ],
    "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-basic-examples-of-sqs-policies.html": [
        Row("an account may send", [allow({"AWS": [UNKNOWN]}, None, "sqs:SendMessage", QUEUE)], [ACCOUNT]),
        Row(
            "an account may send and receive",
            [allow({"AWS": [FRIEND]}, None, ["sqs:SendMessage", "sqs:ReceiveMessage"], QUEUE)],
            [],
        ),
        Row("two accounts may do all", [allow({"AWS": [UNKNOWN, FRIEND]}, None, "sqs:*", QUEUE)], [ACCOUNT]),
        Row("a role and a user may do all", [allow({"AWS": USERS}, None, "sqs:*", QUEUE)], [ACCOUNT, ACCOUNT]),
        Row("all users, anonymous ones too", [allow("*", None, "sqs:ReceiveMessage", QUEUE)], [ANYONE]),
        Row("all users of a range", [allow("*", SOME, "sqs:*", QUEUE)], [ACCOUNT]),
        Row(
            "all users of a range but one address, and another range denied",
            [
                allow("*", SOME | equals("aws:SourceIp", "192.0.2.188/32", "NotIpAddress"), "sqs:SendMessage", QUEUE),
                deny(equals("aws:SourceIp", "12.148.72.0/23", "IpAddress"), "*", "sqs:*", [QUEUE]),
            ],
            [ACCOUNT],
        ),
        Row(
            "all users of a range, which is denied",
            [allow("*", SOME, "sqs:SendMessage", QUEUE), deny(SOME, "*", "sqs:*", [QUEUE])],
            [],
        ),
        Row(
            "all users of a range, of which the half is denied",
            [
                allow("*", SOME, "sqs:SendMessage", QUEUE),
                deny(equals("aws:SourceIp", "192.0.2.0/25", "IpAddress"), "*", "sqs:*", [QUEUE]),
            ],
            [ACCOUNT],
        ),
        Row(
            "all users of a range, of which either half is denied",
            [
                allow("*", SOME, "sqs:SendMessage", QUEUE),
                deny(equals("aws:SourceIp", "192.0.2.0/25", "IpAddress"), "*", "sqs:*", [QUEUE]),
                deny(equals("aws:SourceIp", "192.0.2.128/25", "IpAddress"), "*", "sqs:*", [QUEUE]),
            ],
            [],
        ),
    ],
    "https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html": [
        Row(
            "our topic", [allow(SNS_SERVICE, equals("aws:SourceArn", TOPIC, "ArnEquals"), "sqs:SendMessage", QUEUE)], []
        ),
        Row("any topic", [allow(SNS_SERVICE, None, "sqs:SendMessage", QUEUE)], [SERVICE]),
    ],
    "https://docs.aws.amazon.com/AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html": [
        Row(
            "events of our bucket",
            [
                allow(
                    S3_SERVICE,
                    equals("aws:SourceArn", "arn:aws:s3:*:*:bucket", "ArnLike") | equals("aws:SourceAccount", OWN),
                    ["SQS:SendMessage"],
                    QUEUE,
                )
            ],
            [],
        ),
        Row(
            "events of a bucket of that name, whosever it is",
            [allow(S3_SERVICE, equals("aws:SourceArn", "arn:aws:s3:*:*:bucket", "StringLike"), ["SNS:Publish"], TOPIC)],
            [SERVICE],
        ),
        Row(
            "a key for S3's messages", [allow(S3_SERVICE, None, ["kms:GenerateDataKey", "kms:Decrypt"], "*")], [SERVICE]
        ),
    ],
    "https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html": [
        Row("any topic", [allow(SNS_SERVICE, None, "lambda:InvokeFunction", FUNCTION)], [SERVICE]),
        Row(
            "our topic",
            [allow(SNS_SERVICE, equals("AWS:SourceArn", TOPIC, "ArnLike"), "lambda:InvokeFunction", FUNCTION)],
            [],
        ),
        Row(
            "our bucket",
            [
                allow(
                    S3_SERVICE,
                    equals("AWS:SourceAccount", OWN) | equals("AWS:SourceArn", BUCKET, "ArnLike"),
                    "lambda:InvokeFunction",
                    FUNCTION,
                )
            ],
            [],
        ),
        Row(
            "a bucket that another account may make again",
            [allow(S3_SERVICE, equals("AWS:SourceArn", BUCKET, "ArnLike"), "lambda:InvokeFunction", FUNCTION)],
            [SERVICE],
        ),
        Row("one user of another account", [allow({"AWS": USERS[1]}, None, "lambda:GetFunction", FUNCTION)], [ACCOUNT]),
        Row(
            "a layer for our organization",
            [allow("*", equals("aws:PrincipalOrgID", ORG), "lambda:GetLayerVersion")],
            [],
        ),
        Row(
            "a layer for another organization",
            [allow("*", equals("aws:PrincipalOrgID", OTHER_ORG), "lambda:GetLayerVersion")],
            [ORGANIZATION],
        ),
        Row("a layer for all", [allow("*", None, "lambda:GetLayerVersion")], [ANYONE]),
    ],
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html": [
        Row(
            "an address that needs no signature",
            [allow("*", equals("lambda:FunctionUrlAuthType", "NONE"), "lambda:InvokeFunctionUrl", FUNCTION)],
            [ANYONE],
        ),
        Row(
            "an address for a role of others",
            [
                allow(
                    {"AWS": USERS[0]},
                    equals("lambda:FunctionUrlAuthType", "AWS_IAM"),
                    "lambda:InvokeFunctionUrl",
                    FUNCTION,
                )
            ],
            [ACCOUNT],
        ),
    ],
    "https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html": [
        Row("another account", [allow({"AWS": [root(UNKNOWN)]}, None, USE, "*")], [ACCOUNT]),
        Row("its role and its user", [allow({"AWS": USERS}, None, USE, "*")], [ACCOUNT, ACCOUNT]),
        Row(
            "its grants for AWS's services",
            [
                allow(
                    {"AWS": root(UNKNOWN)},
                    equals("kms:GrantIsForAWSResource", "true", "Bool"),
                    ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"],
                    "*",
                )
            ],
            [ACCOUNT],
        ),
        Row("an asterisk is everybody in every account", [allow("*", None, USE, "*")], [ANYONE]),
        Row("unless a Deny says otherwise", [allow("*", None, USE, "*"), deny(None, "*", "kms:*", ["*"])], []),
    ],
    "https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html": [
        Row(
            "all of our account, through EBS",
            [
                allow(
                    {"AWS": "*"},
                    {"StringEquals": {"kms:CallerAccount": OWN, "kms:ViaService": "ec2.us-west-2.amazonaws.com"}},
                    USE,
                    "*",
                )
            ],
            [],
        ),
        Row("all of another", [allow({"AWS": "*"}, equals("kms:CallerAccount", UNKNOWN), USE, "*")], [ACCOUNT]),
        Row(
            "anybody, through EBS",
            [allow({"AWS": "*"}, equals("kms:ViaService", "ec2.us-west-2.amazonaws.com"), USE, "*")],
            [ANYONE],
        ),
        Row(
            "a role of ours, with a context",
            [
                allow(
                    {"AWS": f"arn:aws:iam::{OWN}:role/RoleForExampleApp"},
                    equals("kms:EncryptionContext:AppName", "ExampleApp"),
                    "kms:GenerateDataKey",
                    "*",
                )
            ],
            [],
        ),
        Row(
            "anybody, with a context, which is no secret",
            [allow("*", equals("kms:EncryptionContext:AppName", "ExampleApp"), "kms:Decrypt", "*")],
            [ANYONE],
        ),
    ],
    "https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policy-examples.html": [
        Row("users of ours", [allow({"AWS": [f"arn:aws:iam::{OWN}:user/u1"]}, None, [*PULL, "ecr:PutImage"])], []),
        Row("another account may push", [allow({"AWS": root(UNKNOWN)}, None, ["ecr:PutImage"])], [ACCOUNT]),
        Row("pulls denied to all", [deny(None, "*", PULL)], []),
        Row(
            "another account may push, and may not pull",
            [allow({"AWS": root(UNKNOWN)}, None, [*PULL, "ecr:PutImage"]), deny(None, "*", PULL)],
            [ACCOUNT],
        ),
        Row(
            "another account may pull, which is denied to all",
            [allow({"AWS": root(UNKNOWN)}, None, PULL), deny(None, "*", PULL)],
            [],
        ),
        Row("denied but from some addresses", [deny(equals("aws:SourceIp", "54.240.143.0/24", "NotIpAddress"))], []),
        Row(
            "CodeBuild for a project of ours",
            [
                allow(
                    {"Service": "codebuild.amazonaws.com"},
                    equals("aws:SourceArn", f"arn:aws:codebuild:us-east-1:{OWN}:project/p", "ArnLike")
                    | equals("aws:SourceAccount", OWN),
                    PULL,
                )
            ],
            [],
        ),
    ],
    "https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_examples.html": [
        Row("a role of ours", [allow({"AWS": f"arn:aws:iam::{OWN}:role/r"}, None, READ, "*")], []),
        Row("denied but from an endpoint", [deny(NOT_ENDPOINT, "*", READ, ["*"])], []),
        Row(
            "another account's roles with the secret's tag",
            [
                allow(
                    {"AWS": UNKNOWN},
                    equals("aws:ResourceTag/AccessProject", "${ aws:PrincipalTag/AccessProject }"),
                    READ,
                    "*",
                )
            ],
            [ACCOUNT],
        ),
    ],
    "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-resource-policies-examples.html": [
        Row(
            "a user of another account, and the account",
            [allow({"AWS": [USERS[1], UNKNOWN]}, None, INVOKE)],
            [ACCOUNT] * 2,
        ),
        Row(
            "some private addresses denied",
            [
                allow("*", None, INVOKE),
                deny(equals("aws:VpcSourceIp", ["192.0.2.0/24", "198.51.100.0/24"], "IpAddress"), "*", INVOKE),
            ],
            [ANYONE],
        ),
        Row("denied but through an endpoint", [allow("*", None, INVOKE), deny(NOT_ENDPOINT, "*", INVOKE)], [ACCOUNT]),
    ],
    "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-permissions-manage.html": [
        Row("another account may put events", [allow({"AWS": root(UNKNOWN)}, None, "events:PutEvents")], [ACCOUNT]),
        Row("our organization", [allow("*", equals("aws:PrincipalOrgID", ORG), "events:PutEvents")], []),
    ],
    "https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html": [
        Row(
            "our trust anchor",
            [
                trust(
                    {"Service": "rolesanywhere.amazonaws.com"},
                    equals("aws:SourceArn", f"arn:aws:rolesanywhere:eu-west-1:{OWN}:trust-anchor/ta", "ArnEquals"),
                )
            ],
            [],
        ),
        Row("any trust anchor", [trust({"Service": "rolesanywhere.amazonaws.com"})], [SERVICE]),
    ],
    "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html": [
        Row(
            "tasks of our account",
            [
                trust(
                    {"Service": ["ecs-tasks.amazonaws.com"]},
                    equals("aws:SourceArn", f"arn:aws:ecs:us-west-2:{OWN}:*", "ArnLike")
                    | equals("aws:SourceAccount", OWN),
                )
            ],
            [],
        ),
    ],
    "https://docs.aws.amazon.com/cognito/latest/developerguide/role-trust-and-permissions.html": [
        Row(
            "guests of our pool",
            [
                trust(
                    {"Federated": COGNITO},
                    equals(f"{COGNITO}:aud", "eu-west-1:pool")
                    | equals(f"{COGNITO}:amr", "unauthenticated", "ForAnyValue:StringLike"),
                    "sts:AssumeRoleWithWebIdentity",
                )
            ],
            [],
        ),
        Row(
            "guests of any pool",
            [
                trust(
                    {"Federated": COGNITO},
                    equals(f"{COGNITO}:amr", "unauthenticated", "ForAnyValue:StringLike"),
                    "sts:AssumeRoleWithWebIdentity",
                )
            ],
            [WEB],
        ),
    ],
    "https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html": [
        Row(
            "any service account of our cluster, by an issuer of its own",
            [web(EKS, "StringLike", sub="system:serviceaccount:*:*", aud="sts.amazonaws.com")],
            [],
        ),
    ],
}
