"""What moto lacks of EKS and CodeBuild: updates that EKS carries out, access entries, and who sees builds.

https://docs.aws.amazon.com/eks/latest/APIReference/API_Operations.html
https://docs.aws.amazon.com/codebuild/latest/APIReference/API_UpdateProjectVisibility.html
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4

from chalicelib.core.partitions import ANY_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Answer = tuple[int, dict[str, str], str]
_HOST = re.compile(rf"eks\.([a-z0-9-]+)\.(?:{ANY_SUFFIX})")
_PATH = re.compile(r"/clusters/([^/]+)/(update-config|updates|encryption-config/associate|access-entries)(?:/(.+))?")
_KEY = re.compile(r"Credential=([^/]+)/")
_ENDPOINT = {
    "endpointPublicAccess": "EndpointPublicAccess",
    "endpointPrivateAccess": "EndpointPrivateAccess",
    "publicAccessCidrs": "PublicAccessCidrs",
}
_NOW = 1795428000
_LOGS = ("api", "audit", "authenticator", "controllerManager", "scheduler")


class EksError(Exception):
    """An error of EKS's; the first argument is its code."""


@contextmanager
def added() -> Iterator[None]:
    """While it lasts, moto answers for it."""
    from moto.codebuild.responses import CodeBuildResponse
    from moto.core.botocore_stubber import BotocoreStubber

    real = BotocoreStubber.process_request

    def process(self: Any, request: Any) -> Any:
        url = urlsplit(request.url)
        host, path = _HOST.fullmatch(url.netloc), _PATH.fullmatch(url.path)
        return _eks(request, host[1], path) if host and path else real(self, request)

    with (
        patch.object(BotocoreStubber, "process_request", process),
        patch.object(CodeBuildResponse, "update_project_visibility", _update_project_visibility, create=True),
    ):
        yield


def under_way(cluster: Any, setting: Mapping[str, Any], *, stays: bool = False) -> None:
    """Begin an update that EKS is a while about: until the next one is asked for, or, if it `stays`, until `over`.

    `setting` is as UpdateClusterConfig takes it. A cluster with `snapback_slow` takes its time for each.
    """
    _begin(cluster, setting)
    cluster.snapback_stays = stays


def over(cluster: Any, status: str = "Successful") -> None:
    """Have the update that is under way end so."""
    for update in _updates(cluster).values():
        if update["status"] == "InProgress":
            update["status"], cluster.status = status, "ACTIVE"
            if status == "Successful":
                _apply(cluster, update["setting"])


def _eks(request: Any, region: str, path: re.Match[str]) -> Answer:
    from moto.eks.models import eks_backends

    name, what, rest = path.groups()
    body = json.loads(request.body or "{}")
    cluster: Any = eks_backends[_account(request)][region].clusters.get(name)
    if cluster is None:
        return _error("ResourceNotFoundException", f"No cluster found for name: {name}.")
    try:
        if what == "updates":
            return _ok(_update(cluster, rest) if rest else {"updateIds": list(_updates(cluster))})
        if what == "access-entries":
            asked = parse_qs(urlsplit(request.url).query).get("associatedPolicyArn", [""])[0]
            return _ok(_access(cluster, request.method, rest or "", body, asked))
        return _ok(_configure(cluster, body))
    except EksError as refused:
        return _error(*refused.args)


def _error(code: str, message: str) -> Answer:
    status = {"ResourceNotFoundException": 404, "ResourceInUseException": 409}.get(code, 400)
    return status, {"x-amzn-ErrorType": code}, json.dumps({"message": message})


def _account(request: Any) -> str:
    """As moto finds it: by a header, or by whose access key has signed."""
    from moto.iam.models import get_account_id_from

    told, signed = (request.headers.get(name, "") for name in ("x-moto-account-id", "Authorization"))
    told, signed = (value.decode() if isinstance(value, bytes) else value for value in (told, signed))
    key = _KEY.search(signed)
    return told or get_account_id_from(key[1] if key else "")


def _ok(answer: Any) -> Answer:
    return 200, {}, json.dumps(answer)


def _updates(cluster: Any) -> dict[str, Any]:
    found: dict[str, Any] = vars(cluster).setdefault("snapback_updates", {})
    return found


def _update(cluster: Any, id: str) -> Any:
    if id not in _updates(cluster):
        raise EksError("ResourceNotFoundException", f"No update found for id: {id}")
    return {"update": {key: value for key, value in _updates(cluster)[id].items() if key != "setting"}}


def _configure(cluster: Any, setting: Mapping[str, Any]) -> Any:
    if cluster.status == "UPDATING" and not cluster.snapback_stays:
        over(cluster)
    if cluster.status != "ACTIVE":
        raise EksError("ResourceInUseException", f"Cluster '{cluster.name}' is not in ACTIVE status")
    begun = _begin(cluster, setting)
    if not vars(cluster).get("snapback_slow"):
        over(cluster)
    return _update(cluster, begun)


def _begin(cluster: Any, setting: Mapping[str, Any]) -> str:
    kind, params = _described(cluster, setting)
    begun = str(uuid4())
    update = {"id": begun, "status": "InProgress", "type": kind, "params": params, "createdAt": _NOW, "errors": []}
    _updates(cluster)[begun] = {**update, "setting": dict(setting)}
    cluster.status, cluster.snapback_stays = "UPDATING", vars(cluster).get("snapback_slow", False)
    return begun


def _described(cluster: Any, setting: Mapping[str, Any]) -> tuple[str, list[dict[str, str]]]:
    """Its type and params; EKS refuses what changes nothing, and what changes two kinds of thing at once."""
    if network := setting.get("resourcesVpcConfig"):
        if all(network[name] == cluster.resources_vpc_config.get(name) for name in network):
            raise EksError("InvalidParameterException", "Cluster is already at the desired configuration")
        if network.get("endpointPublicAccess") is False and network.get("endpointPrivateAccess") is False:
            raise EksError("InvalidParameterException", "Private and public endpoint access cannot be false")
        params = [{"type": _ENDPOINT[name], "value": json.dumps(network[name])} for name in network]
        return "EndpointAccessUpdate", params
    if logging := setting.get("logging"):
        if _logs(cluster, logging) == _logs(cluster, {}):
            raise EksError("InvalidParameterException", "No changes needed for the logging config provided")
        return "LoggingUpdate", [{"type": "ClusterLogging", "value": json.dumps(logging)}]
    if cluster.encryption_config:
        raise EksError("InvalidRequestException", "Encryption is already enabled on this cluster")
    value = json.dumps(setting["encryptionConfig"])
    return "AssociateEncryptionConfig", [{"type": "EncryptionConfig", "value": value}]


def _apply(cluster: Any, setting: Mapping[str, Any]) -> None:
    cluster.resources_vpc_config = {**cluster.resources_vpc_config, **setting.get("resourcesVpcConfig", {})}
    if not cluster.resources_vpc_config.get("endpointPublicAccess", True):
        cluster.resources_vpc_config["publicAccessCidrs"] = []
    if "logging" in setting:
        on = _logs(cluster, setting["logging"])
        off = sorted({*_LOGS} - on)
        kinds = [{"types": sorted(on), "enabled": True}, {"types": off, "enabled": False}]
        cluster.logging = {"clusterLogging": [kind for kind in kinds if kind["types"]]}
    cluster.encryption_config = setting.get("encryptionConfig", cluster.encryption_config)


def _logs(cluster: Any, changed: Mapping[str, Any]) -> set[str]:
    """What is logged after a change. Kinds that it doesn't name stay as they are."""
    on: set[str] = set()
    for each in (*cluster.logging.get("clusterLogging", []), *changed.get("clusterLogging", [])):
        on = on | {*each["types"]} if each["enabled"] else on - {*each["types"]}
    return on


def _access(cluster: Any, method: str, rest: str, body: Any, policy: str) -> Any:
    """Access entries by their principal, each with the scopes of its policies."""
    entries: dict[str, Any] = vars(cluster).setdefault("snapback_entries", {})
    principal, _, policies = rest.partition("/access-policies")
    principal, wanted = unquote(principal), unquote(policies.removeprefix("/"))
    if not rest and method == "POST":
        principal = body["principalArn"]
        entries[principal] = {"groups": body.get("kubernetesGroups", []), "policies": {}}
    elif not rest:
        return {"accessEntries": [each for each in entries if not policy or policy in entries[each]["policies"]]}
    if principal not in entries:
        raise EksError("ResourceNotFoundException", "The specified principalArn could not be found.")
    held = entries[principal]["policies"]
    who = {"clusterName": cluster.name, "principalArn": principal}
    if "/access-policies" not in rest:
        if method == "DELETE":
            del entries[principal]
            return {}
        if rest and method == "POST":
            entries[principal]["groups"] = body.get("kubernetesGroups", [])
        return {"accessEntry": {**who, "kubernetesGroups": entries[principal]["groups"], "type": "STANDARD"}}
    if method == "POST":
        held[body["policyArn"]] = body["accessScope"]
        return {**who, "associatedAccessPolicy": _associated(body["policyArn"], body["accessScope"])}
    if method == "DELETE":
        if held.pop(wanted, None) is None:
            raise EksError("ResourceNotFoundException", "The specified policyArn could not be found.")
        return {}
    return {**who, "associatedAccessPolicies": [_associated(arn, scope) for arn, scope in held.items()]}


def _associated(arn: str, scope: Any) -> Any:
    scope = {"namespaces": [], **scope}
    return {"policyArn": arn, "accessScope": scope, "associatedAt": _NOW, "modifiedAt": _NOW}


def _update_project_visibility(self: Any) -> Any:
    from moto.codebuild.exceptions import ResourceNotFoundException
    from moto.core.responses import ActionResult

    arn, visibility = self._get_param("projectArn"), self._get_param("projectVisibility")
    for project in self.codebuild_backend.batch_get_projects([arn]):
        project["projectVisibility"] = visibility
        return ActionResult({"projectArn": arn, "projectVisibility": visibility})
    raise ResourceNotFoundException(f"Project cannot be found: {arn}")
