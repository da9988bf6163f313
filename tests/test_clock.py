"""A guardrail judges by the session's clock, which is the event's in a replay."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tests.guardrails.awslambda.test_runtime_deprecated import running
from tests.guardrails.iam.test_server_certificate_expired import of

if TYPE_CHECKING:
    from tests.support.world import World

ROOT = Path(__file__).parents[1]
RUNTIME, CERTIFICATE = "awslambda.runtime_deprecated", "iam.server_certificate_expired"


def test_a_runtime_is_judged_by_the_day_of_the_event(world: World) -> None:
    envelope = running("python3.10")(world)
    world.clock = datetime(2026, 10, 30, tzinfo=UTC)
    (outcome,) = world.deliver(envelope, RUNTIME, "alert")
    assert outcome.status == "compliant"
    world.clock = datetime(2026, 10, 31, tzinfo=UTC)
    (outcome,) = world.deliver(envelope, RUNTIME, "alert")
    assert outcome.status == "alerted"


def test_a_certificate_is_judged_by_the_time_of_the_event(world: World) -> None:
    envelope = of(1)(world)
    (outcome,) = world.deliver(envelope, CERTIFICATE, "alert")
    assert outcome.status == "compliant"
    world.later(days=2)
    (outcome,) = world.deliver(envelope, CERTIFICATE, "alert")
    assert outcome.status == "alerted"


def test_no_guardrail_fix_or_resource_asks_the_machine_for_the_time() -> None:
    asking = re.compile(r"\b(datetime|date)\.(now|utcnow|today)\(|\btime\.time\(")
    folders = [ROOT / "chalicelib" / name for name in ("guardrails", "tripwires", "fixes", "resources", "engine")]
    assert [str(path) for each in folders for path in each.rglob("*.py") if asking.search(path.read_text())] == []
