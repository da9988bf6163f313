from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.glue.close_catalog_policy import CloseCatalogPolicy
from chalicelib.resources.glue import Catalog

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = CloseCatalogPolicy()


@guardrail(
    severity=Severity.HIGH,
    resource=Catalog,
    on=cloudtrail("glue", "PutResourcePolicy"),
    reads=FIX.why_reads,
    fix=FIX,
)
def catalog_policy_made_public(catalog: Catalog, aws: Session) -> str | None:
    """Glue Data Catalog open to everyone or an unknown account.

    Outsiders can read the names, columns and locations of your tables, or change them so that your queries read other
    data. The data itself stays in S3 under its own policies. Glue has no setting that blocks public policies. The fix
    removes the unknown principals, each statement that has no other principal, and the policy if no statement is left. The
    rest of the text stays. Grants of Lake Formation are not part of this policy: the fix leaves them, and
    `ram.resource_shared_with_unknown_account` covers what Lake Formation shares through AWS RAM.

    Legitimate look-alikes: policies for accounts of the organization and for Athena in an analytics account. Snapback
    asks AWS about the account's organization and VPC endpoints; where AWS refuses the look-up, Snapback asks before it
    fixes. Name other accounts under `allow.accounts`.
    """
    return FIX.why(catalog, aws)
