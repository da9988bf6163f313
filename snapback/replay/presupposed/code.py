"""Functions with their code, and build projects."""

from __future__ import annotations

import io
import json
import re
import zipfile
from contextlib import suppress
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from snapback.replay import direct
from snapback.replay.presupposed import iam, s3

if TYPE_CHECKING:
    from snapback.replay.presupposed.call import Call, MakeNamed


def _zip() -> bytes:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", "def handler(event, context): pass\n")
    return code.getvalue()


def _code(call: Call, bucket: str) -> str:
    with suppress(ClientError):
        s3.bucket(call, bucket)
    call.client("s3").put_object(Bucket=bucket, Key=call.parameters["Code"]["S3Key"], Body=_zip())
    return f"code in bucket {bucket}"


def _function(call: Call, name: str) -> str:
    """With the alias or version that is asked for, and a URL that asks for signatures, if one is changed."""
    found = re.fullmatch(r"(?:.*function:)?([\w-]+)(?::([\w$-]+))?", name)
    if not found:
        return ""
    name, qualifier = found[1], call.parameters.get("Qualifier") or found[2] or "$LATEST"
    roles, client = call.client("iam"), call.client("lambda")
    role = {"RoleName": "presupposed-function", "AssumeRolePolicyDocument": json.dumps(iam.TRUST)}
    with suppress(roles.exceptions.EntityAlreadyExistsException):
        roles.create_role(**role)
    with suppress(client.exceptions.ResourceConflictException):
        client.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=f"arn:{call.partition}:iam::{call.account}:role/presupposed-function",
            Handler="index.handler",
            Code={"ZipFile": _zip()},
        )
    if qualifier != "$LATEST":
        version = client.publish_version(FunctionName=name)["Version"]
        if not qualifier.isdigit():
            with suppress(client.exceptions.ResourceConflictException):
                client.create_alias(FunctionName=name, Name=qualifier, FunctionVersion=version)
    if call.operation == "UpdateFunctionUrlConfig":
        asked = {"Qualifier": qualifier} if qualifier != "$LATEST" else {}
        client.create_function_url_config(FunctionName=name, AuthType="AWS_IAM", **asked)
    return f"function {name}"


def _project(call: Call, arn: str) -> str:
    if (name := arn.rsplit("/", 1)[-1]) in call.client("codebuild").list_projects()["projects"]:
        return ""
    call.client("codebuild").create_project(
        name=name,
        source={"type": "GITHUB", "location": "https://example.com/presupposed.git"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
        },
        serviceRole=f"arn:{call.partition}:iam::{call.account}:role/presupposed",
    )
    return f"project {name}, private"


BY_NAME: dict[tuple[str, str], MakeNamed] = {
    ("codebuild", "name"): _project,
    ("codebuild", "projectArn"): _project,
    ("lambda", "Code.S3Bucket"): _code,
    ("lambda", "FunctionName"): _function,
    ("lambda", "Layers"): direct.layer,
    ("lambda", "Role"): iam.role,
}
