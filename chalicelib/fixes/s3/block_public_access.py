"""S3 Block Public Access, of a bucket and of an account.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.core.resource import Account, Resource
from chalicelib.core.rule import Fix, FixContext
from chalicelib.resources.absent import absent
from chalicelib.resources.s3 import Bucket

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State

R = TypeVar("R", bound=Resource)

_NONE = "NoSuchPublicAccessBlockConfiguration"
_ALL = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}


BLOCK_READS = ("s3:GetBucketPublicAccessBlock", "s3:GetAccountPublicAccessBlock")
"""What `blocks` needs."""


def blocks(bucket: Bucket, aws: Session) -> frozenset[str]:
    """The flags that hold for a bucket, by its own settings or by the account's; those that can't be read hold for nothing."""
    account = Account(bucket.account, bucket.account, bucket.region)
    found = frozenset[str]()
    with suppress(ClientError, BotoCoreError):
        found |= frozenset(_ALL).difference(off(BlockBucketPublicAccess().read(bucket, aws)))
    with suppress(ClientError, BotoCoreError):
        found |= frozenset(_ALL).difference(off(BlockAccountPublicAccess().read(account, aws)))
    return found


def off(state: State) -> list[str]:
    """The flags that don't protect, all four when there is no block at all."""
    return [flag for flag in _ALL if not (state["block"] or {}).get(flag)]


class _BlockPublicAccess(Fix[R]):
    """The state is `{"block": the four flags, or None}`."""

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, "block": _ALL}


class BlockBucketPublicAccess(_BlockPublicAccess[Bucket]):
    """Turn on all four settings of the bucket's Block Public Access."""

    document = "s3:public-access-block"
    reads = ("s3:GetBucketPublicAccessBlock",)
    writes = ("s3:PutBucketPublicAccessBlock",)

    def read(self, resource: Bucket, aws: Session) -> State:
        block: Any = None
        with absent(_NONE):
            answer = aws.client("s3").get_public_access_block(Bucket=resource.id, ExpectedBucketOwner=resource.account)
            block = answer["PublicAccessBlockConfiguration"]
        return {"block": block}

    def write(self, resource: Bucket, state: State, aws: Session) -> None:
        s3 = aws.client("s3")
        if state["block"] is None:
            s3.delete_public_access_block(Bucket=resource.id, ExpectedBucketOwner=resource.account)
        else:
            s3.put_public_access_block(
                Bucket=resource.id,
                ExpectedBucketOwner=resource.account,
                PublicAccessBlockConfiguration=state["block"],
            )


class BlockAccountPublicAccess(_BlockPublicAccess[Account]):
    """Turn on all four settings of the account's Block Public Access, for every region."""

    document = "s3:account-public-access-block"
    reads = ("s3:GetAccountPublicAccessBlock",)
    writes = ("s3:PutAccountPublicAccessBlock",)

    def read(self, resource: Account, aws: Session) -> State:
        block: Any = None
        with absent(_NONE):
            answer = aws.client("s3control").get_public_access_block(AccountId=resource.account)
            block = answer["PublicAccessBlockConfiguration"]
        return {"block": block}

    def write(self, resource: Account, state: State, aws: Session) -> None:
        control = aws.client("s3control")
        if state["block"] is None:
            control.delete_public_access_block(AccountId=resource.account)
        else:
            control.put_public_access_block(AccountId=resource.account, PublicAccessBlockConfiguration=state["block"])
