"""The Glue Data Catalog, one in each account and region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chalicelib.core.partitions import partition
from chalicelib.core.resource import Account


@dataclass(frozen=True, slots=True)
class Catalog(Account):
    """The account's catalog, by the account's id, as Glue calls it."""

    cloudformation_type: ClassVar[str] = "AWS::Glue::Catalog"

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:glue:{self.region}:{self.account}:catalog"
