"""What moto lacks of EFS: the end of a policy, and that a file system may not be there.

https://docs.aws.amazon.com/efs/latest/ug/API_DeleteFileSystemPolicy.html
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def added() -> Iterator[None]:
    """While it lasts, moto answers so."""
    from moto.efs.models import EFSBackend
    from moto.efs.responses import EFSResponse

    with ExitStack() as stack:
        for name in ("describe_file_system_policy", "put_file_system_policy"):
            stack.enter_context(patch.object(EFSBackend, name, _of_one_there(getattr(EFSBackend, name))))
        stack.enter_context(patch.object(EFSResponse, "delete_file_system_policy", _delete, create=True))
        yield


def _of_one_there(real: Callable[..., Any]) -> Callable[..., Any]:
    def answer(self: Any, file_system_id: str, **given: Any) -> Any:
        self.describe_file_systems(file_system_id=file_system_id)
        return real(self, file_system_id, **given)

    return answer


def _delete(self: Any) -> tuple[str, dict[str, str]]:
    self.efs_backend.put_file_system_policy(
        file_system_id=self._get_param("FileSystemId"), policy=None, bypass_policy_lockout_safety_check=False
    )
    return "", {"Content-Type": "application/json"}
