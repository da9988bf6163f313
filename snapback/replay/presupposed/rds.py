"""Databases, private and encrypted."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from snapback.replay.presupposed.call import Call, MakeNamed


def _db_instance(call: Call, name: str) -> str:
    call.client("rds").create_db_instance(
        DBInstanceIdentifier=name.rsplit(":", 1)[-1],
        DBInstanceClass="db.t3.micro",
        Engine="postgres",
        AllocatedStorage=20,
        MasterUsername="presupposed",
        MasterUserPassword="made-up-1",
        StorageEncrypted=True,
        PubliclyAccessible=False,
    )
    return f"database {name}, private and encrypted"


def _db_cluster(call: Call, name: str) -> str:
    call.client("rds").create_db_cluster(
        DBClusterIdentifier=name.rsplit(":", 1)[-1],
        Engine="aurora-postgresql",
        MasterUsername="presupposed",
        MasterUserPassword="made-up-1",
        StorageEncrypted=True,
    )
    return f"database cluster {name}, encrypted"


def _db_snapshot(call: Call, name: str) -> str:
    source = f"presupposed-{hashlib.blake2b(name.encode(), digest_size=4).hexdigest()}"
    _db_instance(call, source)
    call.client("rds").create_db_snapshot(DBInstanceIdentifier=source, DBSnapshotIdentifier=name.rsplit(":", 1)[-1])
    return f"database snapshot {name}"


def _db_cluster_snapshot(call: Call, name: str) -> str:
    source = f"presupposed-{hashlib.blake2b(name.encode(), digest_size=4).hexdigest()}"
    _db_cluster(call, source)
    call.client("rds").create_db_cluster_snapshot(DBClusterIdentifier=source, DBClusterSnapshotIdentifier=name)
    return f"database cluster snapshot {name}"


def _db_security_group(call: Call, name: str) -> str:
    call.client("rds").create_db_security_group(DBSecurityGroupName=name, DBSecurityGroupDescription="presupposed")
    return f"database security group {name}"


BY_NAME: dict[tuple[str, str], MakeNamed] = {
    ("rds", "DBClusterIdentifier"): _db_cluster,
    ("rds", "DBClusterSnapshotIdentifier"): _db_cluster_snapshot,
    ("rds", "DBInstanceIdentifier"): _db_instance,
    ("rds", "DBSecurityGroupName"): _db_security_group,
    ("rds", "DBSnapshotIdentifier"): _db_snapshot,
    ("rds", "SourceDBInstanceIdentifier"): _db_instance,
    ("rds", "SourceDBSnapshotIdentifier"): _db_snapshot,
}
