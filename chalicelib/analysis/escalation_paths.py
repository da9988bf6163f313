"""The published ways up, as the calls that each takes. Data; `policy_escalation` asks whether a policy opens one."""

from __future__ import annotations

from typing import NamedTuple


class NeededCall(NamedTuple):
    """A call that must be allowed.

    `resource` is what it must reach, where `~` stands for every name: only a wildcard matches it. `or_itself`: the holder
    itself will do too. `service` is whom iam:PassRole must be allowed to hand a role to, as in `ec2`.
    """

    action: str
    resource: str
    or_itself: bool = False
    service: str = ""

    @property
    def attaches(self) -> bool:
        """Whether it attaches a managed policy, which a condition may name."""
        return self.action.startswith("iam:Attach")


class Path(NamedTuple):
    """One way up: all its steps must be allowed. The first is the one to take away. The id is pathfinding.cloud's."""

    id: str
    steps: tuple[NeededCall, ...]

    @property
    def source(self) -> str:
        return f"https://pathfinding.cloud/paths/{self.id}"

    @property
    def through_iam(self) -> bool:
        """Whether it takes a call of IAM's, which only administrators are meant to make."""
        return self.steps[0].action.startswith("iam:")

    def __str__(self) -> str:
        return f"{' + '.join(step.action for step in self.steps)} ({self.id})"


_USER, _GROUP, _ROLE, _POLICY = (f"arn:aws:iam:~:~:{kind}/~" for kind in ("user", "group", "role", "policy"))
_FUNCTION, _MAPPING = "arn:aws:lambda:~:~:function:~", "arn:aws:lambda:~:~:event-source-mapping:~"
_INSTANCE, _SPOT = "arn:aws:ec2:~:~:instance/~", "arn:aws:ec2:~:~:spot-instances-request/~"
_TEMPLATE = "arn:aws:ec2:~:~:launch-template/~"
_STACK, _STACK_SET = "arn:aws:cloudformation:~:~:stack/~/~", "arn:aws:cloudformation:~:~:stackset/~:~"
_PIPELINE, _PROJECT = "arn:aws:datapipeline:~:~:pipeline/~", "arn:aws:codebuild:~:~:project/~"
_ENDPOINT, _JOB = "arn:aws:glue:~:~:devEndpoint/~", "arn:aws:glue:~:~:job/~"
_NOTEBOOK, _TRAINING, _PROCESSING, _LIFECYCLE = (
    f"arn:aws:sagemaker:~:~:{kind}/~"
    for kind in ("notebook-instance", "training-job", "processing-job", "notebook-instance-lifecycle-config")
)
_TASK, _TASK_SERVICE = "arn:aws:ecs:~:~:task-definition/~:~", "arn:aws:ecs:~:~:service/~/~"
_WEB_SERVICE = "arn:aws:apprunner:~:~:service/~/~"
_INTERPRETER = "arn:aws:bedrock-agentcore:~:~:code-interpreter/~"


def _pass_role(service: str) -> NeededCall:
    return NeededCall("iam:PassRole", _ROLE, service=service)


PATHS = (
    # Give more permissions to oneself, or to an identity that one can use.
    Path("iam-001", (NeededCall("iam:CreatePolicyVersion", _POLICY),)),
    Path("iam-002", (NeededCall("iam:SetDefaultPolicyVersion", _POLICY),)),
    Path("iam-007", (NeededCall("iam:AttachUserPolicy", _USER, or_itself=True),)),
    Path("iam-008", (NeededCall("iam:AttachGroupPolicy", _GROUP, or_itself=True),)),
    Path("iam-009", (NeededCall("iam:AttachRolePolicy", _ROLE, or_itself=True),)),
    Path("iam-010", (NeededCall("iam:PutUserPolicy", _USER, or_itself=True),)),
    Path("iam-011", (NeededCall("iam:PutGroupPolicy", _GROUP, or_itself=True),)),
    Path("iam-012", (NeededCall("iam:PutRolePolicy", _ROLE, or_itself=True),)),
    Path("iam-013", (NeededCall("iam:AddUserToGroup", _GROUP),)),
    # Use another identity.
    Path("iam-004", (NeededCall("iam:CreateAccessKey", _USER),)),
    Path("iam-005", (NeededCall("iam:CreateLoginProfile", _USER),)),
    Path("iam-006", (NeededCall("iam:UpdateLoginProfile", _USER),)),
    Path("iam-014", (NeededCall("iam:UpdateAssumeRolePolicy", _ROLE),)),
    Path("sts-001", (NeededCall("sts:AssumeRole", _ROLE),)),
    # Create a resource with a role, and act through the resource.
    Path("ec2-001", (_pass_role("ec2"), NeededCall("ec2:RunInstances", _INSTANCE))),
    Path("ec2-003", (_pass_role("ec2"), NeededCall("ec2:RequestSpotInstances", _SPOT))),
    *(
        Path(name, (_pass_role("lambda"), NeededCall("lambda:CreateFunction", _FUNCTION), last))
        for name, last in (
            ("lambda-001", NeededCall("lambda:InvokeFunction", _FUNCTION)),
            ("lambda-002", NeededCall("lambda:CreateEventSourceMapping", _MAPPING)),
            ("lambda-006", NeededCall("lambda:AddPermission", _FUNCTION)),
        )
    ),
    Path("glue-001", (_pass_role("glue"), NeededCall("glue:CreateDevEndpoint", _ENDPOINT))),
    Path("glue-003", (_pass_role("glue"), NeededCall("glue:CreateJob", _JOB), NeededCall("glue:StartJobRun", _JOB))),
    Path("cloudformation-001", (_pass_role("cloudformation"), NeededCall("cloudformation:CreateStack", _STACK))),
    Path(
        "cloudformation-003",
        (
            _pass_role("cloudformation"),
            NeededCall("cloudformation:CreateStackSet", _STACK_SET),
            NeededCall("cloudformation:CreateStackInstances", _STACK_SET),
        ),
    ),
    Path("cloudformation-004", (_pass_role("cloudformation"), NeededCall("cloudformation:UpdateStackSet", _STACK_SET))),
    Path(
        "datapipeline-001",
        (
            _pass_role("datapipeline"),
            NeededCall("datapipeline:CreatePipeline", _PIPELINE),
            NeededCall("datapipeline:PutPipelineDefinition", _PIPELINE),
            NeededCall("datapipeline:ActivatePipeline", _PIPELINE),
        ),
    ),
    *(
        Path(
            name, (_pass_role("codebuild"), NeededCall("codebuild:CreateProject", _PROJECT), NeededCall(last, _PROJECT))
        )
        for name, last in (("codebuild-001", "codebuild:StartBuild"), ("codebuild-004", "codebuild:StartBuildBatch"))
    ),
    Path("sagemaker-001", (_pass_role("sagemaker"), NeededCall("sagemaker:CreateNotebookInstance", _NOTEBOOK))),
    Path("sagemaker-002", (_pass_role("sagemaker"), NeededCall("sagemaker:CreateTrainingJob", _TRAINING))),
    Path("sagemaker-003", (_pass_role("sagemaker"), NeededCall("sagemaker:CreateProcessingJob", _PROCESSING))),
    *(
        Path(name, (_pass_role("ecs-tasks"), NeededCall("ecs:RegisterTaskDefinition", _TASK), last))
        for name, last in (
            ("ecs-003", NeededCall("ecs:CreateService", _TASK_SERVICE)),
            ("ecs-004", NeededCall("ecs:RunTask", _TASK)),
            ("ecs-005", NeededCall("ecs:StartTask", _TASK)),
        )
    ),
    Path("apprunner-001", (_pass_role("tasks.apprunner"), NeededCall("apprunner:CreateService", _WEB_SERVICE))),
    Path(
        "bedrock-001",
        (
            _pass_role("bedrock-agentcore"),
            NeededCall("bedrock-agentcore:CreateCodeInterpreter", _INTERPRETER),
            NeededCall("bedrock-agentcore:StartCodeInterpreterSession", _INTERPRETER),
            NeededCall("bedrock-agentcore:InvokeCodeInterpreter", _INTERPRETER),
        ),
    ),
    # Act through a resource that has a role already.
    Path("lambda-003", (NeededCall("lambda:UpdateFunctionCode", _FUNCTION),)),
    Path("glue-002", (NeededCall("glue:UpdateDevEndpoint", _ENDPOINT),)),
    Path("cloudformation-002", (NeededCall("cloudformation:UpdateStack", _STACK),)),
    Path(
        "cloudformation-005",
        (NeededCall("cloudformation:CreateChangeSet", _STACK), NeededCall("cloudformation:ExecuteChangeSet", _STACK)),
    ),
    Path("codebuild-002", (NeededCall("codebuild:StartBuild", _PROJECT),)),
    Path("codebuild-003", (NeededCall("codebuild:StartBuildBatch", _PROJECT),)),
    Path("ssm-001", (NeededCall("ssm:StartSession", _INSTANCE),)),
    Path("ssm-002", (NeededCall("ssm:SendCommand", _INSTANCE),)),
    Path(
        "ec2-002",
        (
            NeededCall("ec2:ModifyInstanceAttribute", _INSTANCE),
            NeededCall("ec2:StopInstances", _INSTANCE),
            NeededCall("ec2:StartInstances", _INSTANCE),
        ),
    ),
    Path(
        "ec2-004",
        (NeededCall("ec2:CreateLaunchTemplateVersion", _TEMPLATE), NeededCall("ec2:ModifyLaunchTemplate", _TEMPLATE)),
    ),
    Path("ec2instanceconnect-003", (NeededCall("ec2-instance-connect:SendSSHPublicKey", _INSTANCE),)),
    Path("sagemaker-004", (NeededCall("sagemaker:CreatePresignedNotebookInstanceUrl", _NOTEBOOK),)),
    Path(
        "sagemaker-005",
        (
            NeededCall("sagemaker:UpdateNotebookInstance", _NOTEBOOK),
            NeededCall("sagemaker:CreateNotebookInstanceLifecycleConfig", _LIFECYCLE),
            NeededCall("sagemaker:StopNotebookInstance", _NOTEBOOK),
            NeededCall("sagemaker:StartNotebookInstance", _NOTEBOOK),
        ),
    ),
    Path("apprunner-002", (NeededCall("apprunner:UpdateService", _WEB_SERVICE),)),
    Path(
        "bedrock-002",
        (
            NeededCall("bedrock-agentcore:StartCodeInterpreterSession", _INTERPRETER),
            NeededCall("bedrock-agentcore:InvokeCodeInterpreter", _INTERPRETER),
        ),
    ),
)
"""The paths that were published, without those that hold all steps of another and hand no role to anything.

Found by Spencer Gietzen (Rhino Security Labs), Gerben Kleijn (Bishop Fox), Erik Steringer (PMapper) and others, whom
each path's page names. https://rhinosecuritylabs.com/aws/aws-privilege-escalation-methods-mitigation/
https://bishopfox.com/blog/privilege-escalation-in-aws https://github.com/BishopFox/iam-vulnerable
"""

LIFTS = tuple(
    NeededCall(f"iam:{verb}{kind}PermissionsBoundary", resource, or_itself=True)
    for kind, resource in (("User", _USER), ("Role", _ROLE))
    for verb in ("Delete", "Put")
)
"""By which a user or role rids itself of its boundary.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html#access_policies_boundaries-delegate
"""
OUTSIDE_IAM = (
    NeededCall("s3:PutObject", "arn:aws:s3:~:~:~/~"),
    NeededCall("ec2:RunInstances", _INSTANCE),
    NeededCall("lambda:CreateFunction", _FUNCTION),
    NeededCall("cloudformation:CreateStack", _STACK),
    NeededCall("kms:Decrypt", "arn:aws:kms:~:~:key/~"),
)
"""Who may do these may do whatever isn't IAM's, as AWS's PowerUserAccess says it."""
