"""
Fixtures of ``tests.support.databases``.

``postgres_url``, ``redis_url``: an empty database of servers that all tests share. ``own_postgres``, ``own_redis``: a
server of the test's own, to be stopped, paused, and started again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import databases
from tests.support.databases import Postgres, Redis

_EMPTY = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database();
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema' LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', name);
    END LOOP;
END $$;
CREATE SCHEMA public;
"""
"""A tenth of what a database for each test takes."""


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[Path]:
    """Make the files that each PostgreSQL server starts with a copy of."""
    if databases.postgres_programs() is None:
        databases.missing("PostgreSQL")
    with databases.folder() as folder:
        yield databases.initialized(folder)


@pytest.fixture(scope="session")
def shared_postgres(postgres_template: Path) -> Iterator[Postgres]:
    """Start the server whose databases tests get."""
    with databases.folder() as folder:
        server = Postgres(folder, postgres_template)
        server.start()
        yield server
        server.crash()


@pytest.fixture
def postgres_url(shared_postgres: Postgres) -> Iterator[str]:
    """Give the URL of a database that has nothing in it; what the test leaves in it goes, and who is connected."""
    yield shared_postgres.url()
    shared_postgres.sql(_EMPTY)


@pytest.fixture
def own_postgres(postgres_template: Path) -> Iterator[Postgres]:
    """Start a server for this test only."""
    with databases.folder() as folder:
        server = Postgres(folder, postgres_template)
        server.start()
        yield server
        server.crash()


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[Redis]:
    """Start the server that tests share, one after the other."""
    with _redis() as server:
        yield server


@pytest.fixture
def redis_url(shared_redis: Redis) -> str:
    """Give the URL of a Redis that has nothing in it."""
    shared_redis.empty()
    return shared_redis.url()


@pytest.fixture
def own_redis() -> Iterator[Redis]:
    """Start a server for this test only."""
    with _redis() as server:
        yield server


@contextmanager
def _redis() -> Iterator[Redis]:
    if databases.redis_program() is None:
        databases.missing("Redis")
    with databases.folder() as folder:
        server = Redis(folder)
        server.start()
        yield server
        server.kill()
