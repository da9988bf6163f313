"""The resource policy of the Glue Data Catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.fixes.policy import ClosePolicy
from chalicelib.resources.glue import Catalog

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.fixes.policy import Calls


class CloseCatalogPolicy(ClosePolicy[Catalog]):
    """Remove unknown principals from the Data Catalog's policy, and leave the rest of its text."""

    document = "glue:catalog-policy"
    reads = ("glue:GetResourcePolicy",)
    writes = ("glue:PutResourcePolicy", "glue:DeleteResourcePolicy")
    member = "PolicyInJson"
    none = frozenset({"EntityNotFoundException"})

    def calls(self, aws: Session) -> Calls:
        glue = aws.client("glue")
        return glue.get_resource_policy, glue.put_resource_policy, glue.delete_resource_policy

    def named(self, resource: Catalog) -> dict[str, str]:
        return {}

    def put_policy(self, resource: Catalog, text: str, aws: Session) -> None:
        # Without EnableHybrid, Glue refuses a policy beside grants of Lake Formation, which it leaves as they are.
        aws.client("glue").put_resource_policy(PolicyInJson=text, EnableHybrid="TRUE")
