from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tests.guardrails.s3.public_access import FLAGS, block
from tests.support.cases import Case
from tests.support.events import HOME, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "s3.account_public_access_block_weakened"


def event(name: str, **options: Any) -> Envelope:
    return cloudtrail_event("s3", name, {"publicAccessBlock": "", "accountId": HOME}, **options)


def put(*off: str, region: str = "us-east-1") -> Any:
    def made(world: World) -> Envelope:
        control = world.client("s3control")
        control.put_public_access_block(AccountId=HOME, PublicAccessBlockConfiguration=block(*off))
        return event("PutAccountPublicAccessBlock", region=region)

    return made


def deleted(world: World) -> Envelope:
    put()(world)
    world.client("s3control").delete_public_access_block(AccountId=HOME)
    return event("DeleteAccountPublicAccessBlock")


def flags(world: World) -> Any:
    try:
        return world.client("s3control").get_public_access_block(AccountId=HOME)["PublicAccessBlockConfiguration"]
    except ClientError:
        return None


CASE = Case(
    unsafe=(put(*FLAGS), deleted, put("BlockPublicPolicy", region="eu-west-1")),
    near_misses=(put(),),
    whole=flags,
)
