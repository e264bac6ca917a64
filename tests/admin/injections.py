"""Texts that would be statements, if a text could be one; five hundred and more (K21)."""

_ENDS = ("'", '"', "`", "')", "'))", '")', "';", "\\'", "$$", "]")

_STATEMENTS = (
    "OR 1=1",
    "OR '1'='1",
    'OR "a"="a',
    "AND 1=0 UNION SELECT 1,2,3,4,5,6,7",
    "UNION SELECT id, digest, old_digest, old_until, revoked_at, revision, data FROM keys",
    "UNION ALL SELECT secret FROM tokens",
    "UNION SELECT sql FROM sqlite_master",
    "UNION SELECT usename FROM pg_user",
    "; DROP TABLE keys",
    "; DELETE FROM calls",
    "; UPDATE keys SET revoked_at = 0, data = '{}'",
    "; INSERT INTO tokens VALUES ('x', 'y')",
    "; ALTER TABLE calls ADD COLUMN x",
    "; CREATE TABLE x (y INTEGER)",
    "; VACUUM",
    "; PRAGMA writable_schema = 1",
    "; ATTACH DATABASE '/tmp/x.db' AS x",
    "; SELECT load_extension('x')",
    "; COPY keys TO PROGRAM 'id'",
    "; SELECT pg_sleep(5)",
    "|| (SELECT digest FROM keys LIMIT 1)",
    "|| randomblob(100000000)",
    "AND (SELECT 1 FROM (SELECT pg_sleep(5)) AS x) = 1",
    "HAVING 1=1",
    "GROUP BY 1,2,3",
    "ORDER BY 99",
    "LIMIT 1 OFFSET 1",
    "RETURNING *",
)

_COMMENTS = ("", "--", " --", "/*")

_OTHERS = (
    *(
        "%",
        "_",
        "%%",
        "*",
        "?",
        "??",
        ":name",
        "@name",
        "$1",
        "{}",
        "%s",
        "%(x)s",
        "\\",
        "\\\\",
        "\\x27",
        "%27",
        "&#39;",
    ),
    *(
        "NULL",
        "null",
        "None",
        "0",
        "-1",
        "1e309",
        "0x27",
        "CHAR(39)",
        "x' OR x.x",
        "ʼ OR 1=1",
        "＇ OR 1=1",
        "' OR 1=1#",
    ),
    *(
        "'||'",
        "'+'",
        "'-'",
        "' '",
        "''",
        "''''",
        '""',
        "'/**/OR/**/1=1",
        "1;SELECT 1",
        "(SELECT 1)",
        "CASE WHEN 1 THEN 1",
    ),
)

INJECTIONS = tuple(
    dict.fromkeys(
        [
            *(f"{end} {statement}{comment}" for statement in _STATEMENTS for end in _ENDS for comment in _COMMENTS[:2]),
            *(f"x{statement}{comment}" for statement in _STATEMENTS for comment in _COMMENTS),
            *_OTHERS,
        ]
    )
)
