"""A store in memory."""

from llms.store import CallFilter, Page, UsageRow

EMPTY = CallFilter()


class Kept:
    """Satisfies ``llms.store.Store``, as far as the tests of the admin API go."""

    def __init__(self):
        self.keys = {}
        self.rows = []
        self.bodies = {}
        self.revision = 0
        self.tokens = {}

    async def keys_since(self, revision):
        return sorted((one for one in self.keys.values() if one.revision > revision), key=lambda one: one.revision)

    async def put_key(self, stored, expected_revision=None):
        before = self.keys.get(stored.key.id)
        if expected_revision is not None and expected_revision != (before.revision if before else 0):
            return None
        self.revision += 1
        self.keys[stored.key.id] = stored._replace(revision=self.revision)
        return self.keys[stored.key.id]

    async def write_calls(self, rows, bodies=()):
        self.rows += rows
        self.bodies.update({body.call_id: body for body in bodies})
        return len(rows)

    async def call(self, call_id):
        return next(((row, self.bodies.get(call_id)) for row in self.rows if row.id == call_id), None)

    def _fit(self, wanted):
        return [
            row
            for row in self.rows
            if (wanted.since is None or row.at >= wanted.since)
            and (wanted.until is None or row.at < wanted.until)
            and (not wanted.keys or row.key_id in wanted.keys)
            and all(
                getattr(wanted, name) in (None, getattr(row, name))
                for name in ("team", "model", "provider", "status", "code")
            )
            and wanted.failed in (None, row.status != "ok")
        ]

    async def calls(self, wanted, cursor=None, limit=100):
        found = sorted(self._fit(wanted), key=lambda row: row.id, reverse=True)
        found = [row for row in found if cursor is None or row.id < cursor]
        return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)

    async def calls_since(self, position, wanted, limit=100):
        if position < 0:
            return len(self.rows), []
        end = min(len(self.rows), position + limit)
        fit = self._fit(wanted)
        return end, [row for row in self.rows[position:end] if row in fit]

    async def export(self, wanted):
        for row in sorted(self._fit(wanted), key=lambda row: row.id):
            yield [row]

    async def usage(self, wanted, by):
        groups = {}
        names = {"day": "at", "key": "key_id"}
        for row in self._fit(wanted):
            group = tuple(str(getattr(row, names.get(name, name))) for name in by)
            groups.setdefault(group, []).append(row)
        return [
            UsageRow(
                group,
                len(rows),
                sum(row.status != "ok" for row in rows),
                sum(row.input_tokens for row in rows),
                sum(row.output_tokens for row in rows),
                0,
                0,
                0,
                sum(row.cost for row in rows),
                0,
                0,
            )
            for group, rows in groups.items()
        ]

    async def token(self, name, fresh):
        return self.tokens.setdefault(name, fresh)

    async def close(self):
        pass
