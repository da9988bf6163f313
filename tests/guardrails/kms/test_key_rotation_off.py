from __future__ import annotations

from tests.guardrails.kms.keys import ID, disturb, key, remove, whole
from tests.support.cases import Case
from tests.support.events import HOME

PRIMARY = {"Arn": f"arn:aws:kms:us-west-2:{HOME}:key/{ID}", "Region": "us-west-2"}
REPLICA = {
    "multi_region_configuration": {"MultiRegionKeyType": "REPLICA", "PrimaryKey": PRIMARY, "ReplicaKeys": []},
}
CASE = Case(
    unsafe=(
        key("DisableKeyRotation"),
        key("DisableKeyRotation", "enable_key_rotation", "disable_key_rotation"),
        key("EnableKey", "disable_key", "enable_key"),
    ),
    near_misses=(
        key("DisableKeyRotation", "enable_key_rotation"),
        key("DisableKeyRotation", KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY"),
        key("DisableKeyRotation", Origin="EXTERNAL"),
        key("DisableKeyRotation", MultiRegion=True, stored=REPLICA),
        key("DisableKeyRotation", "disable_key"),
    ),
    whole=whole,
    remove=remove,
    disturb=disturb,
)
