"""Role trust policies."""

from __future__ import annotations

from typing import ClassVar

from chalicelib.analysis.policy_access import Outsider
from chalicelib.fixes.iam.distrust_unknown_principals import DistrustUnknownPrincipals


class DistrustWebIdentities(DistrustUnknownPrincipals):
    """Take the identity providers whose every user gets in out of the role's trust policy, and leave the others in it."""

    look_ups = ()
    approval_reads = ()
    whom: ClassVar[frozenset[Outsider]] = frozenset({Outsider.WEB_IDENTITY})
