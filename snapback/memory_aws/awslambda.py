"""What moto lacks of Lambda: policies and URLs of versions and aliases, and conditions of permissions.

https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html
https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunctionUrlConfig.html
"""

from __future__ import annotations

import json
import re
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def added() -> Iterator[None]:
    """All of it, for as long as it lasts."""
    from moto.awslambda.models import LambdaBackend, LambdaFunction
    from moto.awslambda.policy import Policy
    from moto.awslambda.responses import LambdaResponse
    from moto.awslambda.urls import url_paths

    urls = r"{0}/(?P<api_version>[^/]+)/functions/(?P<function_name>[\w_:%-]+)/urls/?$"
    with ExitStack() as stack:
        stack.enter_context(patch.dict(url_paths, {urls: LambdaResponse.dispatch}))
        for owner, name, better in (
            (LambdaFunction, "_set_function_code", _coded(vars(LambdaFunction)["_set_function_code"])),
            (Policy, "decode_policy", _decoded(Policy.decode_policy)),
            (Policy, "principal_formatter", _principal),
            (LambdaBackend, "add_permission", _add_permission),
            (LambdaBackend, "get_policy", _get_policy),
            (LambdaResponse, "remove_permission", _remove_permission),
            (LambdaResponse, "create_function_url_config", _create_url),
            (LambdaResponse, "get_function_url_config", _get_url),
            (LambdaResponse, "update_function_url_config", _update_url),
            (LambdaResponse, "delete_function_url_config", _delete_url),
            (LambdaResponse, "list_function_url_configs", _list_urls),
        ):
            stack.enter_context(patch.object(owner, name, better, create=True))
        yield


def _coded(real: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """CloudTrail leaves out code that came with the call: it is taken for some that does nothing."""

    def coded(self: Any, given: Any) -> Any:
        if not {"ZipFile", "S3Bucket", "ImageUri", "DryRun"} & given.keys():
            given["ZipFile"] = "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="  # An archive without files.
        return real(self, given)

    return coded


# Permissions


def _principal(self: Any, principal: Any) -> Any:
    if principal == "*" or not isinstance(principal, str):
        return principal
    if principal.isdigit():
        arn = getattr(self.parent, "function_arn", "") or self.parent.arn  # A function's policy, or a layer's.
        return {"AWS": f"arn:{arn.split(':')[1]}:iam::{principal}:root"}
    return {"AWS" if principal.startswith("arn:") else "Service": principal}


def _decoded(real: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """With the conditions that moto leaves out."""

    def decoded(self: Any, asked: Any) -> Any:
        conditions = {
            ("StringEquals", "lambda:EventSourceToken"): asked.pop("EventSourceToken", None),
            ("StringEquals", "lambda:FunctionUrlAuthType"): asked.pop("FunctionUrlAuthType", None),
            ("Bool", "lambda:InvokedViaFunctionUrl"): str(asked.pop("InvokedViaFunctionUrl", "")).lower(),
        }
        policy = real(self, asked)
        for (operator, key), value in conditions.items():
            if value:
                policy.statements[0].setdefault("Condition", {}).setdefault(operator, {})[key] = value
        return policy

    return decoded


def _policy(backend: Any, name: str, qualifier: str | None) -> Any:
    from moto.awslambda.policy import Policy

    function, policies, qualifier = _kept(backend, name, qualifier, "qualified_policies")
    if qualifier is None:
        return function.policy
    parent: Any = SimpleNamespace(function_arn=f"{function.function_arn}:{qualifier}")
    return policies.setdefault(qualifier, Policy(parent))


def _add_permission(self: Any, function_name: str, qualifier: str | None, raw: str) -> Any:
    from moto.awslambda.exceptions import LambdaClientError

    policy, sid = _policy(self, function_name, qualifier), json.loads(raw)["StatementId"]
    if any(each["Sid"] == sid for each in policy.statements):
        error = LambdaClientError("ResourceConflictException", f"The statement id ({sid}) provided already exists.")
        error.code = 409
        raise error
    return policy.add_statement(raw)[0]


def _get_policy(self: Any, function_name: str, qualifier: str | None = None) -> str:
    return str(_policy(self, function_name, qualifier).wire_format())


def _remove_permission(self: Any) -> Any:
    name, sid = _name(self, -3), self.path.split("/")[-1].split("?")[0]
    _policy(self.backend, name, _qualifier(self)).del_statement(sid, self.querystring.get("RevisionId", ""))
    return 204, {"status": 204}, "{}"


# URLs


def _create_url(self: Any) -> Any:
    from moto.awslambda.models import FunctionUrlConfig

    function, urls, qualifier = _urls(self)
    arn = f"{function.function_arn}:{qualifier}" if qualifier else function.function_arn
    named: Any = SimpleNamespace(function_arn=arn, region=function.region)
    urls[qualifier] = FunctionUrlConfig(named, self.json_body)
    return 201, {"status": 201}, json.dumps(urls[qualifier].to_dict())


def _url(self: Any) -> Any:
    from moto.awslambda.exceptions import GenericResourcNotFound

    _, urls, qualifier = _urls(self)
    if qualifier not in urls:
        raise GenericResourcNotFound
    return urls[qualifier]


def _get_url(self: Any) -> Any:
    return 200, {}, json.dumps(_url(self).to_dict())


def _update_url(self: Any) -> Any:
    found = _url(self)
    found.update(self.json_body)
    return 200, {}, json.dumps(found.to_dict())


def _delete_url(self: Any) -> Any:
    _url(self)
    _, urls, qualifier = _urls(self)
    del urls[qualifier]
    return 204, {"status": 204}, "{}"


def _list_urls(self: Any) -> Any:
    _, urls, _ = _urls(self)
    return 200, {}, json.dumps({"FunctionUrlConfigs": [each.to_dict() for each in urls.values()]})


def _urls(self: Any) -> tuple[Any, dict[Any, Any], str | None]:
    return _kept(self.backend, _name(self, -2), _qualifier(self), "urls")


def _name(self: Any, part: int) -> str:
    return unquote(self.path.rstrip("/").split("/")[part])


def _qualifier(self: Any) -> str | None:
    found: str | None = self.querystring.get("Qualifier", [None])[0]
    return found


def _kept(backend: Any, name: str, qualifier: str | None, what: str) -> tuple[Any, dict[Any, Any], str | None]:
    """The function itself, what it keeps by qualifier, and the qualifier, which may be part of the name.

    Raises where there is no such version or alias.
    """
    backend.get_function(name, qualifier)
    found = re.fullmatch(r"(?:.*function:)?([\w-]+)(?::([\w$-]+))?", name)
    qualifier = qualifier or (found and found[2])
    function = backend.get_function(found[1] if found else name)
    return function, vars(function).setdefault(what, {}), None if qualifier == "$LATEST" else qualifier
