"""EC2 where moto lacks a call, or answers otherwise than AWS.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html has the codes of what isn't there.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DEFAULTS = {"images": "unblocked", "snapshots": "unblocked", "metadata": {}}


@contextmanager
def added() -> Iterator[None]:
    """While it lasts, moto does as AWS."""
    from moto.ec2.models import EC2Backend
    from moto.ec2.models.network_acls import NetworkAcl
    from moto.ec2.responses import EC2Response

    with ExitStack() as stack:
        for name, answer in _ANSWERS.items():
            stack.enter_context(patch.object(EC2Response, name, answer, create=True))
        for name, wrap in _WRAPPED.items():
            stack.enter_context(patch.object(EC2Backend, name, wrap(getattr(EC2Backend, name))))
        stack.enter_context(patch.object(NetworkAcl, "get_filter_value", _by_id(NetworkAcl.get_filter_value)))
        yield


def _by_id(real: Any) -> Any:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkAcls.html has the filter that moto lacks."""

    def value(self: Any, name: str, method: str | None = None) -> Any:
        return self.id if name == "network-acl-id" else real(self, name, method)

    return value


def _settings(response: Any) -> dict[str, Any]:
    """Of the account and region: held by moto's EC2, with which they are reset."""
    kept: dict[str, Any] = vars(response.ec2_backend).setdefault("_snapback_settings", {**_DEFAULTS, "metadata": {}})
    return kept


def _block(kind: str, name: str, value: str | None = None, parameter: str = "") -> Callable[[Any], Any]:
    """What is asked for, set to `value`, or set to what the call says."""

    def answer(self: Any) -> Any:
        from moto.core.responses import ActionResult

        kept = _settings(self)
        kept[kind] = value or (self._get_param(parameter) if parameter else kept[kind])
        return ActionResult({name: kept[kind], "ManagedBy": kept.get("managed_by", "account")})

    return answer


def _get_defaults(self: Any) -> Any:
    from moto.core.responses import ActionResult

    kept = _settings(self)
    return ActionResult({"AccountLevel": {**kept["metadata"], "ManagedBy": kept.get("managed_by", "account")}})


def _modify_defaults(self: Any) -> Any:
    """`no-preference` takes an option away. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceMetadataDefaults.html."""
    from moto.core.responses import ActionResult

    kept = _settings(self)["metadata"]
    for name in ("HttpTokens", "HttpPutResponseHopLimit", "HttpEndpoint", "InstanceMetadataTags"):
        value = self._get_param(name)
        if value in {"no-preference", "-1", -1}:
            kept.pop(name, None)
        elif value is not None:
            kept[name] = value
    return ActionResult({"Return": True})


_ANSWERS = {
    "get_image_block_public_access_state": _block("images", "ImageBlockPublicAccessState"),
    "enable_image_block_public_access": _block(
        "images", "ImageBlockPublicAccessState", parameter="ImageBlockPublicAccessState"
    ),
    "disable_image_block_public_access": _block("images", "ImageBlockPublicAccessState", "unblocked"),
    "get_snapshot_block_public_access_state": _block("snapshots", "State"),
    "enable_snapshot_block_public_access": _block("snapshots", "State", parameter="State"),
    "disable_snapshot_block_public_access": _block("snapshots", "State", "unblocked"),
    "get_instance_metadata_defaults": _get_defaults,
    "modify_instance_metadata_defaults": _modify_defaults,
}
for _name, _answer in _ANSWERS.items():
    _answer.__name__ = _name  # moto finds methods by `__name__`.


def _refused(code: str, text: str) -> Exception:
    from moto.ec2.exceptions import EC2ClientError

    return EC2ClientError(code, text)


def _options_kept(real: Any) -> Any:
    """What the call doesn't say stays as it is; moto resets it.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceMetadataOptions.html
    """

    def modify(self: Any, instance_id: str, **said: Any) -> Any:
        now = self.get_instance(instance_id).metadata_options
        kept = {
            "http_tokens": now.http_tokens,
            "hop_limit": now.http_put_response_hop_limit,
            "http_endpoint": now.http_endpoint,
            "http_protocol": now.http_protocol_ipv6,
            "metadata_tags": now.instance_metadata_tags,
        }
        return real(self, instance_id, **(kept | {key: value for key, value in said.items() if value is not None}))

    return modify


def _peerings(real: Any) -> Any:
    """moto answers nothing for a connection that isn't there."""

    def describe(self: Any, vpc_peering_ids: Any = None) -> Any:
        found = real(self, vpc_peering_ids)
        if len(found) < len(vpc_peering_ids or []):
            raise _refused("InvalidVpcPeeringConnectionID.NotFound", "The peering connection does not exist")
        return found

    return describe


def _gateways(real: Any) -> Any:
    """moto answers nothing for a transit gateway that isn't there."""

    def describe(self: Any, filters: Any, transit_gateway_ids: Any = None) -> Any:
        found = real(self, filters, transit_gateway_ids)
        if len(found) < len(transit_gateway_ids or []):
            raise _refused("InvalidTransitGatewayID.NotFound", "The transit gateway does not exist")
        return found

    return describe


def _acls(real: Any) -> Any:
    """moto says that a route table isn't there."""

    def describe(self: Any, network_acl_ids: Any = None, filters: Any = None) -> Any:
        for acl in network_acl_ids or []:
            self.get_network_acl(acl)
        return real(self, network_acl_ids, filters)

    return describe


def _acl_entry(real: Any) -> Any:
    """moto raises StopIteration for an entry that isn't there."""

    def delete(self: Any, network_acl_id: str, rule_number: int, egress: bool) -> Any:
        for entry in self.get_network_acl(network_acl_id).network_acl_entries:
            if (entry.egress, entry.rule_number) == (egress, rule_number):
                return real(self, network_acl_id, rule_number, egress)
        raise _refused("InvalidNetworkAclEntry.NotFound", "The network acl entry does not exist")

    return delete


def _replaced(real: Any) -> Any:
    """moto leaves the former profile on the instance."""

    def replace(self: Any, association_id: str, *to: Any) -> Any:
        association = real(self, association_id, *to)
        profile = {"Arn": association.iam_instance_profile.arn, "Id": association.iam_instance_profile.id}
        self.modify_instance_attribute(association.instance.id, "iam_instance_profile", profile)
        return association

    return replace


def _on_instance(real: Any) -> Any:
    """moto forgets whose an interface is when an address is put on it.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Address.html
    """

    def associate(self: Any, instance: Any = None, eni: Any = None, **more: Any) -> Any:
        found = real(self, instance=instance, eni=eni, **more)
        if eni is not None:
            found.instance = eni.instance
        return found

    return associate


def _to_a_folder(real: Any) -> Any:
    """A bucket's folder takes flow logs; moto looks for a bucket of that name.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateFlowLogs.html
    """

    def create(self: Any, **said: Any) -> Any:
        from moto.ec2.exceptions import FlowLogAlreadyExists

        place = said["log_destination"]
        if said["log_destination_type"] != "s3" or "/" not in (place or ""):
            return real(self, **said)
        there = {(each.resource_id, each.log_destination) for each in self.describe_flow_logs()}
        if any((each, place) in there for each in said["resource_ids"]):
            raise FlowLogAlreadyExists
        made, errors = real(self, **{**said, "log_destination": place.partition("/")[0]})
        for each in made:
            each.log_destination = place
        return made, errors

    return create


_WRAPPED = {
    "create_flow_logs": _to_a_folder,
    "associate_address": _on_instance,
    "replace_iam_instance_profile_association": _replaced,
    "modify_instance_metadata_options": _options_kept,
    "describe_vpc_peering_connections": _peerings,
    "describe_transit_gateways": _gateways,
    "describe_network_acls": _acls,
    "delete_network_acl_entry": _acl_entry,
}
