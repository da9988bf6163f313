"""Role trust policies."""

from __future__ import annotations

from typing import ClassVar

from chalicelib.analysis.policy_access import Outsider
from chalicelib.fixes.iam.distrust_unknown_principals import DistrustUnknownPrincipals


class DistrustWebIdentities(DistrustUnknownPrincipals):
    """Remove identity providers that let in any user from the role's trust policy, and leave all others."""

    look_ups = ()
    approval_reads = ()
    whom: ClassVar[frozenset[Outsider]] = frozenset({Outsider.WEB_IDENTITY})
