"""`snapback deploy` and `destroy`: a package into the account and region that the environment names.

A change set is made, looked at and executed; one that would replace or remove what is kept is refused.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from contextlib import suppress
from itertools import takewhile
from pathlib import PurePosixPath
from secrets import token_hex
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError, WaiterError

from chalicelib.core.partitions import partition_of
from snapback.deploy.template.settings import PARAMETER
from snapback.errors import CannotDeploy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import boto3

KEPT = ("Ledger", "Spill")
"""What stays when the stack goes, and is never replaced: the records, and states too large for them."""
NESTED = "AWS::CloudFormation::Stack"
_NAMES = {"AWS::Serverless::Function": "CodeUri", NESTED: "TemplateURL"}
"""The properties that name a file of the package."""
_NOTHING_NEW = ("didn't contain changes", "No updates are to be performed")


def checked_in(settings: Path) -> None:
    """Raises CannotDeploy when the settings are not what git has: nobody could tell later what was deployed."""
    asked = ["git", "status", "--porcelain", "--", str(settings)]
    said = subprocess.run(asked, cwd=settings.absolute().parent, capture_output=True, text=True, check=False)
    if said.returncode == 0 and said.stdout:
        raise CannotDeploy(
            f"{settings} has uncommitted changes; commit them, or pass --uncommitted (make: UNCOMMITTED=1)"
        )


def uploaded(s3: Any, bucket: str, content: bytes, suffix: str) -> str:
    """The object's key, by its content: what is there already isn't sent again."""
    key = f"snapback/{hashlib.sha256(content).hexdigest()}{suffix}"
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"404", "NoSuchKey", "NotFound"}:
            raise
        s3.put_object(Bucket=bucket, Key=key, Body=content)
    return key


def is_aws(client: Any) -> bool:
    """Whether a client speaks to AWS itself, and not to an emulator, that AWS_ENDPOINT_URL names say."""
    host = urlsplit(client.meta.endpoint_url).hostname or ""
    return host.endswith(f".{partition_of(client.meta.region_name).dns_suffix}")


def files(template: Mapping[str, Any], folder: Path) -> dict[str, bytes]:
    """Those that a package's template names: the functions' zips, and the templates of nested stacks."""
    resources = template["Resources"].values()
    named = [each["Properties"][_NAMES[each["Type"]]] for each in resources if each["Type"] in _NAMES]
    names = {PurePosixPath(name).name for name in named}
    return {name: (folder / name).read_bytes() for name in sorted(names)}


def with_places(
    template: Mapping[str, Any], bucket: str, keys: Mapping[str, str], url_of: Callable[[str], str]
) -> dict[str, Any]:
    """The template with the place of each file that it names, by the file's key."""
    made: dict[str, Any] = json.loads(json.dumps(template))
    for resource in made["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function":
            properties["CodeUri"] = f"s3://{bucket}/{keys[PurePosixPath(properties['CodeUri']).name]}"
        elif resource["Type"] == "AWS::Lambda::Function":
            properties["Code"] = {"S3Bucket": bucket, "S3Key": keys[properties["Code"]["S3Key"]]}
        elif resource["Type"] == NESTED:
            properties["TemplateURL"] = url_of(keys[PurePosixPath(properties["TemplateURL"]).name])
    return made


class Stack:
    """One stack, by its name. Raises CannotDeploy, and what boto3 raises."""

    def __init__(self, name: str, session: boto3.Session, say: Callable[[str], None] = print) -> None:
        self.name, self._say, self._session = name, say, session
        self._cloudformation = session.client("cloudformation")
        self._s3 = session.client("s3")
        self._region = session.region_name

    def found(self) -> dict[str, Any] | None:
        try:
            stacks: Any = self._cloudformation.describe_stacks(StackName=self.name)["Stacks"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":
                return None
            raise
        return next((dict(one) for one in stacks if one["StackStatus"] != "DELETE_COMPLETE"), None)

    def deploy(
        self,
        template: Mapping[str, Any],
        files: Mapping[str, bytes],
        bucket: str,
        parameters: Mapping[str, str],
        tags: Mapping[str, str],
    ) -> dict[str, str]:
        """Create or update; `files` by their names in the template. Answers the outputs."""
        if unknown := sorted(parameters.keys() - template["Parameters"].keys()):
            raise CannotDeploy(f"no parameter {', '.join(unknown)}; parameters: {', '.join(template['Parameters'])}")
        there = self.found()
        self._ready(there)
        try:
            keys = {
                name: uploaded(self._s3, bucket, content, PurePosixPath(name).suffix) for name, content in files.items()
            }
            placed = with_places(template, bucket, keys, lambda key: self._url_of(bucket, key))
            body = json.dumps(placed, separators=(",", ":")).encode()
            template_key = uploaded(self._s3, bucket, body, ".json")
        except ClientError as error:
            raise CannotDeploy(
                f"bucket {bucket}: {error.response['Error']['Message']}; use your own bucket in this region"
            ) from error
        update = there is not None and there["StackStatus"] != "REVIEW_IN_PROGRESS"
        former = {each["ParameterKey"] for each in (there or {}).get("Parameters", [])} if update else set()
        change = self._cloudformation.create_change_set(
            StackName=self.name,
            # The random part: the same template may be deployed again with other parameters, and names can't repeat.
            ChangeSetName=f"snapback-{template_key[9:21]}-{token_hex(4)}",
            ChangeSetType="UPDATE" if update else "CREATE",
            TemplateURL=self._url_of(bucket, template_key),
            Parameters=[
                *({"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()),
                *(
                    {"ParameterKey": name, "UsePreviousValue": True}
                    for name in sorted((former & template["Parameters"].keys()) - parameters.keys())
                ),
            ],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            Tags=[{"Key": name, "Value": value} for name, value in tags.items()],
        )["Id"]
        if self._made(change):
            self._execute(change, "stack_update_complete" if update else "stack_create_complete")
        return self.outputs()

    def outputs(self) -> dict[str, str]:
        there = self.found() or {}
        return {each["OutputKey"]: each["OutputValue"] for each in there.get("Outputs", [])}

    def destroy(self) -> list[str]:
        """Everything but what is kept; answers the names of that."""
        there = self.found()
        if there is None:
            raise CannotDeploy(f"no stack {self.name} in this region; pass --stack (make: STAGE=), or set AWS_REGION")
        resources = self._resources()
        self._delete_published(resources)
        self._cloudformation.delete_stack(StackName=there["StackId"])
        self._wait("stack_delete_complete", there["StackId"])
        ssm = self._session.client("ssm")
        # `snapback settings publish` made the parameter; it isn't part of the stack.
        with suppress(ssm.exceptions.ParameterNotFound):
            ssm.delete_parameter(Name=PARAMETER.replace("${AWS::StackName}", self.name))
        return [f"{one['ResourceType']} {one['PhysicalResourceId']}" for name, one in resources.items() if name in KEPT]

    def _resources(self) -> dict[str, Any]:
        """What the stack has, by logical id."""
        pages = self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=self.name)
        each: list[Any] = [one for page in pages for one in page["StackResourceSummaries"]]
        return {one["LogicalResourceId"]: one for one in each if one["ResourceStatus"] != "DELETE_COMPLETE"}

    def _delete_published(self, resources: Mapping[str, Any]) -> None:
        """The versions that `snapback settings publish` made: AppConfig keeps a profile that has any.

        https://docs.aws.amazon.com/appconfig/latest/userguide/appconfig-creating-configuration-profile.html
        """
        if "SettingsProfile" not in resources:
            return
        # A profile's physical id may be "<application>|<profile>".
        application, profile = (
            resources[name]["PhysicalResourceId"].rpartition("|")[2]
            for name in ("SettingsApplication", "SettingsProfile")
        )
        appconfig = self._session.client("appconfig")
        of: Any = {"ApplicationId": application, "ConfigurationProfileId": profile}
        pages = appconfig.get_paginator("list_hosted_configuration_versions").paginate(**of)
        for version in [each["VersionNumber"] for page in pages for each in page["Items"]]:
            appconfig.delete_hosted_configuration_version(**of, VersionNumber=version)

    def _url_of(self, bucket: str, key: str) -> str:
        """An emulator has no host for each bucket."""
        if is_aws(self._s3):
            return f"https://{bucket}.s3.{self._region}.{partition_of(self._region).dns_suffix}/{key}"
        return f"{self._s3.meta.endpoint_url}/{bucket}/{key}"

    def _ready(self, there: Mapping[str, Any] | None) -> None:
        status = there["StackStatus"] if there else ""
        if status in {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"}:
            raise CannotDeploy(
                f"stack {self.name} is {status}: run `snapback destroy` to remove the rest, then deploy again"
            )
        if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
            raise CannotDeploy(f"stack {self.name} is {status}; deploy again when it has finished")

    def _made(self, change: str) -> bool:
        """Whether the change set has anything in it. Raises CannotDeploy when it must not be executed."""
        try:
            self._cloudformation.get_waiter("change_set_create_complete").wait(
                ChangeSetName=change, WaiterConfig={"Delay": 3, "MaxAttempts": 200}
            )
        except WaiterError as error:
            why = str(self._cloudformation.describe_change_set(ChangeSetName=change).get("StatusReason", error))
            self._cloudformation.delete_change_set(ChangeSetName=change)
            if any(each in why for each in _NOTHING_NEW):
                self._say(f"{self.name}: nothing has changed")
                return False
            raise CannotDeploy(f"CloudFormation refuses the template: {why}") from error
        pages = self._cloudformation.get_paginator("describe_change_set").paginate(ChangeSetName=change)
        changes = [one["ResourceChange"] for page in pages for one in page["Changes"]]
        lost = [
            each["LogicalResourceId"]
            for each in changes
            if each["LogicalResourceId"] in KEPT
            and (each["Action"] == "Remove" or each.get("Replacement", "False") != "False")
        ]
        if lost:
            self._cloudformation.delete_change_set(ChangeSetName=change)
            raise CannotDeploy(f"this would replace or remove {', '.join(lost)} with the records; nothing was changed")
        actions = [str(each["Action"]).lower() for each in changes]
        self._say(f"{self.name}: " + ", ".join(f"{actions.count(one)} to {one}" for one in sorted(set(actions))))
        return True

    def _execute(self, change: str, until: str) -> None:
        self._cloudformation.execute_change_set(ChangeSetName=change)
        self._wait(until, self.name)

    def _wait(self, until: Any, name: str) -> None:
        try:
            self._cloudformation.get_waiter(until).wait(StackName=name, WaiterConfig={"Delay": 5, "MaxAttempts": 720})
        except WaiterError as error:
            raise CannotDeploy(f"stack {self.name}: {self._first_failure(name)}") from error

    def _first_failure(self, name: str) -> str:
        """Of the last operation; in a nested stack, what failed there: the parent's event names the nested stack alone."""
        pages = self._cloudformation.get_paginator("describe_stack_events").paginate(StackName=name)
        events = takewhile(lambda one: not _begins(one), (one for page in pages for one in page["StackEvents"]))
        failed = [
            one
            for one in events
            if one.get("ResourceStatus", "").endswith("_FAILED")
            and "cancelled" not in one.get("ResourceStatusReason", "")
        ]
        if not failed:
            return "it did not end well, nor say why; see its events in the console"
        first = failed[-1]
        nested = first.get("PhysicalResourceId", "")
        if first["ResourceType"] == NESTED and nested not in {"", first["StackId"]}:
            return f"{first['LogicalResourceId']}: {self._first_failure(nested)}"
        return f"{first['LogicalResourceId']}: {first.get('ResourceStatusReason', first['ResourceStatus'])}"


def _begins(event: Mapping[str, Any]) -> bool:
    """Whether it is a stack's first event of an operation; CloudFormation answers the newest event first."""
    itself = event["ResourceType"] == NESTED and event.get("PhysicalResourceId") == event["StackId"]
    return itself and event.get("ResourceStatus") in {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"}
