"""The functions as AWS calls them, and the map from events to functions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib import catalog, wiring
from chalicelib.core.errors import CannotAct
from chalicelib.core.pattern import matches
from chalicelib.core.types import Status
from tests.support.events import HOME, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ROOT = Path(__file__).parents[1]


class Context:
    invoked_function_arn = f"arn:aws:lambda:us-east-1:{HOME}:function:snapback-GuardS3"
    function_name = "snapback-GuardS3"
    memory_limit_in_mb = 512
    aws_request_id = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@pytest.fixture
def functions(world: World, monkeypatch: pytest.MonkeyPatch) -> Any:
    application = world.application()
    monkeypatch.setattr(wiring, "_APPLICATION", {HOME: application})
    import app

    return app


def test_each_service_has_its_function_and_the_rest_are_there(functions: Any) -> None:
    for service in catalog.services():
        assert callable(getattr(functions, f"guard_{service}"))
    assert callable(functions.notify)
    assert callable(functions.act)
    assert callable(functions.canary)
    assert callable(functions.canary_echo)
    routes = {path: [*methods] for path, methods in functions.app.routes.items()}
    assert routes == {
        **{path: ["POST"] for path in ("/slack", "/page/show", "/page/do")},
        **{path: ["GET"] for path in ("/page", "/page.js")},
    }
    assert functions.app.api.binary_types == []


def test_an_event_is_fixed_and_undone_through_the_functions(functions: Any, world: World) -> None:
    from tests.guardrails.s3.test_bucket_acl_made_public import CASE

    outcomes = functions.guard_s3(CASE.unsafe[0](world), Context())
    (fixed,) = [outcome for outcome in outcomes if outcome["status"] == Status.FIXED]
    undone = functions.act({"action": "undo", "record": fixed["record"], "by": "bob"}, Context())
    assert undone == {"record": fixed["record"], "status": "undone"}


@pytest.mark.parametrize("request_", [{}, None, {"action": "delete", "record": "x", "by": "y"}, {"action": "undo"}])
def test_act_says_what_it_takes(functions: Any, request_: Any) -> None:
    with pytest.raises(CannotAct, match="act takes"):
        functions.act(request_, Context())


def test_an_event_that_is_not_believed_is_refused_without_a_call(functions: Any, world: World) -> None:
    lie = cloudtrail_event("s3", "PutBucketAcl", {"bucketName": "app-logs"}, account="999988887777")
    assert functions.guard_s3(lie, Context()) == []
    assert functions.guard_s3({**lie, "account": HOME}, Context()) == []
    assert not world.calls


def test_a_function_imports_its_own_guardrails_and_no_others() -> None:
    """On a cold start: nothing of chat, of the command line or of another service."""
    code = "import app, json, sys; app.catalog.rules('s3'); print(json.dumps([*sys.modules]))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert "chalicelib.guardrails.s3.bucket_acl_made_public" in loaded
    others = [service for service in catalog.services() if service != "s3"]
    assert not [name for name in loaded if name.startswith(tuple(f"chalicelib.guardrails.{o}." for o in others))]
    assert not loaded & {"slack_sdk", "moto", "click", "rich", "yaml", "chalicelib.notify.outbox"}


def test_a_pattern_matches_a_services_events_and_no_others_of_the_same_name() -> None:
    """CreateUser is IAM's, and Transfer's, and the SSO directory's."""
    event = cloudtrail_event("iam", "CreateAccessKey", {"userName": "alice"})
    assert matches(catalog.pattern("iam"), event)
    event["detail"]["eventSource"] = "transfer.amazonaws.com"
    assert not matches(catalog.pattern("iam"), event)


def test_names_in_chalices_config_are_functions_that_exist() -> None:
    """Chalice passes over what it doesn't know, silently."""
    from snapback.deploy.iam_policies import functions
    from snapback.deploy.package import MEMORY

    assert set(MEMORY) <= set(functions())
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())
    assert config["autogen_policy"] is False
