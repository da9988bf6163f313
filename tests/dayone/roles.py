"""Roles as AWS, the organization and common tools make them, by name: who may assume each, and what else it has."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.support.belongings import MANAGEMENT
from tests.support.events import HOME

AUDIT, TOOLS, VENDOR = "333300003333", "444400004444", "555500005555"
EKS = f"arn:aws:iam::{HOME}:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


class Role(NamedTuple):
    """`trust` is the statement's Principal, Action and Condition."""

    name: str
    trust: dict[str, Any]
    path: str = "/"
    policy: dict[str, Any] | None = None
    attached: str = ""


def service(*names: str, **condition: Any) -> dict[str, Any]:
    principals = [f"{name}.amazonaws.com" for name in names]
    trust = {
        "Principal": {"Service": principals[0] if len(principals) == 1 else principals},
        "Action": "sts:AssumeRole",
    }
    return {**trust, "Condition": condition} if condition else trust


def aws(arn: str, **condition: Any) -> dict[str, Any]:
    trust = {"Principal": {"AWS": arn}, "Action": "sts:AssumeRole"}
    return {**trust, "Condition": condition} if condition else trust


def web(provider: str, **condition: Any) -> dict[str, Any]:
    return {"Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition}


def oidc(issuer: str, subject: str, audience: str) -> dict[str, Any]:
    return web(
        f"arn:aws:iam::{HOME}:oidc-provider/{issuer}",
        StringEquals={f"{issuer}:aud": audience},
        StringLike={f"{issuer}:sub": subject},
    )


def irsa(namespace: str, account: str) -> dict[str, Any]:
    issuer = EKS.partition(":oidc-provider/")[2]
    subject = f"system:serviceaccount:{namespace}:{account}"
    return web(EKS, StringEquals={f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": subject})


def cdk(kind: str) -> str:
    return f"cdk-hnb659fds-{kind}-role-{HOME}-us-east-1"


OWN, SOURCE = f"arn:aws:iam::{HOME}:root", {"StringEquals": {"aws:SourceAccount": HOME}}
SAML = {
    "Principal": {"Federated": f"arn:aws:iam::{HOME}:saml-provider/AWSSSO_1234567890abcdef_DO_NOT_DELETE"},
    "Action": ["sts:AssumeRoleWithSAML", "sts:TagSession"],
    "Condition": {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}},
}
PODS = {"Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
DEPLOYS = {
    "Statement": [
        {
            "Sid": "CloudFormationPermissions",
            "Effect": "Allow",
            "Action": [
                "cloudformation:CreateChangeSet",
                "cloudformation:DeleteChangeSet",
                "cloudformation:DescribeChangeSet",
                "cloudformation:DescribeStacks",
                "cloudformation:ExecuteChangeSet",
                "cloudformation:CreateStack",
                "cloudformation:UpdateStack",
            ],
            "Resource": "*",
        },
        {"Effect": "Allow", "Action": "iam:PassRole", "Resource": f"arn:aws:iam::{HOME}:role/{cdk('cfn-exec')}"},
        {
            "Sid": "PipelineCrossAccountArtifactsKey",
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"],
            "Resource": "*",
            "Condition": {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}},
        },
    ]
}
"""From the template of `cdk bootstrap`: https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html."""

OF_AWS = [
    Role(f"AWSServiceRoleFor{name}", service(principal), f"/aws-service-role/{principal}.amazonaws.com/")
    for name, principal in {
        "Support": "support",
        "TrustedAdvisor": "trustedadvisor",
        "Organizations": "organizations",
        "CloudTrail": "cloudtrail",
        "Config": "config",
        "SSO": "sso",
        "AmazonGuardDuty": "guardduty",
        "SecurityHub": "securityhub",
        "AccessAnalyzer": "access-analyzer",
        "AmazonMacie": "macie",
        "AmazonInspector2": "inspector2",
        "AutoScaling": "autoscaling",
        "ElasticLoadBalancing": "elasticloadbalancing",
        "ECS": "ecs",
        "AmazonEKS": "eks",
        "AmazonEKSNodegroup": "eks-nodegroup",
        "EC2Spot": "spot",
        "RDS": "rds",
        "ElastiCache": "elasticache",
        "AmazonSSM": "ssm",
        "Backup": "backup",
        "APIGateway": "ops.apigateway",
        "GlobalAccelerator": "globalaccelerator",
        "TransitGateway": "transitgateway",
        "ResourceExplorer": "resource-explorer-2",
        "CloudFormationStackSetsOrgMember": "member.org.stacksets.cloudformation",
    }.items()
] + [
    Role(f"AWSReservedSSO_{name}_0123456789abcdef", SAML, "/aws-reserved/sso.amazonaws.com/", attached=attached)
    for name, attached in {
        "AWSAdministratorAccess": ADMINISTRATOR,
        "AWSPowerUserAccess": "",
        "AWSReadOnlyAccess": "",
        "AWSOrganizationsFullAccess": "",
    }.items()
]
STACK_SETS = "aws-service-role/stacksets.cloudformation.amazonaws.com/AWSServiceRoleForCloudFormationStackSetsOrgAdmin"
OF_THE_ORGANIZATION = [
    Role("OrganizationAccountAccessRole", aws(f"arn:aws:iam::{MANAGEMENT}:root"), attached=ADMINISTRATOR),
    Role("AWSControlTowerExecution", aws(f"arn:aws:iam::{MANAGEMENT}:root"), attached=ADMINISTRATOR),
    Role("stacksets-exec-0f1e2d3c4b5a69788796a5b4c3d2e1f0", aws(f"arn:aws:iam::{MANAGEMENT}:role/{STACK_SETS}")),
    Role("stacksets-exec-1f1e2d3c4b5a69788796a5b4c3d2e1f1", aws(f"arn:aws:iam::{MANAGEMENT}:role/{STACK_SETS}")),
    Role("aws-controltower-ConfigRecorderRole", service("config")),
    Role("aws-controltower-ForwardSnsNotificationRole", service("lambda")),
    Role(
        "aws-controltower-AdministratorExecutionRole",
        aws(f"arn:aws:iam::{AUDIT}:role/aws-controltower-AuditAdministratorRole"),
    ),
    Role(
        "aws-controltower-ReadOnlyExecutionRole", aws(f"arn:aws:iam::{AUDIT}:role/aws-controltower-AuditReadOnlyRole")
    ),
    Role("org-read", aws("*", StringEquals={"aws:PrincipalOrgID": "{organization}"})),
]
OF_CDK = [
    Role(cdk("cfn-exec"), service("cloudformation"), attached=ADMINISTRATOR),
    Role(cdk("deploy"), aws(OWN), policy=DEPLOYS),
    Role(cdk("file-publishing"), aws(OWN)),
    Role(cdk("image-publishing"), aws(OWN)),
    Role(cdk("lookup"), {"Principal": {"AWS": [OWN, f"arn:aws:iam::{TOOLS}:root"]}, "Action": "sts:AssumeRole"}),
]
GITHUB = "token.actions.githubusercontent.com"
OF_PIPELINES = [
    Role(
        "github-deploy",
        oidc(GITHUB, "repo:acme/shop:environment:production", "sts.amazonaws.com"),
        attached=ADMINISTRATOR,
    ),
    Role("github-plan", oidc(GITHUB, "repo:acme/infrastructure:pull_request", "sts.amazonaws.com")),
    Role("github-any-branch", oidc(GITHUB, "repo:acme/shop:*", "sts.amazonaws.com")),
    Role("gitlab-deploy", oidc("gitlab.com", "project_path:acme/shop:ref_type:branch:ref:main", "https://gitlab.com")),
    Role(
        "terraform-cloud",
        oidc("app.terraform.io", "organization:acme:project:core:workspace:prod:run_phase:*", "aws.workload.identity"),
    ),
    Role(
        "circleci",
        oidc(
            "oidc.circleci.com/org/11111111-2222-4333-8444-555555555555",
            "org/11111111-2222-4333-8444-555555555555/*",
            "11111111-2222-4333-8444-555555555555",
        ),
    ),
    Role("spacelift", oidc("acme.app.spacelift.io", "space:root:*", "acme.app.spacelift.io")),
    Role("buildkite", oidc("agent.buildkite.com", "organization:acme:pipeline:shop:*", "sts.amazonaws.com")),
    Role("terraform", aws(f"arn:aws:iam::{TOOLS}:role/terraform-runner")),
    Role("atlantis", aws(f"arn:aws:iam::{TOOLS}:root", StringEquals={"aws:PrincipalTag/team": "platform"})),
    Role("break-glass", aws(OWN, Bool={"aws:MultiFactorAuthPresent": "true"}), attached=ADMINISTRATOR),
    Role("corp-saml", {**SAML, "Principal": {"Federated": f"arn:aws:iam::{HOME}:saml-provider/okta"}}),
    Role(
        "cognito-authenticated",
        web(
            "cognito-identity.amazonaws.com",
            StringEquals={"cognito-identity.amazonaws.com:aud": "us-east-1:12345678-dead-beef-cafe-123456790ab"},
        ),
    ),
    Role(
        "roles-anywhere",
        {
            "Principal": {"Service": "rolesanywhere.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
            "Condition": {
                "ArnEquals": {
                    "aws:SourceArn": f"arn:aws:rolesanywhere:us-east-1:{HOME}:trust-anchor/11111111-2222-4333-8444-555555555555"
                }
            },
        },
    ),
]
OF_VENDORS = [
    Role(name, aws(f"arn:aws:iam::{VENDOR}:root", StringEquals={"sts:ExternalId": f"{name}-7c1f3a"}))
    for name in (
        "DatadogIntegrationRole",
        "WizAccess-Role",
        "SnykIntegration",
        "LaceworkCrossAccount",
        "VantageRole",
        "NewRelicInfrastructure",
    )
]
OF_EKS = [
    Role("eks-cluster", service("eks")),
    Role("eks-node", service("ec2")),
    Role(
        "eks-fargate",
        service("eks-fargate-pods", ArnLike={"aws:SourceArn": f"arn:aws:eks:us-east-1:{HOME}:fargateprofile/shop/*"}),
    ),
    Role("KarpenterNodeRole-shop", service("ec2")),
    *(
        Role(f"irsa-{account}", irsa(namespace, account))
        for namespace, account in (
            ("kube-system", "aws-load-balancer-controller"),
            ("kube-system", "ebs-csi-controller-sa"),
            ("kube-system", "efs-csi-controller-sa"),
            ("kube-system", "aws-node"),
            ("kube-system", "cluster-autoscaler"),
            ("kube-system", "karpenter"),
            ("external-dns", "external-dns"),
            ("cert-manager", "cert-manager"),
            ("external-secrets", "external-secrets"),
            ("logging", "fluent-bit"),
            ("velero", "velero-server"),
            ("argocd", "argocd-server"),
        )
    ),
    *(Role(f"pod-{name}", PODS) for name in ("shop", "cart", "search", "payments")),
]
OF_SERVICES = [
    Role(f"{name}-role", service(name))
    for name in (
        "lambda", "ecs-tasks", "states", "glue", "codebuild", "codepipeline", "codedeploy", "firehose", "vpc-flow-logs",
        "backup", "dlm", "events", "scheduler", "pipes", "sagemaker", "monitoring.rds", "dms", "elasticmapreduce",
        "redshift", "config", "transfer", "appsync", "apigateway", "ssm", "imagebuilder", "ec2", "batch",
        "bedrock", "kinesisanalytics", "medialive", "mwaa", "airflow", "quicksight", "batchoperations.s3", "s3", "sns", "iot",
    )
]  # fmt: skip
ROLES = (*OF_AWS, *OF_THE_ORGANIZATION, *OF_CDK, *OF_PIPELINES, *OF_VENDORS, *OF_EKS, *OF_SERVICES)

POLICIES: dict[str, dict[str, Any]] = {
    "audit-hub": {"Action": "sts:AssumeRole", "Resource": "arn:aws:iam::*:role/audit"},
    "vendor-hub": {
        "Action": "sts:AssumeRole",
        "Resource": "*",
        "Condition": {"StringEquals": {"sts:ExternalId": "acme-7c1f3a"}},
    },
    "tools-runner": {"Action": "sts:AssumeRole", "Resource": f"arn:aws:iam::{TOOLS}:role/*"},
    "data-reader": {
        "Action": ["kms:Decrypt", "kms:DescribeKey"],
        "Resource": "*",
        "Condition": {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}},
    },
    "key-user": {
        "Action": "kms:*",
        "Resource": f"arn:aws:kms:us-east-1:{HOME}:key/11111111-2222-4333-8444-555555555555",
    },
    "trail-reader": {
        "Action": ["cloudtrail:Describe*", "cloudtrail:Get*", "cloudtrail:List*", "cloudtrail:LookupEvents"],
        "Resource": "*",
    },
    "trail-owner": {"Action": "cloudtrail:*", "Resource": f"arn:aws:cloudtrail:us-east-1:{HOME}:trail/audit"},
}
"""Customer managed policies, by name: a statement each."""
