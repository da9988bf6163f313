"""S3 bucket policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.policy_access import Grant, let_in, public
from chalicelib.fixes.policy import DropPrincipals
from chalicelib.fixes.s3.block_public_access import BLOCK_READS, blocks
from chalicelib.fixes.s3.bucket_policy import BucketPolicy
from chalicelib.resources.s3 import Bucket

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.session import Session
    from chalicelib.core.types import State


class DropPublicStatements(BucketPolicy, DropPrincipals[Bucket]):
    """Remove everyone from the bucket policy, and statements for nobody else. Leave every other byte."""

    look_ups = ()
    approval_reads = BLOCK_READS

    def undo_refusal(self, resource: Bucket, target: State, aws: Session) -> str | None:
        if not public(target["policy"], aws.baseline, target["account"]) or "BlockPublicPolicy" not in blocks(
            resource, aws
        ):
            return None
        return "Block Public Access is on, so S3 accepts no public policy; turn BlockPublicPolicy off first"

    def found(self, state: State, baseline: Baseline) -> list[Grant]:
        return [each for each in let_in(state["policy"], baseline, state["account"]) if each.public]
