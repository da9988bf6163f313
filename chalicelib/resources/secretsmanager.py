"""Secrets Manager. Calls name a secret by its name or ARN; their answers have the ARN, with six characters behind the name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from chalicelib.core.event import text
from chalicelib.resources.named import Named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session


@dataclass(frozen=True, slots=True)
class Secret(Named):
    """A secret, by the end of its ARN: `shop/db-a1B2c3`. The name alone may mean a later secret."""

    cloudformation_type: ClassVar[str] = "AWS::SecretsManager::Secret"
    gone: ClassVar[frozenset[str]] = frozenset({"ResourceNotFoundException"})
    tag_reads: ClassVar[tuple[str, ...]] = ("secretsmanager:DescribeSecret",)
    list_reads: ClassVar[tuple[str, ...]] = ("secretsmanager:ListSecrets",)
    arn_service: ClassVar[str] = "secretsmanager"
    arn_begin: ClassVar[str] = "secret:"
    pattern: ClassVar[re.Pattern[str]] = re.compile(r"[A-Za-z0-9/_+=.@!-]{1,512}-[A-Za-z0-9]{6}")
    """https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html"""

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        answered = event.answered("aRN") or event.answered("arn")
        return cls.given(event, answered or event.text("secretId"), text(event.detail, "resource"))

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        """Also those that are to be deleted."""
        for page in aws.client("secretsmanager").get_paginator("list_secrets").paginate(IncludePlannedDeletion=True):
            for secret in page["SecretList"]:
                yield cls(secret["ARN"].removeprefix(cls.prefix(aws.account, aws.region)), aws.account, aws.region)

    def tags(self, aws: Session) -> Mapping[str, str]:
        found = aws.client("secretsmanager").describe_secret(SecretId=self.arn)
        return {tag["Key"]: tag["Value"] for tag in found.get("Tags", ())}
