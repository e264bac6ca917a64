"""
The tables, as steps from nothing to what this version needs.

``usage_daily`` has the sums of calls by day, key, team, model and provider; ``usage_models`` the same without the key,
``usage_keys`` without model and provider. Where each of many keys calls many models, the first is too long to be summed
up for a page. ``usage_keys`` is kept by triggers, and so also by a version that does not know of it; what calls have
cost is in two halves there (``high`` times 2**32, and ``low``), which have room for any sum.

A step only adds: a table, an index, a trigger, a column that has a default. So the version before it works on, beside
the new one (which names every column that it writes). ``OLDEST`` is what would say otherwise. An index may go where the
version before is slower without it, and no more than that.
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
    (
        """CREATE TABLE usage_keys (
            day INTEGER NOT NULL, key_id TEXT NOT NULL, team TEXT NOT NULL,
            calls INTEGER NOT NULL, failed INTEGER NOT NULL, input_tokens INTEGER NOT NULL,
            output_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL, cache_write_tokens INTEGER NOT NULL,
            reasoning_tokens INTEGER NOT NULL, high INTEGER NOT NULL, low INTEGER NOT NULL, estimated INTEGER NOT NULL,
            unpriced INTEGER NOT NULL, PRIMARY KEY (day, key_id, team)) WITHOUT ROWID""",
        """INSERT INTO usage_keys (
                day, key_id, team, calls, failed, input_tokens, output_tokens, cached_tokens, cache_write_tokens,
                reasoning_tokens, high, low, estimated, unpriced)
            SELECT day, key_id, team, SUM(calls), SUM(failed), SUM(input_tokens), SUM(output_tokens),
                SUM(cached_tokens), SUM(cache_write_tokens), SUM(reasoning_tokens), SUM(cost >> 32),
                SUM(cost & 4294967295), SUM(estimated), SUM(unpriced)
            FROM usage_daily GROUP BY day, key_id, team""",
        """CREATE INDEX usage_keys_key ON usage_keys (key_id, day)""",
        """DROP INDEX usage_daily_key""",
        """CREATE TRIGGER usage_keys_new AFTER INSERT ON usage_daily BEGIN
            INSERT INTO usage_keys (
                day, key_id, team, calls, failed, input_tokens, output_tokens, cached_tokens, cache_write_tokens,
                reasoning_tokens, high, low, estimated, unpriced)
            VALUES (
                new.day, new.key_id, new.team, new.calls, new.failed, new.input_tokens, new.output_tokens,
                new.cached_tokens, new.cache_write_tokens, new.reasoning_tokens, new.cost >> 32,
                new.cost & 4294967295, new.estimated, new.unpriced)
            ON CONFLICT (day, key_id, team) DO UPDATE SET
                calls = calls + excluded.calls, failed = failed + excluded.failed,
                input_tokens = input_tokens + excluded.input_tokens,
                output_tokens = output_tokens + excluded.output_tokens,
                cached_tokens = cached_tokens + excluded.cached_tokens,
                cache_write_tokens = cache_write_tokens + excluded.cache_write_tokens,
                reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens, high = high + excluded.high,
                low = low + excluded.low,
                estimated = estimated + excluded.estimated, unpriced = unpriced + excluded.unpriced;
        END""",
        """CREATE TRIGGER usage_keys_more AFTER UPDATE ON usage_daily BEGIN
            UPDATE usage_keys SET
                calls = calls + new.calls - old.calls, failed = failed + new.failed - old.failed,
                input_tokens = input_tokens + new.input_tokens - old.input_tokens,
                output_tokens = output_tokens + new.output_tokens - old.output_tokens,
                cached_tokens = cached_tokens + new.cached_tokens - old.cached_tokens,
                cache_write_tokens = cache_write_tokens + new.cache_write_tokens - old.cache_write_tokens,
                reasoning_tokens = reasoning_tokens + new.reasoning_tokens - old.reasoning_tokens,
                high = high + (new.cost >> 32) - (old.cost >> 32),
                low = low + (new.cost & 4294967295) - (old.cost & 4294967295),
                estimated = estimated + new.estimated - old.estimated,
                unpriced = unpriced + new.unpriced - old.unpriced
            WHERE day = new.day AND key_id = new.key_id AND team = new.team;
        END""",
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
    (
        """CREATE TABLE usage_keys (
            day bigint NOT NULL, key_id text COLLATE "C" NOT NULL, team text COLLATE "C" NOT NULL,
            calls bigint NOT NULL, failed bigint NOT NULL, input_tokens bigint NOT NULL, output_tokens bigint NOT NULL,
            cached_tokens bigint NOT NULL, cache_write_tokens bigint NOT NULL, reasoning_tokens bigint NOT NULL,
            high bigint NOT NULL, low bigint NOT NULL, estimated bigint NOT NULL, unpriced bigint NOT NULL,
            PRIMARY KEY (day, key_id, team))""",
        """CREATE INDEX usage_keys_key ON usage_keys (key_id, day)""",
        """DROP INDEX usage_daily_key""",
        """CREATE FUNCTION usage_keys_add() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'INSERT' THEN
                INSERT INTO llms.usage_keys AS kept (
                    day, key_id, team, calls, failed, input_tokens, output_tokens, cached_tokens, cache_write_tokens,
                    reasoning_tokens, high, low, estimated, unpriced)
                SELECT day, key_id, team, SUM(calls), SUM(failed), SUM(input_tokens), SUM(output_tokens),
                    SUM(cached_tokens), SUM(cache_write_tokens), SUM(reasoning_tokens), SUM(cost >> 32),
                    SUM(cost & 4294967295), SUM(estimated), SUM(unpriced)
                FROM after GROUP BY day, key_id, team
                ON CONFLICT (day, key_id, team) DO UPDATE SET
                    calls = kept.calls + EXCLUDED.calls, failed = kept.failed + EXCLUDED.failed,
                    input_tokens = kept.input_tokens + EXCLUDED.input_tokens,
                    output_tokens = kept.output_tokens + EXCLUDED.output_tokens,
                    cached_tokens = kept.cached_tokens + EXCLUDED.cached_tokens,
                    cache_write_tokens = kept.cache_write_tokens + EXCLUDED.cache_write_tokens,
                    reasoning_tokens = kept.reasoning_tokens + EXCLUDED.reasoning_tokens,
                    high = kept.high + EXCLUDED.high, low = kept.low + EXCLUDED.low,
                    estimated = kept.estimated + EXCLUDED.estimated, unpriced = kept.unpriced + EXCLUDED.unpriced;
            ELSE
                UPDATE llms.usage_keys AS kept SET
                    calls = kept.calls + more.calls, failed = kept.failed + more.failed,
                    input_tokens = kept.input_tokens + more.input_tokens,
                    output_tokens = kept.output_tokens + more.output_tokens,
                    cached_tokens = kept.cached_tokens + more.cached_tokens,
                    cache_write_tokens = kept.cache_write_tokens + more.cache_write_tokens,
                    reasoning_tokens = kept.reasoning_tokens + more.reasoning_tokens,
                    high = kept.high + more.high, low = kept.low + more.low,
                    estimated = kept.estimated + more.estimated, unpriced = kept.unpriced + more.unpriced
                FROM (
                    SELECT day, key_id, team, SUM(way * calls) AS calls, SUM(way * failed) AS failed,
                        SUM(way * input_tokens) AS input_tokens, SUM(way * output_tokens) AS output_tokens,
                        SUM(way * cached_tokens) AS cached_tokens, SUM(way * cache_write_tokens) AS cache_write_tokens,
                        SUM(way * reasoning_tokens) AS reasoning_tokens, SUM(way * (cost >> 32)) AS high,
                        SUM(way * (cost & 4294967295)) AS low,
                        SUM(way * estimated) AS estimated, SUM(way * unpriced) AS unpriced
                    FROM (SELECT *, 1 AS way FROM after UNION ALL SELECT *, -1 FROM before) AS changed
                    GROUP BY day, key_id, team) AS more
                WHERE kept.day = more.day AND kept.key_id = more.key_id AND kept.team = more.team;
            END IF;
            RETURN NULL;
        END $$""",
        # Whoever writes waits from here on until all is there.
        """CREATE TRIGGER usage_keys_new AFTER INSERT ON usage_daily REFERENCING NEW TABLE AS after
            FOR EACH STATEMENT EXECUTE FUNCTION usage_keys_add()""",
        """CREATE TRIGGER usage_keys_more AFTER UPDATE ON usage_daily REFERENCING OLD TABLE AS before NEW TABLE AS after
            FOR EACH STATEMENT EXECUTE FUNCTION usage_keys_add()""",
        """INSERT INTO usage_keys (
                day, key_id, team, calls, failed, input_tokens, output_tokens, cached_tokens, cache_write_tokens,
                reasoning_tokens, high, low, estimated, unpriced)
            SELECT day, key_id, team, SUM(calls), SUM(failed), SUM(input_tokens), SUM(output_tokens),
                SUM(cached_tokens), SUM(cache_write_tokens), SUM(reasoning_tokens), SUM(cost >> 32),
                SUM(cost & 4294967295), SUM(estimated), SUM(unpriced)
            FROM usage_daily GROUP BY day, key_id, team""",
    ),
)
