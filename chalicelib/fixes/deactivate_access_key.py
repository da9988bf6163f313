"""IAM access keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chalicelib.core.guardrail import Fix, State

if TYPE_CHECKING:
    from chalicelib.core.ports import Session
    from chalicelib.core.settings import Known
    from chalicelib.resources.iam import AccessKey

ACTIVE, INACTIVE = "Active", "Inactive"


class DeactivateAccessKey(Fix["AccessKey"]):
    """Switch the access key off, and keep it."""

    reads = ("iam:ListAccessKeys",)
    writes = ("iam:UpdateAccessKey",)

    def read(self, resource: AccessKey, aws: Session) -> State:
        """A root user's key shows itself to root alone: its status is `unknown`, and stays so."""
        if resource.user is None:
            return {"status": "unknown"}
        for page in aws.client("iam").get_paginator("list_access_keys").paginate(**resource.user.name):
            for key in page["AccessKeyMetadata"]:
                if key["AccessKeyId"] == resource.key:
                    return {"status": key["Status"]}
        # A deleted key is just not listed; a deleted user is this error, and both are gone.
        raise ClientError({"Error": {"Code": "NoSuchEntity", "Message": f"no key {resource.id}"}}, "ListAccessKeys")

    def safe(self, state: State, known: Known) -> State:  # noqa: ARG002 - the guardrail asked who it belongs to
        return {"status": INACTIVE} if state["status"] == ACTIVE else state

    def write(self, resource: AccessKey, state: State, aws: Session) -> None:
        assert resource.user is not None
        aws.client("iam").update_access_key(**resource.user.name, AccessKeyId=resource.key, Status=state["status"])
