"""Policies as the text that they were written in."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from chalicelib.core.session import Prefetched

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chalicelib.core.session import Session


def authorized(aws: Session, filter: str, listed: str) -> list[Mapping[str, Any]]:
    """All users, roles, groups or policies of an account in a few pages, with their policies as they were written."""
    with as_text(aws) as iam:
        pages = iam.get_paginator("get_account_authorization_details")
        return [each for page in pages.paginate(Filter=[filter], MaxItems=1000) for each in page[listed]]


def of_identity(kind: str, name: dict[str, str], found: Mapping[str, Any]) -> Iterator[Prefetched]:
    title, few = kind.title(), {"MaxItems": 1} if kind == "group" else {}
    inline = {each["PolicyName"]: each["PolicyDocument"] for each in found.get(f"{title}PolicyList", [])}
    attached = found.get("AttachedManagedPolicies", [])
    alone = {title: found, **({"Users": []} if kind == "group" else {})}
    yield Prefetched("iam", f"Get{title}", {**name, **few}, alone)
    yield Prefetched("iam", f"List{title}Policies", name, {"PolicyNames": [*inline], "IsTruncated": False})
    yield Prefetched("iam", f"ListAttached{title}Policies", name, {"AttachedPolicies": attached, "IsTruncated": False})
    for policy, document in inline.items():
        asked = {**name, "PolicyName": policy}
        yield Prefetched("iam", f"Get{title}Policy", asked, {**asked, "PolicyDocument": document})


class PolicyVersion(NamedTuple):
    """One of at most five, as in `v3`. An id is never used again."""

    id: str
    text: str
    default: bool


def policy_text(arn: str, aws: Session) -> str:
    """Of a managed policy's default version, as it was written."""
    with as_text(aws) as iam:
        return version_text(iam, arn, iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"])


def version_text(iam: Any, arn: str, version: str) -> str:
    return unquote(iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])


@contextmanager
def as_text(aws: Session) -> Iterator[Any]:
    """IAM's client while it answers policies as the text that they were written in, quoted; boto3 would parse them."""
    from botocore.handlers import json_decode_policies

    iam: Any = aws.client("iam")
    iam.meta.events.unregister("after-call.iam", json_decode_policies)
    try:
        yield iam
    finally:
        iam.meta.events.register("after-call.iam", json_decode_policies)
