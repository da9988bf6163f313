from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.resources.awslambda import FunctionUrl
from tests.guardrails.awslambda.functions import ARN, NAME, disturb, event, make, remove, whole, with_alias
from tests.support.cases import Case
from tests.support.events import HOME, REGION, Envelope

if TYPE_CHECKING:
    from tests.support.world import World

ID = "awslambda.url_without_auth"
CORS = {"AllowOrigins": ["https://shop.example.com"], "MaxAge": 300}


def url(auth: str, *, call: str = "CreateFunctionUrlConfig", name: str = NAME, qualifier: str = "") -> Any:
    def made(world: World) -> Envelope:
        make(world)
        asked = {}
        if qualifier:
            with_alias(world, qualifier)
            asked = {"Qualifier": qualifier}
        world.client("lambda").create_function_url_config(FunctionName=NAME, AuthType=auth, Cors=CORS, **asked)
        parameters = {"qualifier": qualifier} if qualifier else {}
        return event(call, {"functionArn": ARN}, name=name, authType="NONE", **parameters)

    return made


def signed_since(world: World) -> Envelope:
    envelope: Envelope = url("NONE")(world)
    world.client("lambda").update_function_url_config(FunctionName=NAME, AuthType="AWS_IAM")
    return envelope


CASE = Case(
    unsafe=(
        url("NONE"),
        url("NONE", call="UpdateFunctionUrlConfig", name=ARN),
        url("NONE", qualifier="live"),
        url("NONE", call="CreateFunctionUrlConfig20211031"),
    ),
    near_misses=(url("AWS_IAM"), signed_since),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


def test_a_url_that_is_gone_is_of_no_interest(world: World) -> None:
    envelope = url("NONE")(world)
    world.client("lambda").delete_function_url_config(FunctionName=NAME)
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "gone"


def test_the_functions_other_url_and_its_own_cors_stay(world: World) -> None:
    envelope = url("NONE", qualifier="live")(world)
    world.client("lambda").create_function_url_config(FunctionName=NAME, AuthType="NONE")
    world.deliver(envelope, ID)
    alias, function = whole(world)["urls"]
    assert (alias["AuthType"], alias["Cors"], function["AuthType"]) == ("AWS_IAM", CORS, "NONE")


def test_all_urls_are_found(world: World) -> None:
    url("NONE", qualifier="live")(world)
    make(world, name="without")
    reader = world.application().sessions.reader(HOME, REGION)
    assert list(FunctionUrl.all_in(reader)) == [FunctionUrl(f"{NAME}:live", HOME, REGION)]
