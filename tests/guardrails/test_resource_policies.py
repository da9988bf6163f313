"""What holds for each resource policy alike: the smallest edit, to the byte, and what is left when nothing is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.guardrails.dynamodb.test_table_policy_trusts_unknown_account import ORDERS as TABLE
from tests.guardrails.ecr.test_registry_policy_made_public import REGISTRY
from tests.guardrails.efs.test_file_system_policy_made_public import FILES
from tests.guardrails.events.test_bus_policy_made_public import CENTRAL
from tests.guardrails.glue.test_catalog_policy_made_public import CATALOG
from tests.guardrails.kinesis.test_stream_policy_made_public import ORDERS as STREAM
from tests.guardrails.kms.test_key_policy_made_public import ORDERS as KEY
from tests.guardrails.secretsmanager.test_secret_policy_made_public import DB
from tests.guardrails.sns.test_topic_policy_made_public import ORDERS
from tests.guardrails.sqs.test_queue_policy_made_public import JOBS
from tests.support.events import FRIEND, STRANGER
from tests.support.resource_policies import Guarded, root

if TYPE_CHECKING:
    from tests.support.world import World

each_of_them = pytest.mark.parametrize(
    "guarded", [ORDERS, JOBS, KEY, DB, STREAM, CATALOG, FILES, CENTRAL, TABLE, REGISTRY], ids=lambda each: each.id
)


@each_of_them
def test_only_the_unknown_go_and_every_other_byte_stays(guarded: Guarded, world: World) -> None:
    partners = {"AWS": [root(FRIEND), root(STRANGER)]}
    made = guarded.policy(guarded.friends, guarded.allow("*", "Everyone"), guarded.allow(partners, "Partners"))(world)
    before = guarded.text(world)
    (outcome,) = world.deliver(made, guarded.id)
    assert outcome.reason.startswith(f"its policy gives access to {root(STRANGER)}, everyone")
    known = guarded.written(guarded.friends, guarded.allow({"AWS": [root(FRIEND)]}, "Partners"))
    assert before != guarded.text(world) == guarded.keeps(known)


@each_of_them
def test_a_policy_of_nothing_else_leaves_nobody_but_the_owner(guarded: Guarded, world: World) -> None:
    (outcome,) = world.deliver(guarded.policy(guarded.allow("*"))(world), guarded.id)
    assert outcome.status == "fixed"
    assert guarded.emptied is None or guarded.text(world) == guarded.emptied
