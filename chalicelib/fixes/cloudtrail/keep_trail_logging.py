"""CloudTrail trails: logging, whole, and to where they should."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.rule import Fix, FixContext
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chalicelib.core.baseline import RequiredTrail
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.cloudtrail import Trail

Selector = dict[str, Any]

_WHOLE = {"IncludeGlobalServiceEvents": True, "IsMultiRegionTrail": True, "LogFileValidationEnabled": True}
_DEFAULTS: dict[str, Any] = {
    **dict.fromkeys(("S3BucketName", "S3KeyPrefix", "KmsKeyId"), ""),
    **dict.fromkeys((*_WHOLE, "IsOrganizationTrail"), False),
}
"""What the state holds of a trail's settings, and what an absent one means."""

_MOST_SELECTORS = 5
"""Basic event selectors a trail: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html."""
_MANAGEMENT = {"ReadWriteType": "All", "IncludeManagementEvents": True}
_ADVANCED_MANAGEMENT = {"Field": "eventCategory", "Equals": ["Management"]}


class KeepTrailLogging(Fix["Trail"]):
    """Start the trail and record all management events in all regions again, or recreate a deleted trail.

    The state is `{"name", "exists"}` and, if it exists, `logging`, `settings` as GetTrail names them, and `selectors`:
    `{"EventSelectors": [...]}` or `{"AdvancedEventSelectors": [...]}`; none means all management events.
    """

    document = "cloudtrail:trail"
    reads = ("cloudtrail:GetTrail", "cloudtrail:GetTrailStatus", "cloudtrail:GetEventSelectors")
    writes = (
        *reads,
        "cloudtrail:CreateTrail",
        "cloudtrail:DeleteTrail",
        "cloudtrail:PutEventSelectors",
        "cloudtrail:StartLogging",
        "cloudtrail:StopLogging",
        "cloudtrail:UpdateTrail",
    )
    undo_writes = (
        "cloudtrail:DeleteTrail",
        "cloudtrail:StopLogging",
    )

    def read(self, resource: Trail, aws: Session) -> State:
        client = aws.client("cloudtrail")
        with absent("TrailNotFoundException"):
            trail: Mapping[str, Any] = client.get_trail(Name=resource.arn)["Trail"]
            selectors: Mapping[str, Any] = client.get_event_selectors(TrailName=resource.arn)
            return {
                "name": resource.id,
                "exists": True,
                "logging": client.get_trail_status(Name=resource.arn)["IsLogging"],
                "settings": {name: trail.get(name) or default for name, default in _DEFAULTS.items()},
                "selectors": {
                    kind: selectors[kind]
                    for kind in ("EventSelectors", "AdvancedEventSelectors")
                    if selectors.get(kind)
                },
            }
        return {"name": resource.id, "exists": False}

    def safe(self, state: State, context: FixContext) -> State:
        ours = context.baseline.require.trails.get(state["name"])
        if not state["exists"]:
            if ours is None:
                return state
            state = {**state, "exists": True, "settings": _DEFAULTS, "selectors": {}}
        settings = {**state["settings"], **_WHOLE}
        return {
            **state,
            "logging": True,
            "settings": settings | _astray(settings, ours) if ours else settings,
            "selectors": {
                kind: _complete(found) if kind == "EventSelectors" else _complete_advanced(found)
                for kind, found in state["selectors"].items()
            },
        }

    def write(self, resource: Trail, state: State, aws: Session) -> None:
        """Settings first, logging last: a trail that starts before delivers to where it shouldn't, or fails to."""
        client = aws.client("cloudtrail")
        now = self.read(resource, aws)
        if not state["exists"]:
            if now["exists"]:
                client.delete_trail(Name=resource.id)
            return
        if not now["exists"]:
            client.create_trail(Name=resource.id, **_parameters(item for item in state["settings"].items() if item[1]))
            now = {**state, "logging": False, "selectors": {}}
        if changed := _parameters(item for item in state["settings"].items() if now["settings"][item[0]] != item[1]):
            client.update_trail(Name=resource.id, **changed)
        if state["selectors"] and state["selectors"] != now["selectors"]:
            client.put_event_selectors(TrailName=resource.id, **state["selectors"])
        if state["logging"] and not now["logging"]:
            client.start_logging(Name=resource.id)
        elif now["logging"] and not state["logging"]:
            client.stop_logging(Name=resource.id)


def _parameters(settings: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """As CreateTrail and UpdateTrail name them; an empty text takes a setting away."""
    return {name.replace("LogFileValidationEnabled", "EnableLogFileValidation"): value for name, value in settings}


def _astray(settings: Mapping[str, Any], ours: RequiredTrail) -> dict[str, Any]:
    """What is to change so that it delivers as require.trails says."""
    changed: dict[str, Any] = {}
    if settings["S3BucketName"] != ours.bucket:
        changed |= {"S3BucketName": ours.bucket, "S3KeyPrefix": ours.prefix or ""}
    if ours.kms_key and not _same_key(settings["KmsKeyId"], ours.kms_key):
        changed["KmsKeyId"] = ours.kms_key
    if ours.organization:
        changed["IsOrganizationTrail"] = True
    return changed


def _same_key(found: str, wanted: str) -> bool:
    """CloudTrail answers with the key's ARN whatever it was given; which key an alias stands for, only KMS can tell."""
    return bool(found) if "alias/" in wanted else f"/{found}".endswith(f"/{wanted}")


def _complete(selectors: list[Selector]) -> list[Selector]:
    """Basic event selectors that leave out no management event. Data events stay as they are chosen.

    An event is logged when any selector takes it: a read-only and a write-only one make up a whole.
    """
    opened = [
        {**each, "ExcludeManagementEventSources": []} if each.get("ExcludeManagementEventSources") else each
        for each in selectors
    ]
    taken = {each.get("ReadWriteType", "All") for each in opened if each.get("IncludeManagementEvents", True)}
    if "All" in taken or {"ReadOnly", "WriteOnly"} <= taken:
        return opened
    without_data = (number for number, each in enumerate(opened) if not each.get("DataResources"))
    number = next(without_data, 0 if len(opened) >= _MOST_SELECTORS else len(opened))
    base = opened[number] if number < len(opened) else {"DataResources": [], "ExcludeManagementEventSources": []}
    return [*opened[:number], {**base, **_MANAGEMENT}, *opened[number + 1 :]]


def _complete_advanced(selectors: list[Selector]) -> list[Selector]:
    """Advanced event selectors of which one takes all management events, or two take those that read and write."""
    management = [each for each in selectors if _ADVANCED_MANAGEMENT in map(_bare, each["FieldSelectors"])]
    taken = {_reads_or_writes(each) for each in management}
    if "all" in taken or {"true", "false"} <= taken:
        return selectors
    first = management[0] if management else None
    whole = {"Name": "Management events", **(first or {}), "FieldSelectors": [_ADVANCED_MANAGEMENT]}
    return [whole if each is first else each for each in selectors] if first else [*selectors, whole]


def _reads_or_writes(selector: Selector) -> str:
    """What one selector takes of the management events: `all`, readOnly `true`, `false`, or not even those: `some`."""
    match [_bare(each) for each in selector["FieldSelectors"] if _bare(each) != _ADVANCED_MANAGEMENT]:
        case []:
            return "all"
        case [{"Field": "readOnly", "Equals": ["true" | "false" as value]}]:
            return str(value)
    return "some"


def _bare(field: Selector) -> Selector:
    """Without the operators that hold nothing."""
    return {key: value for key, value in field.items() if value}
