from __future__ import annotations

from tests.guardrails.kms.keys import disturb, key, remove, whole
from tests.support.cases import Case

CASE = Case(
    unsafe=(key("DisableKey", "disable_key"), key("DisableKey", "disable_key", Origin="EXTERNAL")),
    near_misses=(
        key("DisableKey"),
        key("DisableKey", "disable_key", "enable_key"),
        key("DisableKey", "disable_key", "schedule_key_deletion"),
    ),
    whole=whole,
    remove=remove,
    disturb=disturb,
)
