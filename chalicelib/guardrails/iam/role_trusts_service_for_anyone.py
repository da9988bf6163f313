from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.policy_access import Outsider, let_in
from chalicelib.analysis.policy_document import judged
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.resources.iam.identities import Role, kept_by_aws

if TYPE_CHECKING:
    from chalicelib.core.session import Session

_GUIDES = {
    "autoscaling.amazonaws.com": "autoscaling/ec2/userguide/cross-service-confused-deputy-prevention.html",
    "bedrock.amazonaws.com": "bedrock/latest/userguide/batch-iam-sr.html",
    "datazone.amazonaws.com": "sagemaker-unified-studio/latest/adminguide/AmazonSageMakerDomainExecution.html",
    "ecs-tasks.amazonaws.com": "AmazonECS/latest/developerguide/task-iam-roles.html",
    "iot.amazonaws.com": "iot/latest/developerguide/cross-service-confused-deputy-prevention.html",
    "personalize.amazonaws.com": "personalize/latest/dg/cross-service-confused-deputy-prevention.html",
    "sagemaker.amazonaws.com": "sagemaker/latest/dg/security-confused-deputy-prevention.html",
    "scheduler.amazonaws.com": "scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html",
    "ssm.amazonaws.com": "systems-manager/latest/userguide/cross-service-confused-deputy-prevention.html",
    "transfer.amazonaws.com": "transfer/latest/userguide/confused-deputy.html",
    "vpc-flow-logs.amazonaws.com": "vpc/latest/userguide/flow-logs-iam-role.html",
}
"""Services that say on whose behalf they take on a role, with the page of docs.aws.amazon.com that has the condition."""


@guardrail(
    severity=Severity.LOW,
    resource=Role,
    on=cloudtrail("iam", "CreateRole", "UpdateAssumeRolePolicy"),
    reads=("iam:GetRole",),
)
def role_trusts_service_for_anyone(role: Role, aws: Session) -> str | None:
    """IAM role that an AWS service can assume on anyone's behalf.

    Its trust policy allows a service without saying for whom. If another customer can make the service use the role, it
    does so with your permissions (a confused deputy). Snapback only reports it, with low severity: services require
    iam:PassRole of whoever gives them a role. Add `aws:SourceAccount`, `aws:SourceArn` or `aws:SourceOrgID` to the
    statement. Snapback evaluates the services for which AWS documents these conditions: EC2 Auto Scaling, Bedrock,
    DataZone, ECS tasks, IoT, Personalize, SageMaker, EventBridge Scheduler, Systems Manager, Transfer Family and VPC
    flow logs.

    Name services that need no condition under `allow.principals`, as `ssm.amazonaws.com`. Service-linked roles are
    exempt: AWS manages them.

    Legitimate look-alikes: roles for EC2, Lambda and most other services, which send no source. Snapback doesn't
    evaluate those. Roles that the console created before AWS documented the condition look like mistakes, so Snapback
    only reports them.
    """
    described = role.described(aws)
    if kept_by_aws(described):
        return None
    document = described["AssumeRolePolicyDocument"]
    found = judged(let_in(document, aws.baseline, role.account), document)
    names = dict.fromkeys(each.principal for each in found if each.who is Outsider.SERVICE)
    told = [f"{name} (https://docs.aws.amazon.com/{_GUIDES[name]})" for name in names if name in _GUIDES]
    return f"its trust policy lets anyone use the role through {', '.join(told)}" if told else None
