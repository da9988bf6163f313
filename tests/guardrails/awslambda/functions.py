"""Functions as the tests of their guardrails make them, and the events that CloudTrail writes about them."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

from tests.support.events import HOME, REGION, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.events import Envelope
    from tests.support.world import World

NAME = "shop-web"
ARN = f"arn:aws:lambda:{REGION}:{HOME}:function:{NAME}"
ROLE = f"arn:aws:iam::{HOME}:role/shop-web"
CREATE, CONFIGURE, CODE = (
    "CreateFunction20150331",
    "UpdateFunctionConfiguration20150331v2",
    "UpdateFunctionCode20150331v2",
)


def code(text: str = "pass") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo("index.py"), f"def handler(event, context): {text}\n")
    return packed.getvalue()


def make(world: World, name: str = NAME, **settings: Any) -> Any:
    """A function; with `Code`, of that. Answers as CreateFunction does."""
    iam = world.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    try:
        iam.get_role(RoleName=NAME)
    except iam.exceptions.NoSuchEntityException:
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=document)
    zipped = {"Runtime": "python3.13", "Handler": "index.handler", "Code": {"ZipFile": code()}}
    given = {**({} if settings.get("PackageType") == "Image" else zipped), "Tags": {"team": "web"}, **settings}
    return world.client("lambda").create_function(FunctionName=name, Role=ROLE, **given)


def event(call: str, answer: Any = None, *, name: str = NAME, actor: Any = None, **parameters: Any) -> Envelope:
    """CloudTrail's record of a call; what it answered has names in its own spelling."""
    answered = {key[0].lower() + key[1:]: value for key, value in (answer or {}).items() if isinstance(value, str)}
    return cloudtrail_event("lambda", call, {"functionName": name, **parameters}, answered or None, actor=actor)


def with_alias(world: World, alias: str = "live") -> None:
    """A published version, and an alias of it."""
    version = world.client("lambda").publish_version(FunctionName=NAME)["Version"]
    world.client("lambda").create_alias(FunctionName=NAME, Name=alias, FunctionVersion=version)


def remove(world: World) -> None:
    world.client("lambda").delete_function(FunctionName=NAME)


def disturb(world: World) -> None:
    world.client("lambda").update_function_configuration(FunctionName=NAME, Description="the shop")


def policies(world: World) -> dict[str, list[Any]]:
    """The statements of the function and its alias, by their ids: they have no order."""
    found = {}
    client = world.client("lambda")
    for qualifier in ("", *(each["Name"] for each in client.list_aliases(FunctionName=NAME)["Aliases"])):
        try:
            asked = {"Qualifier": qualifier} if qualifier else {}
            policy = client.get_policy(FunctionName=NAME, **asked)["Policy"]
            found[qualifier] = sorted(json.loads(policy)["Statement"], key=lambda each: str(each["Sid"]))
        except client.exceptions.ResourceNotFoundException:
            found[qualifier] = []
    return found


def whole(world: World) -> Any:
    client = world.client("lambda")
    told = client.get_function(FunctionName=NAME)
    urls = client.list_function_url_configs(FunctionName=NAME)["FunctionUrlConfigs"]
    for each in urls:
        each.pop("LastModifiedTime")
    reserved = client.get_function_concurrency(FunctionName=NAME).get("ReservedConcurrentExecutions")
    parts = {key: told.get(key) for key in ("Configuration", "Code", "Tags")}
    return {**parts, "policies": policies(world), "urls": urls, "reserved": reserved}
