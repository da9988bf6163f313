"""What is wrong with a snippet of a card: CloudFormation by cfn-lint, Terraform by a parser of HCL, the AWS CLI by botocore's models."""

from __future__ import annotations

import json
import shlex
from functools import cache
from typing import TYPE_CHECKING, Any

import hcl2
from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from botocore.session import Session
from botocore.validate import ParamValidator
from cfnlint import ManualArgs
from cfnlint.api import lint
from cfnlint.core import get_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.model import OperationModel, Shape

_GLOBAL = frozenset({"--region", "--profile", "--query", "--output", "--cli-input-json", "--no-cli-pager"})
_OF_THE_CLI = {
    # https://docs.aws.amazon.com/cli/latest/reference/ec2/authorize-security-group-ingress.html
    **{
        ("ec2", f"{verb}-security-group-{way}"): frozenset({"--protocol", "--port", "--cidr", "--source-group"})
        for verb in ("authorize", "revoke")
        for way in ("ingress", "egress")
    },
    # https://docs.aws.amazon.com/cli/latest/reference/ec2/run-instances.html
    ("ec2", "run-instances"): frozenset(
        {"--count", "--associate-public-ip-address", "--no-associate-public-ip-address"}
    ),
    # https://docs.aws.amazon.com/cli/latest/reference/iam/create-virtual-mfa-device.html
    ("iam", "create-virtual-mfa-device"): frozenset({"--outfile", "--bootstrap-method"}),
}
"""Options that the CLI adds to an operation's own."""
_SERVICES = {"s3api": "s3", "configservice": "config", "deploy": "codedeploy"}
"""What botocore calls a service, where the CLI has another name for it."""


def cloudformation_faults(snippet: str) -> list[str]:
    found = lint(snippet, rules=_rules(), config=ManualArgs(regions=["us-east-1"]))
    return [f"{each.rule.id} in line {each.linenumber}: {each.message}" for each in found]


@cache
def _rules() -> Any:
    return get_rules([], ["I", "W1020"], ["W", "E"], {}, include_experimental=False)


def terraform_faults(snippet: str) -> list[str]:
    """What HCL2's grammar refuses, and what isn't Terraform: only a provider's schema knows a resource's own arguments."""
    try:
        found = hcl2.loads(snippet)
    except Exception as error:  # noqa: BLE001 - lark's many
        return [" ".join(str(error).split())[:300]]
    blocks = {*found} - {"__comments__", "__inline_comments__"}
    kinds = {"resource", "data", "locals", "variable", "output", "module", "provider", "terraform", "removed", "import"}
    if not blocks & {"resource", "module", "data", "removed"}:
        return ["there is no resource"]
    return [f"no block of Terraform: {each}" for each in sorted(blocks - kinds)]


def cli_faults(snippet: str) -> list[str]:
    """Of each command. A pipe, a loop or a variable makes it a program: a snippet is plain commands."""
    commands = snippet.replace("\\\n", " ").splitlines()
    words = [found for line in commands if (found := shlex.split(line, comments=True))]
    return [fault for each in words for fault in _of_command(each)] if words else ["there is no command"]


def _of_command(words: list[str]) -> Iterator[str]:
    if words[0] != "aws" or len(words) < 3:
        yield f"no command of the AWS CLI: {' '.join(words)}"
        return
    name = f"aws {words[1]} {words[2]}"
    try:
        operations = _operations(_SERVICES.get(words[1], words[1]))
    except UnknownServiceError:
        yield f"{name}: no such service"
        return
    if (operation := operations.get(words[2])) is None or words[1] == "s3":
        yield f"{name}: no such operation"
        return
    given = dict(_options(words[3:]))
    members = operation.input_shape.members if operation.input_shape else {}
    known = {f"--{xform_name(member, '-')}": shape for member, shape in members.items()}
    booleans = {f"--no-{option[2:]}" for option, shape in known.items() if shape.type_name == "boolean"}
    for option, values in given.items():
        if option in known:
            yield from (f"{name} {option}: {fault}" for fault in _of_values(known[option], values))
        elif option not in booleans | _GLOBAL | _OF_THE_CLI.get((words[1], words[2]), frozenset()):
            yield f"{name}: no such option: {option}"
    if operation.input_shape and "--cli-input-json" not in given:
        required = {f"--{xform_name(member, '-')}" for member in operation.input_shape.required_members}
        required -= {"--min-count", "--max-count"} if words[2] == "run-instances" else set()
        yield from (f"{name}: {option} is missing" for option in sorted(required - given.keys()))


def _options(words: list[str]) -> Iterator[tuple[str, list[str]]]:
    option, values = "", list[str]()
    for word in words:
        if word.startswith("--"):
            if option:
                yield option, values
            option, _, value = word.partition("=") if word[2:3].isalpha() and "=" in word else (word, "", "")
            values = [value] if value else []
        else:
            values.append(word)
    if option:
        yield option, values


def _of_values(shape: Shape, values: list[str]) -> Iterator[str]:
    """JSON against the model; of shorthand and plain values, only what is an enumeration."""
    if len(values) == 1 and values[0][:1] in "[{" and shape.type_name in {"structure", "list", "map"}:
        try:
            report = ParamValidator().validate(json.loads(values[0]), shape)
        except ValueError as error:
            yield f"not JSON: {error}"
            return
        if report.has_errors():
            yield report.generate_report()
    enum = getattr(shape, "enum", None) or getattr(getattr(shape, "member", None), "enum", None)
    if enum and shape.type_name in {"string", "list"} and values[0][:1] != "[":
        yield from (f"{value} is none of {', '.join(enum)}" for value in values if value not in enum)
    if not values and shape.type_name != "boolean":
        yield "has no value"


@cache
def _operations(service: str) -> dict[str, OperationModel]:
    model = _session().get_service_model(service)
    return {xform_name(name, "-"): model.operation_model(name) for name in model.operation_names}


@cache
def _session() -> Session:
    return Session()
