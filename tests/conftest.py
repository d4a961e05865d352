"""What tests of every layer may ask for."""

from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import expect

from broadcaster.core import Core
from broadcaster.database import Database
from tests.broadcaster import town
from tests.broadcaster.databases import database, postgres_kept, sqlite_database, sqlite_kept
from tests.clocks import FixedClock
from tests.unit import kept_apart

__all__ = ["database", "postgres_kept", "sqlite_database", "sqlite_kept"]

expect.set_options(timeout=20_000)
"""Several browsers, brokers and a fleet may share two cores."""
settings.register_profile("loa", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("loa")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """A unit test stays one."""
    if item.get_closest_marker("unit") is None or item.get_closest_marker("whole"):
        return (yield)
    with kept_apart(item.nodeid):
        return (yield)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def filled(database: Database, clock: FixedClock) -> Database:
    """Each database in turn, with the town in it."""
    with database.write() as session:
        town.fill(session, clock)
    return database


@pytest.fixture
def core(sqlite_database: Database, clock: FixedClock) -> Core:
    """A station's shared parts over SQLite, with the town in it."""
    with sqlite_database.write() as session:
        town.fill(session, clock)
    return town.core(sqlite_database, clock)
