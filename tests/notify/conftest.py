"""An application whose log can be read, and two servers that receive."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from aws_lambda_powertools import Logger

from tests.notify.receiver import Receiver, receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.wiring import Application
    from tests.support.world import World


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def app(world: World, log: io.StringIO) -> Application:
    application = world.application()
    application.logger = Logger(service=f"test-{id(log)}", stream=log, level="DEBUG")
    return application


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as one:
        yield one


@pytest.fixture
def elsewhere() -> Iterator[Receiver]:
    with receiver() as one:
        yield one
