"""S3 bucket policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.policy_access import Grant, Outsider, let_in
from chalicelib.fixes.s3.drop_public_statements import DropPublicStatements

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.types import State


class DropUnknownPrincipals(DropPublicStatements):
    """Take unknown accounts out of the bucket policy, and leave every other byte of it.

    Everyone is another fix's, so that no two guardrails are about one principal; so are services.
    """

    def found(self, state: State, baseline: Baseline) -> list[Grant]:
        entrants = let_in(state["policy"], baseline, state["account"])
        return [each for each in entrants if not each.public and each.who is not Outsider.SERVICE]
