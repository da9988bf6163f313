"""A session on botocore alone: importing boto3 takes 30 ms of a cold start, and reading whole service models 100 more."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, cast

from botocore.session import get_session

from chalicelib.aws.models import use_trimmed

if TYPE_CHECKING:
    from collections.abc import Callable

    import boto3
    from botocore.credentials import Credentials
    from botocore.session import Session


def open_source(missed: Callable[[str], object] = lambda _: None) -> boto3.Session:
    """With the credentials of the environment. `missed` hears which service models had to be read whole."""
    session = get_session()
    use_trimmed(session, missed)
    return cast("boto3.Session", Source(session))


def with_credentials(source: boto3.Session, credentials: Credentials, region: str) -> boto3.Session:
    """A session of these credentials and no others. It shares the source's models, and hooks of its clients to be."""
    session: Any = copy(source._session)  # noqa: SLF001 - boto3 has no public way to it
    session._credentials = credentials  # noqa: SLF001
    return cast("boto3.Session", Source(session, region))


class Source:
    """What Snapback uses of a boto3.Session."""

    def __init__(self, session: Session, region: str | None = None) -> None:
        self._session = session
        self.region_name = region or session.get_config_variable("region")
        self.events = session.get_component("event_emitter")

    def client(self, service: str, region_name: str | None = None, **options: Any) -> Any:
        return self._session.create_client(service, region_name=region_name or self.region_name, **options)

    def get_credentials(self) -> Credentials | None:
        return self._session.get_credentials()
