"""
States in a table of PostgreSQL.

The table is an unlogged one: a change waits for no disk, and after a crash, or on a standby, it is empty, so that what
was spent is looked up again. A swap is one statement, a call of a function, which goes through the states in the order
of their names; so two of them cannot wait for each other.
"""

from collections.abc import Sequence

from llms.databases import LostError
from llms.databases.postgres import Connection, Postgres, made
from llms.limits.states import Change, Loaded, following

_TABLE = """
CREATE UNLOGGED TABLE IF NOT EXISTS llms.limits (
    subject text PRIMARY KEY, version bigint NOT NULL, state bytea NOT NULL, at timestamptz NOT NULL
) WITH (fillfactor = 50)
"""
_FUNCTION = """
CREATE OR REPLACE FUNCTION llms.limits_swap(
    subjects text[], versions bigint[], followers bigint[], states bytea[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. coalesce(array_length(subjects, 1), 0) LOOP
        IF versions[i] = 0 THEN
            INSERT INTO llms.limits VALUES (subjects[i], followers[i], states[i], now()) ON CONFLICT DO NOTHING;
        ELSE
            UPDATE llms.limits SET version = followers[i], state = states[i], at = now()
            WHERE subject = subjects[i] AND version = versions[i];
        END IF;
        IF NOT FOUND THEN
            RAISE serialization_failure;
        END IF;
    END LOOP;
END $$
"""
# A function that does something else needs another name: one that is there stays as it is.
_THERE = """CASE WHEN to_regclass('llms.limits') IS NOT NULL
    THEN to_regprocedure('llms.limits_swap(text[], bigint[], bigint[], bytea[])') END"""
_OLD = "DELETE FROM llms.limits WHERE at < now() - interval '1 day'"

# What it is called is another after a start of the server, which may have emptied the table, and for another table.
_LOAD = """
SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
    pg_postmaster_start_time()::text || ' ' || 'llms.limits'::regclass::oid, subject, version, state
FROM (SELECT 1) AS one LEFT JOIN llms.limits ON subject = ANY(?::text[])
"""
_SWAP = "SELECT llms.limits_swap(?, ?, ?, ?)"


class PostgresStates:
    """
    See ``llms.limits.states.States``.

    Args:
        url: ``postgresql://…``.
    """

    forgets = True

    def __init__(self, url: str) -> None:
        self._database = Postgres(url, _begin, tries=0, most=1)

    async def load(self, subjects: Sequence[str]) -> Loaded:
        rows = await self._database.fetch(_LOAD, subjects)
        kept = {subject: (version, state) for _, _, subject, version, state in rows if subject is not None}
        return Loaded(rows[0][0], rows[0][1], kept)

    async def swap(self, changes: Sequence[Change]) -> bool:
        subjects, versions, states = zip(*sorted(changes), strict=True)
        try:
            await self._database.fetch(_SWAP, subjects, versions, list(map(following, versions)), states)
        except LostError:
            return False
        return True

    async def close(self) -> None:
        await self._database.close()


async def _begin(connection: Connection) -> None:
    await made(connection, _THERE, _TABLE, _FUNCTION)
    await connection.execute(_OLD)
