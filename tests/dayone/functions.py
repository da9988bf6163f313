"""Permissions of functions and repositories as triggers and pipelines make them."""

from __future__ import annotations

from typing import Any

from tests.dayone.roles import TOOLS
from tests.support.events import HOME

HERE = f"us-east-1:{HOME}"
FUNCTIONS: dict[str, dict[str, Any]] = {
    "schedule": {"Principal": "events.amazonaws.com", "SourceArn": f"arn:aws:events:{HERE}:rule/nightly"},
    "uploads": {"Principal": "s3.amazonaws.com", "SourceArn": "arn:aws:s3:::acme-uploads", "SourceAccount": HOME},
    "uploads-by-terraform": {"Principal": "s3.amazonaws.com", "SourceArn": "arn:aws:s3:::acme-uploads"},
    "rotation": {"Principal": "secretsmanager.amazonaws.com"},
    "rest-api": {
        "Principal": "apigateway.amazonaws.com",
        "SourceArn": f"arn:aws:execute-api:{HERE}:a1b2c3d4e5/*/GET/shop",
    },
    "http-api": {"Principal": "apigateway.amazonaws.com", "SourceArn": f"arn:aws:execute-api:{HERE}:b1b2c3d4e5/*"},
    "topic": {"Principal": "sns.amazonaws.com", "SourceArn": f"arn:aws:sns:{HERE}:orders"},
    "target-group": {
        "Principal": "elasticloadbalancing.amazonaws.com",
        "SourceArn": f"arn:aws:elasticloadbalancing:{HERE}:targetgroup/shop/0123456789abcdef",
    },
    "log-subscription": {"Principal": "logs.amazonaws.com", "SourceArn": f"arn:aws:logs:{HERE}:log-group:/shop:*"},
    "sign-up": {
        "Principal": "cognito-idp.amazonaws.com",
        "SourceArn": f"arn:aws:cognito-idp:{HERE}:userpool/us-east-1_EXAMPLE",
    },
    "config-rule": {"Principal": "config.amazonaws.com", "SourceAccount": HOME},
    "agent": {"Principal": "bedrock.amazonaws.com", "SourceArn": f"arn:aws:bedrock:{HERE}:agent/ABCDEFGHIJ"},
    "custom-resource": {"Principal": "cloudformation.amazonaws.com", "SourceAccount": HOME},
    "iot": {"Principal": "iot.amazonaws.com", "SourceArn": f"arn:aws:iot:{HERE}:rule/telemetry"},
    "tools": {"Principal": TOOLS},
    "organization": {"Principal": "*", "PrincipalOrgID": "{organization}"},
    "edge": {"Principal": "replicator.lambda.amazonaws.com", "Action": "lambda:GetFunction"},
    "alexa": {"Principal": "alexa-appkit.amazon.com", "EventSourceToken": "amzn1.ask.skill.1"},
}
PULL = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
REPOSITORIES: dict[str, list[dict[str, Any]]] = {
    "shop": [],
    "shared": [{"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "{organization}"}}}],
    "tools": [{"Principal": {"AWS": f"arn:aws:iam::{TOOLS}:root"}}],
    "build": [
        {
            "Principal": {"Service": "codebuild.amazonaws.com"},
            "Condition": {"StringEquals": {"aws:SourceAccount": HOME}},
        }
    ],
    "functions": [
        {
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Condition": {"StringLike": {"aws:sourceArn": f"arn:aws:lambda:{HERE}:function:*"}},
        }
    ],
}
"""By name, the policy's statements."""
