"""The stack of member accounts, and of the home account's other regions: a StackSet of it makes them ones that are looked after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib import catalog
from chalicelib.core.partitions import PARTITIONS, REGION, global_regions
from chalicelib.core.pattern import reports_to_one_region
from chalicelib.core.snapback_resources import FORWARDER, forwarding
from snapback.deploy.iam_policies import logical_id
from snapback.deploy.template import roles
from snapback.deploy.template.roles import Where
from snapback.deploy.template.rules import RETRY, state

if TYPE_CHECKING:
    from chalicelib.core.pattern import Pattern
    from snapback.deploy.template.parts import Template

_ONE_REGION = sorted({region for each in PARTITIONS for region in global_regions(each.global_region)})
"""CloudFormation takes ten conditions in an `Fn::Or` at most."""
_SECOND = {"Fn::If": ["HasSecondExternalId", {"Ref": "SecondExternalId"}, {"Ref": "AWS::NoValue"}]}
_KNOWN = {"aws:PrincipalOrgID": {"Ref": "OrganizationId"}, "sts:ExternalId": [{"Ref": "ExternalId"}, _SECOND]}
MEMBER = Where("${HomeAccount}", "${HomeStack}", {"Ref": "HomeBus"}, {"StringEquals": _KNOWN}, member=True)


def template() -> Template:
    """A CloudFormation template: rules in each region, and in one of them the roles, which all regions share."""
    external_id = {name: value for name, value in roles.PARAMETERS["ExternalId"].items() if name != "Default"}
    pattern = external_id["AllowedPattern"].replace("(", "").replace(")?", "")
    here = {"Ref": "AWS::Region"}
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Snapback in a member account: rules that forward events to the home account, and its roles.",
        "Parameters": {
            **roles.PARAMETERS,
            "ExternalId": {**external_id, "AllowedPattern": pattern},
            "SecondExternalId": {
                **roles.PARAMETERS["ExternalId"],
                "Description": "Another external id that the roles accept, while you rotate it (docs/recover.md). Empty: none.",
            },
            "HomeAccount": {
                "Type": "String",
                "AllowedPattern": "^[0-9]{12}$",
                "Description": "The account that Snapback's functions run in.",
            },
            "HomeStack": roles.HOME_STACK,
            "HomeBus": {
                "Type": "String",
                "AllowedPattern": r"^arn:aws[a-z-]*:events:[a-z0-9-]+:[0-9]{12}:event-bus/[\w./-]+$",
                "Description": "Where events go: the output MembersBus of Snapback's stack.",
            },
            "OrganizationId": {
                "Type": "String",
                "AllowedPattern": f"^{roles.ORGANIZATION}$",
                "Description": "The organization that both accounts are in.",
            },
            "RolesRegion": {
                "Type": "String",
                "Default": "us-east-1",
                "AllowedPattern": f"^{REGION.pattern}$",
                "Description": "The one region whose stack creates the roles. Deploy that stack first.",
            },
        },
        "Conditions": {
            **roles.CONDITIONS,
            "HasSecondExternalId": {"Fn::Not": [{"Fn::Equals": [{"Ref": "SecondExternalId"}, ""]}]},
            # The home account has the roles from its own stack.
            "MakesRoles": {
                "Fn::And": [
                    {"Fn::Equals": [here, {"Ref": "RolesRegion"}]},
                    {"Fn::Not": [{"Fn::Equals": [{"Ref": "AWS::AccountId"}, {"Ref": "HomeAccount"}]}]},
                ]
            },
            "HearsGlobal": {"Fn::Or": [{"Fn::Equals": [here, region]} for region in _ONE_REGION]},
        },
        "Resources": {**rules(), **roles.roles(MEMBER, Condition="MakesRoles")},
    }


def rules() -> Template:
    """Those of each service of the catalogue, as exact as the function's own."""
    return {
        f"{logical_id(service)}Events{number if number > 1 else ''}": _rule(forwarding(service, number), pattern)
        for service in catalog.services()
        if service not in catalog.of_home()
        for number, pattern in enumerate(catalog.patterns(service), start=1)
    }


def _rule(name: str, pattern: Pattern) -> Template:
    target: Any = {
        "Id": "home",
        "Arn": {"Ref": "HomeBus"},
        "RoleArn": {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{FORWARDER}"},
        "RetryPolicy": RETRY,
    }
    return {
        "Type": "AWS::Events::Rule",
        **({"Condition": "HearsGlobal"} if reports_to_one_region(pattern) else {}),
        "Properties": {
            "Name": name,
            "Description": "Snapback: forwards events to the home account.",
            "EventPattern": pattern,
            "State": state(pattern),
            "Targets": [target],
        },
    }
