"""What is written into memory itself: effects of calls that no boto3 call has there, and what memory refuses though AWS accepted.

All of it reaches into moto's backends.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from chalicelib.core.event import text

if TYPE_CHECKING:
    from snapback.replay.presupposed.call import Call

Effect = Callable[["Call", Mapping[str, Any]], None]
_GLOBAL = frozenset({"cloudfront", "iam", "organizations", "route53", "s3", "s3control"})


def backend(service: str, account: str, region: str, partition: str) -> Any:
    """moto's own store of a service in an account and region. Raises KeyError for a region that moto doesn't know."""
    from moto.awslambda.utils import get_backend as lambda_backend
    from moto.backends import get_backend

    if service == "lambda":
        return lambda_backend(account, region)
    name: Any = service.replace("sso-admin", "ssoadmin")
    return get_backend(name)[account][partition if service in _GLOBAL else region]


def root_key(call: Call, detail: Mapping[str, Any]) -> bool:
    """Put an access key of root's on the account, or take it away; says whether the record is about one."""
    asked = detail.get("requestParameters")
    if text(detail, "userIdentity", "type") != "Root" or text(asked, "userName"):
        return False
    name = detail.get("eventName")
    if name not in {"CreateAccessKey", "DeleteAccessKey"}:
        return False
    summary = backend("iam", call.account, call.region, call.partition).account_summary
    summary._account_access_keys_present = int(name == "CreateAccessKey")  # noqa: SLF001 - moto's
    return True


def _update_project(call: Call, _: Mapping[str, Any]) -> None:
    """https://docs.aws.amazon.com/codebuild/latest/APIReference/API_UpdateProject.html"""
    kept = backend("codebuild", call.account, call.region, call.partition).codebuild_projects
    kept[call.parameters["name"]].project_metadata.update(call.parameters)


INSTEAD: dict[tuple[str, str], Effect] = {("codebuild", "UpdateProject"): _update_project}
"""Calls that moto lacks: what they do instead. Each raises KeyError for what isn't there."""


def _code(call: Call, detail: Mapping[str, Any]) -> None:
    """Code comes outside the record: memory holds other code, under the hash that AWS answered."""
    if code := text(detail, "responseElements", "codeSha256"):
        name = call.parameters["FunctionName"].rsplit(":function:", 1)[-1].partition(":")[0]
        backend("lambda", call.account, call.region, call.partition).get_function(name).code_sha_256 = code


BESIDES: dict[tuple[str, str], Effect] = {
    ("lambda", "CreateFunction"): _code,
    ("lambda", "UpdateFunctionCode"): _code,
}
"""What the record's answer says besides, put into memory after the call."""


def layer(call: Call, arn: str) -> str:
    """A version of another account's layer, with its number, where moto looks for it: beside the function's own."""
    from moto.awslambda.models import LayerVersion

    *_, region, account, _, name, version = arn.split(":")
    if not version.isdigit():
        return ""
    store = backend("lambda", call.account, call.region, call.partition)._layers  # noqa: SLF001 - moto's
    version_of: Any = LayerVersion
    made = version_of({"LayerName": name, "Content": {"ZipFile": _EMPTY_ZIP}}, account, region)
    store.put_layer_version(made)
    made.version = int(version)
    versions = store._layers[name].layer_versions  # noqa: SLF001 - moto's
    versions[version] = made
    return f"layer {name}, version {version}, of account {account}"


_EMPTY_ZIP = "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="


def policy_version(call: Call, arn: str, version: str, document: Mapping[str, Any]) -> str:
    """A version of a policy with this very number, which need not be the next."""
    from moto.iam.models import PolicyVersion

    kept = backend("iam", call.account, call.region, call.partition).managed_policies[arn]
    made = PolicyVersion(arn, json.dumps(document), is_default=False)
    made.version_id = version
    kept.versions.append(made)
    return f"version {version} of policy {arn.rsplit('/', 1)[-1]}, harmless"


def forget(call: Call, name: str) -> dict[str, Any]:
    """Take what has a name out of memory, whatever depends on it; answers what was there, by its store."""
    found: dict[str, Any] = {}
    with suppress(KeyError, ImportError):  # Roles Anywhere isn't in moto.
        held = vars(backend(call.service, call.account, call.region, call.partition))
        for store, kept in held.items():
            for mapping, key in list(_named(kept, name)):
                found[store] = mapping.pop(key)
    return found


def _named(kept: Any, name: str, depth: int = 2) -> Iterator[tuple[MutableMapping[Any, Any], Any]]:
    if not isinstance(kept, MutableMapping) or not depth:
        return
    for key, each in list(kept.items()):
        names = (
            {getattr(each, attribute, None) for attribute in ("name", "id", "arn")} if hasattr(each, "__dict__") else ()
        )
        if (
            key == name
            or name in names
            or (isinstance(key, str) and key.startswith("arn:") and key.endswith(f"/{name}"))
        ):
            yield kept, key
        else:
            yield from _named(each, name, depth - 1)


_KEPT = ("policies", "managed_policies", "access_keys", "mfa_devices", "password", "policy", "policy_document")
"""What stays of something presupposed that the log creates later: calls that came before put it there."""


def hand_over(call: Call, replaced: Mapping[str, Any]) -> None:
    """Give the new thing what earlier calls did to the one that was presupposed in its place."""
    held = vars(backend(call.service, call.account, call.region, call.partition)) if replaced else {}
    for store, old in replaced.items():
        name = getattr(old, "name", None)
        for mapping, key in _named(held.get(store), name) if isinstance(name, str) else ():
            for attribute in _KEPT:
                if earlier := getattr(old, attribute, None):
                    setattr(mapping[key], attribute, earlier)
