"""The roles that functions assume, to look and to write, in the home account and in members; and the bus for members."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.aws.sessions import EXTERNAL_ID_VARIABLE, ROLES_VARIABLE
from chalicelib.core.snapback_resources import BOUNDARY, FORWARDER, READER
from snapback.deploy.iam_policies import boundary, fixer_of, fixers, logical_id, reader
from snapback.deploy.template.parts import arn, beside

if TYPE_CHECKING:
    from snapback.deploy.template.parts import Plan, Template

ORGANIZATION = "o-[a-z0-9]{10,32}"
_UNDOES = "Act"
_WRITE_ALL = (_UNDOES, "SweepWorker")
"""The functions that write for all guards, as people ask or a sweep finds."""
PARAMETERS: Template = {
    "ExternalId": {
        "Type": "String",
        "Default": "",
        "AllowedPattern": r"^([A-Za-z0-9+=,.@:/-]{16,48})?$",
        "ConstraintDescription": "16 to 48 letters, digits and +=,.@:/-",
        "Description": "External ID of the roles in member accounts: any long text, the same in all stacks.",
    },
    "Operators": {
        "Type": "String",
        "Default": "",
        "AllowedPattern": r"^(arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/.+)?$",
        "Description": (
            "Who else in the home account may assume the roles, to use the command line: an ARN with * and ?, such as "
            "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_SecurityOps_*. Empty: nobody."
        ),
    },
    "PermissionsBoundary": {
        "Type": "String",
        "Default": "",
        "AllowedPattern": r"^[\w+=,.@/-]*$",
        "Description": (
            "Name of a managed policy in the account: the permissions boundary of all of Snapback's roles, "
            f"such as {BOUNDARY}, which boundary.json creates. Empty: none."
        ),
    },
}
CONDITIONS: Template = {
    "HasOperators": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Operators"}, ""]}]},
    "HasBoundary": {"Fn::Not": [{"Fn::Equals": [{"Ref": "PermissionsBoundary"}, ""]}]},
}
BOUNDED: Template = {
    "PermissionsBoundary": {
        "Fn::If": [
            "HasBoundary",
            {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/${PermissionsBoundary}"},
            {"Ref": "AWS::NoValue"},
        ]
    }
}


@dataclass(frozen=True)
class Where:
    """How a template names the home account, its stack and its bus, and what else the roles' trust asks for."""

    account: str
    stack: str
    bus: Any
    trust: Template
    member: bool = False


HOME = Where("${AWS::AccountId}", "${AWS::StackName}", arn("Members"), {})


def home(plan: Plan) -> Template:
    """What the home stack has of this: the roles, the bus, and what makes functions use them."""
    both = {ROLES_VARIABLE: "1", EXTERNAL_ID_VARIABLE: {"Ref": "ExternalId"}}
    resources: Template = {name: {"Properties": {"Environment": {"Variables": both}}} for name in plan.functions}
    resources |= {beside(name, "Role"): {"Properties": BOUNDED} for name in plan.functions}
    resources |= {name: {"Properties": BOUNDED} for name in ("LaterRole", "SettingsMonitorRole")}
    organization = {"StringEquals": {"aws:PrincipalOrgID": {"Ref": "OrganizationId"}}}
    return {
        "Parameters": {
            **PARAMETERS,
            "OrganizationId": {
                "Type": "String",
                "Default": "",
                "AllowedPattern": f"^({ORGANIZATION})?$",
                "Description": "The organization whose accounts may send their events. Empty: no other account may.",
            },
        },
        "Conditions": {
            **CONDITIONS,
            "HasOrganization": {"Fn::Not": [{"Fn::Equals": [{"Ref": "OrganizationId"}, ""]}]},
        },
        "Resources": {
            **resources,
            **roles(HOME),
            "Members": {
                "Type": "AWS::Events::EventBus",
                "Properties": {"Name": {"Fn::Sub": "${AWS::StackName}-members"}},
            },
            "MembersPolicy": {
                "Type": "AWS::Events::EventBusPolicy",
                "Condition": "HasOrganization",
                "Properties": {
                    "EventBusName": {"Ref": "Members"},
                    "StatementId": "OurOrganization",
                    "Statement": {
                        "Effect": "Allow",
                        "Principal": "*",
                        "Action": "events:PutEvents",
                        "Resource": arn("Members"),
                        "Condition": organization,
                    },
                },
            },
        },
        "Outputs": {"MembersBus": {"Description": "HomeBus of the members' stack.", "Value": arn("Members")}},
    }


def roles(where: Where, **extra: Any) -> Template:
    """The reader, the fixers and the forwarder; `extra` is put beside each one's properties, as a `Condition`."""
    resources: Template = {}
    for number, document in enumerate(reader(member=where.member), 1):
        properties = {"ManagedPolicyName": f"{READER}-{number}", "PolicyDocument": document}
        resources[f"ReaderPolicy{number}"] = {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties, **extra}
    policies = [{"Ref": name} for name in resources]
    resources["Reader"] = _role(READER, _trust(where, "*Role-*", named=False), ManagedPolicyArns=policies) | extra
    for name, (service, undo) in fixers().items():
        writes = fixer_of(service, undo=undo, member=where.member)
        if writes is not None:
            stated = json.loads(json.dumps(writes).replace("${AWS::StackName}", where.stack))
            functions = (_UNDOES,) if undo else (logical_id(f"guard_{service}"), *_WRITE_ALL)
            policy = {"PolicyName": "Writes", "PolicyDocument": stated}
            trust = _trust(where, *(f"{function}Role-*" for function in functions), named=True)
            logical = f"Fixer{service.capitalize()}{'Undo' if undo else ''}"
            resources[logical] = _role(name, trust, Policies=[policy]) | extra
    puts = {"Effect": "Allow", "Action": "events:PutEvents", "Resource": where.bus}
    by_events = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
    }
    policy = {"PolicyName": "PutEvents", "PolicyDocument": {"Version": "2012-10-17", "Statement": [puts]}}
    return resources | {"Forwarder": _role(FORWARDER, [by_events], Policies=[policy]) | extra}


def boundary_template() -> Template:
    """A stack of its own, in each account whose roles must have a boundary, before Snapback's."""
    document = json.loads(json.dumps(boundary()).replace("${AWS::StackName}", "${HomeStack}"))
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "The permissions boundary of Snapback's roles: the most that they can ever do.",
        "Parameters": {"HomeStack": HOME_STACK},
        "Resources": {
            "Boundary": {
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {"ManagedPolicyName": BOUNDARY, "PolicyDocument": document},
            }
        },
        "Outputs": {"PermissionsBoundary": {"Description": "Parameter of Snapback's stacks.", "Value": BOUNDARY}},
    }


HOME_STACK: Template = {
    "Type": "String",
    "Default": "snapback",
    "AllowedPattern": "^[A-Za-z][A-Za-z0-9-]{0,19}$",
    "ConstraintDescription": "20 letters, digits and hyphens at most",
    "Description": "The name of Snapback's stack in the home account.",
}


def _role(name: str, trust: list[Any], **properties: Any) -> Template:
    document = {"Version": "2012-10-17", "Statement": trust}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {"RoleName": name, "AssumeRolePolicyDocument": document, **properties, **BOUNDED},
    }


def _trust(where: Where, *roles: str, named: bool) -> list[Any]:
    """For our functions' roles, and operators; where it is `named`, after a record, by session and source identity.

    IAM takes 2,048 characters of a trust policy: that is what limits the external ids.
    """
    functions = [
        {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::{where.account}:role/{where.stack}-{role}"} for role in roles
    ]
    # `*` also matches paths and hyphens, so anyone who may name a role could match it. The roles of functions have
    # neither a path nor such hyphens.
    names = ("*/*", f"{where.stack}-*-*Role-*", f"{where.stack}-*Role-*-*")
    others = [{"Fn::Sub": f"arn:${{AWS::Partition}}:iam::{where.account}:role/{name}"} for name in names]
    ours_only = {"ArnNotLike": {"aws:PrincipalArn": others}}
    operators = {"Ref": "Operators"}
    statements = [
        _may_assume(where, functions, "Functions", ours_only, named=named),
        _with_operators(_may_assume(where, operators, "Operators", {}, named=named)),
    ]
    if named:  # AssumeRole checks the other conditions, and a source identity without AssumeRole is useless.
        who = {"ArnLike": {"aws:PrincipalArn": [*functions, _with_operators(operators)]}, "StringLike": _NAMED}
        statements.append({**_for_home(where, "Name"), "Action": "sts:SetSourceIdentity", "Condition": who})
    return statements


_NAMED = {"sts:SourceIdentity": "snapback-*"}


def _with_operators(value: Any) -> Template:
    return {"Fn::If": ["HasOperators", value, {"Ref": "AWS::NoValue"}]}


def _may_assume(where: Where, principals: Any, sid: str, but: Template, *, named: bool) -> Template:
    session = {"StringLike": {"sts:RoleSessionName": "snapback-*", **(_NAMED if named else {})}}
    condition = {"ArnLike": {"aws:PrincipalArn": principals}, **but, **session, **where.trust}
    return {**_for_home(where, sid), "Action": "sts:AssumeRole", "Condition": condition}


def _for_home(where: Where, sid: str) -> Template:
    root = {"AWS": {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::{where.account}:root"}}
    return {"Sid": sid, "Effect": "Allow", "Principal": root}
