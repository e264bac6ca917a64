"""
The tables, as steps from nothing to what this version needs.

``usage_daily`` has the sums of calls by day, key, team, model and provider, ``usage_models`` the same without the key:
keys are what there can be thousands of.

A step only adds: a table, an index, a column that has a default. So the version before it works on, beside the new one
(which names every column that it writes). ``OLDEST`` is what would say otherwise.
"""

from collections.abc import Sequence

OLDEST = 1
"""The least schema number whose version may still use what these steps make."""

Step = Sequence[str]

SQLITE: Sequence[Step] = (
    (
        """CREATE TABLE meta (name TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID""",
        """CREATE TABLE tokens (name TEXT PRIMARY KEY, secret TEXT NOT NULL) WITHOUT ROWID""",
        """CREATE TABLE keys (
            id TEXT PRIMARY KEY, digest TEXT NOT NULL UNIQUE, old_digest TEXT NOT NULL, old_until INTEGER NOT NULL,
            revoked_at INTEGER NOT NULL, revision INTEGER NOT NULL UNIQUE, data TEXT NOT NULL) WITHOUT ROWID""",
        """CREATE TABLE calls (
            seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, key_id TEXT NOT NULL,
            team TEXT NOT NULL, api TEXT NOT NULL, model TEXT NOT NULL, provider TEXT NOT NULL, target TEXT NOT NULL,
            stream INTEGER NOT NULL, status TEXT NOT NULL, code TEXT NOT NULL, input_tokens INTEGER NOT NULL,
            output_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL, cache_write_tokens INTEGER NOT NULL,
            reasoning_tokens INTEGER NOT NULL, counted TEXT NOT NULL, cost INTEGER NOT NULL, priced INTEGER NOT NULL,
            attempts TEXT NOT NULL, first_byte_us INTEGER NOT NULL, duration_us INTEGER NOT NULL,
            bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL, chunks INTEGER NOT NULL,
            finish_reason TEXT NOT NULL, timing TEXT NOT NULL)""",
        """CREATE INDEX calls_at ON calls (at, seq)""",
        """CREATE INDEX calls_key ON calls (key_id, at, seq)""",
        """CREATE TABLE bodies (call_id TEXT PRIMARY KEY, prompt TEXT NOT NULL, answer TEXT NOT NULL)""",
        """CREATE TABLE usage_daily (
            day INTEGER NOT NULL, key_id TEXT NOT NULL, team TEXT NOT NULL, model TEXT NOT NULL, provider TEXT NOT NULL,
            calls INTEGER NOT NULL, failed INTEGER NOT NULL, input_tokens INTEGER NOT NULL,
            output_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL, cache_write_tokens INTEGER NOT NULL,
            reasoning_tokens INTEGER NOT NULL, cost INTEGER NOT NULL, estimated INTEGER NOT NULL,
            unpriced INTEGER NOT NULL, PRIMARY KEY (day, key_id, team, model, provider)) WITHOUT ROWID""",
        """CREATE INDEX usage_daily_key ON usage_daily (key_id, day)""",
        """CREATE TABLE usage_models (
            day INTEGER NOT NULL, team TEXT NOT NULL, model TEXT NOT NULL, provider TEXT NOT NULL,
            calls INTEGER NOT NULL, failed INTEGER NOT NULL, input_tokens INTEGER NOT NULL,
            output_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL, cache_write_tokens INTEGER NOT NULL,
            reasoning_tokens INTEGER NOT NULL, cost INTEGER NOT NULL, estimated INTEGER NOT NULL,
            unpriced INTEGER NOT NULL, PRIMARY KEY (day, team, model, provider)) WITHOUT ROWID""",
    ),
)

POSTGRES: Sequence[Step] = (
    (
        """CREATE TABLE tokens (name text PRIMARY KEY, secret text NOT NULL)""",
        """CREATE SEQUENCE revisions""",
        """CREATE TABLE keys (
            id text PRIMARY KEY, digest text NOT NULL UNIQUE, old_digest text NOT NULL, old_until bigint NOT NULL,
            revoked_at bigint NOT NULL, revision bigint NOT NULL UNIQUE, data text NOT NULL)""",
        """CREATE TABLE calls (
            seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text COLLATE "C" NOT NULL UNIQUE,
            at bigint NOT NULL, key_id text NOT NULL, team text NOT NULL, api text NOT NULL, model text NOT NULL,
            provider text NOT NULL, target text NOT NULL, stream bigint NOT NULL, status text NOT NULL,
            code text NOT NULL, input_tokens bigint NOT NULL, output_tokens bigint NOT NULL,
            cached_tokens bigint NOT NULL, cache_write_tokens bigint NOT NULL, reasoning_tokens bigint NOT NULL,
            counted text NOT NULL, cost bigint NOT NULL, priced bigint NOT NULL, attempts text NOT NULL,
            first_byte_us bigint NOT NULL, duration_us bigint NOT NULL, bytes_in bigint NOT NULL,
            bytes_out bigint NOT NULL, chunks bigint NOT NULL, finish_reason text NOT NULL, timing text NOT NULL)""",
        """CREATE INDEX calls_at ON calls (at, seq)""",
        """CREATE INDEX calls_key ON calls (key_id, at, seq)""",
        """CREATE TABLE bodies (call_id text PRIMARY KEY, prompt text NOT NULL, answer text NOT NULL)""",
        """CREATE TABLE usage_daily (
            day bigint NOT NULL, key_id text COLLATE "C" NOT NULL, team text COLLATE "C" NOT NULL,
            model text COLLATE "C" NOT NULL, provider text COLLATE "C" NOT NULL, calls bigint NOT NULL,
            failed bigint NOT NULL, input_tokens bigint NOT NULL, output_tokens bigint NOT NULL,
            cached_tokens bigint NOT NULL, cache_write_tokens bigint NOT NULL, reasoning_tokens bigint NOT NULL,
            cost bigint NOT NULL, estimated bigint NOT NULL, unpriced bigint NOT NULL,
            PRIMARY KEY (day, key_id, team, model, provider))""",
        """CREATE INDEX usage_daily_key ON usage_daily (key_id, day)""",
        """CREATE TABLE usage_models (
            day bigint NOT NULL, team text COLLATE "C" NOT NULL, model text COLLATE "C" NOT NULL,
            provider text COLLATE "C" NOT NULL, calls bigint NOT NULL, failed bigint NOT NULL,
            input_tokens bigint NOT NULL, output_tokens bigint NOT NULL, cached_tokens bigint NOT NULL,
            cache_write_tokens bigint NOT NULL, reasoning_tokens bigint NOT NULL, cost bigint NOT NULL,
            estimated bigint NOT NULL, unpriced bigint NOT NULL, PRIMARY KEY (day, team, model, provider))""",
    ),
)
