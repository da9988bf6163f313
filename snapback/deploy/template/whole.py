"""The merge template: what Chalice can't say. Triggers, the table, queues, retries, alarms, and the runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib import catalog
from snapback.deploy.iam_policies import functions as names
from snapback.deploy.iam_policies import logical_id
from snapback.deploy.template import api, dashboard, exports, functions, roles, rules, settings, store, sweep, watch
from snapback.deploy.template.nested import nested
from snapback.deploy.template.parts import Plan, merged
from snapback.deploy.wheels import RUNTIME

if TYPE_CHECKING:
    from snapback.deploy.template.parts import Part, Template

PARTS: tuple[Part, ...] = (
    store.store,
    functions.every_function,
    functions.guards,
    functions.notify,
    functions.act,
    api.api,
    exports.exports,
    settings.settings,
    functions.canaries,
    sweep.sweep,
    roles.home,
    watch.given_up,
    watch.alarms,
    dashboard.dashboard,
)
"""Each answers a piece; what two of them say alike is refused."""


def template() -> Template:
    """Merged over Chalice's SAM template by `chalice package --merge-template`; functions by their logical ids."""
    made = merged(PARTS, _plan())
    made["Resources"] |= {name: stack for name, (stack, _) in _nested().items()}
    return made


def nested_templates() -> dict[str, Template]:
    """Those of the nested stacks, by the files that `template` names."""
    return {stack["Properties"]["TemplateURL"].removeprefix("./"): made for stack, made in _nested().values()}


def _nested() -> dict[str, tuple[Template, Template]]:
    plan = _plan()
    return {
        "Rules": nested("rules.json", rules.rules(plan), "Snapback: the rules that call its guard functions."),
        "FunctionAlarms": nested("alarms.json", watch.function_alarms(plan), "Snapback: the alarms of its functions."),
    }


def _plan() -> Plan:
    patterns = {logical_id(f"guard_{service}"): catalog.patterns(service) for service in catalog.services()}
    return Plan(tuple(map(logical_id, names())), patterns, f"python{RUNTIME}")
