"""S3 bucket policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.policy_access import Grant, by_statement, let_in
from chalicelib.analysis.policy_document import drop_principals, without_deleted_principals
from chalicelib.fixes.s3.bucket_policy import BucketPolicy

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.rule import FixContext
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.s3 import Bucket


class DropPublicStatements(BucketPolicy):
    """Take everyone out of the bucket policy, with the statements that are for nobody else, and leave every other byte."""

    def found(self, state: State, baseline: Baseline) -> list[Grant]:
        """Those whom this fix takes out."""
        return [each for each in let_in(state["policy"], baseline, state["account"]) if each.public]

    def read(self, resource: Bucket, aws: Session) -> State:
        """Without principals that have been deleted, since AWS takes no policy with them."""
        state = super().read(resource, aws)
        return {**state, "policy": without_deleted_principals(state["policy"])} if state["policy"] else state

    def safe(self, state: State, context: FixContext) -> State:
        found = self.found(state, context.baseline)
        return {**state, "policy": drop_principals(state["policy"], by_statement(found))} if found else state
