"""
The fault catalogue: what is done to the gateway, and what must come out. Data only; the tests name the cases.

U: what a provider's side does. C: what clients do. P: what happens to the process, the disk, the store and the clock. B:
what limits and budgets must withstand. A: what strangers try. K: what who has a key tries. Numbers are kept for good. The tests are where what they test is: any test in
tests/ that is marked with a case is one of it. ``python -m tests.faults`` runs all of them.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """
    One fault.

    Args:
        injected: What is done.
        expected: What must come out.
    """

    injected: str
    expected: str


_U = {
    "U01": ("nobody listens at the provider's port", "502 upstream_unreachable, within a second"),
    "U02": ("the provider's accept queue is full: a connection hangs", "504 upstream_connect_timeout, on the clock"),
    "U03": ("no route to the provider", "502 upstream_unreachable, at once"),
    "U04": ("connection reset right after it was accepted", "502 upstream_disconnected"),
    "U05": ("request read, then reset", "502 upstream_disconnected, not sent again"),
    "U06": ("request read, then closed", "502 upstream_disconnected, not sent again"),
    "U07": ("request read, no answer", "504 upstream_first_byte_timeout, connection let go"),
    "U08": ("stream falls silent", "error event upstream_idle_timeout, no [DONE]"),
    "U09": (
        "a byte now and then, inside one event, for ever",
        "error event upstream_total_timeout; no part of it is seen",
    ),
    "U10": ("silence in the middle of the head", "504 upstream_first_byte_timeout"),
    "U11": ("an answer that is not HTTP", "502 upstream_bad_response, none of it quoted"),
    "U12": ("chunked body with a broken size", "502, or after the first byte an error event"),
    "U13": ("chunked body without its end", "error event upstream_truncated"),
    "U14": ("half of a declared body, not streamed", "502 upstream_truncated"),
    "U15": ("close-delimited stream, cut off", "error event upstream_truncated"),
    "U16": ("stream finished, no [DONE]", "a good end, with a [DONE]"),
    "U17": ("more after [DONE], up to without end", "one [DONE]; the connection is not kept"),
    "U18": ("[DONE] twice, or with blanks around it", "one [DONE]"),
    "U19": ("events end in CRLF", "the same answer"),
    "U20": ("events end in CR", "the same answer"),
    "U21": ("mixed line ends, cut into reads at any byte", "the same answer for every cut"),
    "U22": ("byte order mark at the start, or inside", "dropped at the start, kept inside text"),
    "U23": ("comments, thousands of them", "never passed on; the stream is whole"),
    "U24": ("JSON over several data lines", "one event on one line"),
    "U25": ("id, retry and event fields", "dropped"),
    "U26": ("events without data", "dropped"),
    "U27": ("no blank after the colon, no colon, unknown fields, NUL", "read as the standard says"),
    "U28": ("last event without its blank line", "not an event: truncated; [DONE] counts"),
    "U29": ("bytes that are not UTF-8, inside a text", "replaced; what goes out is valid UTF-8"),
    "U30": ("characters cut at every byte, halves of surrogate pairs", "the same text"),
    "U31": ("one event's JSON cut short, good ones after it", "error event upstream_bad_response"),
    "U32": ("JSON of the wrong shape", "skipped or refused, never a crash or an allocation by index"),
    "U33": ("one event of many megabytes", "error event upstream_event_too_large; memory bounded"),
    "U34": ("a line without end", "error event upstream_event_too_large; memory bounded"),
    "U35": ("very many tiny events", "the loop stays free for others; a cap on their number"),
    "U36": ("comments for ever, no data", "504 upstream_first_byte_timeout"),
    "U37": ("an error object in mid-stream", "error event with its code, its text made safe"),
    "U38": ("an error object as first event", "its own HTTP status; the next target may be tried"),
    "U39": ("a web page with status 200", "502 upstream_bad_content_type, none of it quoted"),
    "U40": ("a whole answer where a stream was asked for", "a stream of it"),
    "U41": ("a stream where a whole answer was asked for", "collected, up to a cap"),
    "U42": ("429 with Retry-After", "tried elsewhere, or 429 with Retry-After"),
    "U43": ("Retry-After as a date", "seconds, never negative"),
    "U44": ("Retry-After that makes no sense", "left out or capped"),
    "U45": ("401 or 403, quoting the key", "502 upstream_auth_error, no part of the key anywhere"),
    "U46": ("400, 404 or 422", "the same status, its text made safe"),
    "U47": ("500, 502, 503, 529 with any body", "502 or 503, after the retries that are allowed"),
    "U48": ("statuses that are no answer: 1xx, 204, 205, 304, 999", "1xx ignored, others 502"),
    "U49": ("200 with an empty body", "502 upstream_bad_response"),
    "U50": ("event stream under a wrong or no content type", "taken if it reads as one, else 502"),
    "U51": ("compressed stream, flushed for each event", "each event goes on at once"),
    "U52": ("compressed stream without flushes", "late; the clocks apply"),
    "U53": ("broken, cut, doubled compression", "502 or error event; work bounded"),
    "U54": ("compression bomb", "a cap on what comes out of it; memory bounded"),
    "U55": ("unknown content encoding", "502 upstream_bad_response"),
    "U56": ("very many, very long, endless headers", "502 or 504; memory bounded"),
    "U57": ("control characters, folds, two lengths in the head", "502 or made normal; nothing forwarded as it stands"),
    "U58": ("slow DNS", "504 on the connect clock; other providers untouched"),
    "U59": (
        "DNS: no such name, failure, a dead first address",
        "502 within the connect clock, or the address that works",
    ),
    "U60": ("DNS turns to an internal address", "not connected to; 502; a warning in the log"),
    "U61": (
        "TLS: wrong name, expired, self-signed, not TLS, stalls",
        "502 upstream_tls_error or 504; never plain text",
    ),
    "U62": ("closes after each answer without saying so", "no client sees it"),
    "U63": ("closes an idle connection as it is used again", "one retry on a new connection, no error"),
    "U64": ("bytes after a complete answer", "the connection is dropped; no later call sees them"),
    "U65": ("413 while the request is still being sent", "the provider's error, not a broken pipe"),
    "U66": ("redirects, to anywhere", "502 upstream_redirect; nothing is sent there"),
    "U67": ("goes on sending after the client left", "connection cut at once, nothing left over"),
    "U68": ("id, model, role and index change in mid-stream", "one id, model and role; the stream is whole"),
    "U69": ("usage absent, twice, negative, absurd", "the last valid one, or none; never summed"),
    "U70": ("tool calls with absurd indexes, in absurd numbers", "no allocation by index; caps"),
    "U71": ("hangs after [DONE]", "the client is done at once; the connection is dropped"),
    "U72": ("HTTP/1.0, odd headers", "works, or 502"),
    "U73": ("every target is down", "503 upstream_circuit_open at once, with Retry-After"),
    "U74": ("half of all requests fail, for a while", "retries stay within the budget; recovery by itself"),
    "U75": ("one provider becomes fifty times slower", "calls to the others are as fast as before"),
}

_C = {
    "C01": ("reads a fast stream very slowly", "the provider is slowed down; memory and kernel buffers bounded"),
    "C02": ("never reads its answer", "cut off when the write clock runs out; the provider is let go"),
    "C03": ("a thousand idle streams (9,500 in the soak)", "each kept alive on time; little memory each"),
    "C04": ("leaves before the first byte of a stream", "the provider is let go at once"),
    "C05": ("leaves in mid-stream (10,000 times in the soak)", "the provider is let go at once; nothing left over"),
    "C06": ("leaves while it waits for a whole answer", "the provider is let go at once"),
    "C07": ("leaves between the last text and [DONE]", "usage that came is kept, in one record"),
    "C08": ("says that it will send no more, right after its request", "taken for leaving"),
    "C09": ("200 requests at once on one connection", "answered one by one, in order"),
    "C10": ("100,000 requests on one connection, nothing read", "few are taken; reading stops; memory bounded"),
    "C11": ("declares a body over the limit", "413 at once, closed"),
    "C12": ("chunked body that crosses the limit", "413, closed, nothing sent on"),
    "C13": ("Content-Length that is no plain number", "400, closed"),
    "C14": ("both Content-Length and Transfer-Encoding, twice, misspelt", "400, closed; what follows is no request"),
    "C15": ("broken, endless, tiny, huge chunks", "400, 408 or 413; work bounded"),
    "C16": ("trailers: many, huge, forbidden", "400 or ignored; never headers"),
    "C17": ("too many, too long headers; too long an URL", "400 or 404, closed"),
    "C18": ("control characters in headers", "400 in JSON; no echo, no secret in the log"),
    "C19": ("two credentials, odd credentials", "400 for a conflict, else 401; every header alike"),
    "C20": ("connects and says nothing", "closed on the header clock"),
    "C21": ("500 that send their headers a line now and then", "each closed on the header clock; others served"),
    "C22": ("500 that send their body a byte now and then", "408 on the body clock"),
    "C23": ("body that stops half-way, on the first and on a later request", "408"),
    "C24": ("500 that read their answer very slowly", "cut off or served; others served"),
    "C25": ("JSON nested up to five million levels", "400 json_too_deep, quickly"),
    "C26": ("NaN, Infinity, 1e999", "400"),
    "C27": ("a field twice in one object", "400 duplicate_key"),
    "C28": ("odd text: half surrogates, NUL, bidi marks", "passed on unharmed"),
    "C29": ("odd numbers: 5,000 digits, true for 1, 1.5 for a whole number", "400"),
    "C30": ("UTF-16, UTF-32, invalid UTF-8, byte order mark", "400 invalid_encoding; one mark at the start is taken"),
    "C31": ("empty, null, a list, two documents, comments", "400"),
    "C32": ("other content types", "415 unsupported_media_type"),
    "C33": ("compressed bodies: bomb, cut, nested, unknown", "413, 400 or 415"),
    "C34": ("multipart in every odd form", "415: no endpoint takes it"),
    "C35": ("parameters out of range, or of the wrong type", "400 that names the parameter"),
    "C36": ("odd model names", "404 or 400, escaped in the log"),
    "C37": ("fields that would choose the destination or the key", "400 unknown_parameter; nothing is contacted"),
    "C38": ("pictures at internal addresses", "passed on as text, never fetched"),
    "C39": ("path tricks", "404 as for any unknown path"),
    "C40": ("odd methods", "405 or 400, no echo"),
    "C41": ("absolute form, two hosts, odd hosts", "400 or 421"),
    "C42": ("upgrade to WebSocket or HTTP/2, with a body", "ignored or refused; no second request is smuggled"),
    "C43": ("other protocols: HTTP/0.9, HTTP/2, TLS, SOCKS, SMTP", "400 or closed; nothing above debug in the log"),
    "C44": ("Expect: 100-continue with a wrong key; other expectations", "401 before the body; 417"),
    "C45": ("JSON whose shape is slow to read", "400; others are served meanwhile"),
    "C46": ("colliding keys; header names without end", "no slow-down, no growth"),
    "C47": ("Idempotency-Key: replay, race, other body, other key", "one call upstream; the saved answer, 409 or 422"),
    "C48": ("connections opened and closed, thousands of them", "nothing left open; nothing in the log"),
    "C49": ("goes on sending a refused body", "closed soon"),
    "C50": ("control characters in all that is logged", "one line for each call, escaped"),
    "C51": ("a key in the URL", "400; never in the log"),
    "C52": ("look-alikes of keys and models", "401 or 404"),
    "C53": ("1,000 clients leave at the same moment", "all let go at once; 1,000 records; the loop goes on"),
}

_P = {
    "P01": ("SIGTERM, idle", "ends with 0 within a second"),
    "P02": ("SIGTERM with many streams", "no new calls; streams finish, or end in a draining error; all recorded"),
    "P03": ("a second signal while it drains", "every call ends in an error event at once"),
    "P04": ("SIGTERM while it starts or reloads", "a clean end"),
    "P05": ("1,000 SIGHUPs", "one effective reload, nothing left over"),
    "P06": ("kill -9 in the middle of many calls, again and again", "no whole answer without its row; none twice"),
    "P07": ("kill -9 at each step of writing a call down", "its row once, or no whole answer"),
    "P08": ("loss of power: SQLite's log ends anywhere", "the file opens; what was said to be kept before is there"),
    "P09": ("the process stands still for a while", "calls end well; no storm of timeouts"),
    "P10": ("one of several workers is killed", "the others go on; a new one within a second"),
    "P11": ("the event loop is blocked", "the stack in the log; the worker is replaced"),
    "P12": ("the ledger's disk is full", "new calls get 503; running ones end well; written when there is room"),
    "P13": ("the ledger's disk fails now and then", "calls go on; each row is written, once"),
    "P14": ("log sinks: full, closed, blocked", "lines are dropped and counted; calls go on"),
    "P15": ("another process holds the ledger's lock", "calls go on; each row is written when it lets go"),
    "P16": ("a reader of SQLite that does not end", "its log grows, which is told; then it shrinks"),
    "P17": (
        "the store's file: damaged, newer, another program's; gone or replaced while it is used",
        "it does not start, says why, leaves the file alone; 503 while it is gone, nothing made up",
    ),
    "P18": ("two gateways on one file", "the second does not start, and says why"),
    "P19": ("backup while calls are written", "a copy of one moment, which works in the file's place"),
    "P20": ("reload of a broken file", "the old configuration stays; the log names the place"),
    "P21": ("reload that takes a model or key away", "running calls finish; new ones get 404 or 401"),
    "P22": ("reloads under load", "no call fails; no growth"),
    "P23": (
        "PostgreSQL absent, crashed, hanging, read-only, full; no connection left, connections ended, password changed",
        "an error within 2 s; within 5 s of its return calls are kept, once",
    ),
    "P24": (
        "what stores, limits, shelves, providers are asked is cancelled at random",
        "no answer goes to anybody else",
    ),
    "P25": ("a transaction loses to another: 40001, 40P01", "done again, up to three times, counted once"),
    "P26": (
        "Redis, or where limits are: away, slow, empty, full, read-only, talking rubbish; connections and scripts gone",
        "503 for budgets within 2 s, this worker's part of rates; what was spent comes from the ledger, never from 0",
    ),
    "P27": ("more calls than places; no port, no thread left", "503 overloaded at once"),
    "P28": ("no descriptors left", "no crash, no busy loop; it recovers"),
    "P29": ("memory limit", "new calls are refused; the process lives"),
    "P30": ("the clock jumps", "timeouts are untouched"),
    "P31": ("the log, the only sink there is yet: dead, slow, failing now and then", "calls are untouched"),
    "P32": ("the name server is down for minutes", "known names go on working; recovery within 5 s"),
    "P33": ("start: port taken, key missing, file not readable, Python too old", "one line, an exit status, no secret"),
    "P34": ("two versions share the tables", "both work, also the older one afterwards"),
    "P36": ("an option of the HTTP server is misspelt", "it does not start"),
    "P38": ("the supervisor is killed", "the workers end"),
}

_B = {
    "B01": ("1,000 calls at once, a budget for 5; one process or four", "5 reach the provider, 995 times 429"),
    "B02": ("the same with streams, whose usage comes last", "the same: the most that each can cost is held"),
    "B03": ("calls that take less than was held for them", "the rest is free within a second"),
    "B04": ("a call that takes more than was held for it", "all of it is counted; the next one is refused"),
    "B05": ("calls that are left at any moment", "nothing stays held; spent is the sum of the rows"),
    "B06": ("kill -9 while calls hold parts of a budget", "free when their lease ends; nothing is lost for good"),
    "B07": ("prices: missing, 0, new in the middle of a call", "marked or refused; a call costs what it began with"),
    "B08": ("limits of key, team, model and gateway, one of which is reached", "what one refuses none has counted"),
    "B09": ("calls at the edges of windows; the clock is set back", "each counts once in one window"),
    "B10": ("ten times a rate, over several workers", "as many in each minute as may be"),
    "B11": ("tokens that were estimated wrongly", "made up for: in the long run within 1 %"),
    "B12": ("calls at once: left, refused, reset, timed out, killed", "each place is free again, and only then"),
    "B13": ("a budget that is used up in mid-stream", "the stream goes on to its end; the next call is refused"),
    "B14": ("a key that is revoked in mid-stream", "error event key_disabled within 5 s, in every worker"),
    "B15": ("every endpoint, alias, fallback, replay", "one meter: charged once, for what served it"),
    "B16": ("sums above 2**53, prices of six digits, counts that cannot be", "exact to the micro-dollar, everywhere"),
    "B17": ("a counter that differs from the ledger", "put right, and the log says so"),
    "B18": ("retries and fallbacks", "each attempt is in the row; the key is charged once"),
}

_A = {
    "A01": (
        "any bytes at all, hostile ones by rule and by chance (a million with tests.fuzz http)",
        "4xx or closed, as a strict reader has it; no 5xx, no traceback, the same process to the end",
    ),
    "A02": (
        "each endpoint of the route table, with no key or a wrong one, its body still to come",
        "401, the body not read; open are pages, probes and the admin API's description",
    ),
    "A03": (
        "guesses that share any part of a right key, an older one or a cookie",
        "the same instructions for each (so no time is asserted), and digests compared in constant time",
    ),
    "A04": (
        "refusals: unknown, revoked, expired, disabled keys; unknown and very long paths",
        "the same bytes for each; no echo, no hint",
    ),
    "A05": (
        "600 connections without a key; no descriptors left, no memory left",
        "100 KiB of memory for each at most; what is too much gets 503 or waits; the process lives",
    ),
    "A06": (
        "requests that are small to send and large to read",
        "at most 100 times their bytes of memory; work that grows as their size does",
    ),
    "A07": ("slow heads, slow bodies, idle connections, 500 at a time", "closed on their clocks; others are served"),
    "A08": (
        "smuggling: lengths, codings, upgrades, pipelines; straight, and behind nginx",
        "as many answers as h11 reads requests, or closed; what is smuggled in is never answered",
    ),
    "A09": (
        "Host, Forwarded, X-Forwarded-*, X-Real-IP, X-Original-URL and the like, absolute forms",
        "no change of who asks, where it goes, what is logged or which URL is given",
    ),
    "A10": (
        "wrong keys without end, from one address or from very many",
        "20 a minute told, then 429; a bounded table; a right key is always let in",
    ),
    "A11": (
        "TLS of any version to the port, which speaks plain HTTP: the gateway ends no TLS",
        "no handshake, closed; no option turns TLS on",
    ),
    "A12": ("metrics, docs, debug, admin pages, on each address that it listens on", "404, or 401 without a key"),
    "A13": ("listening beyond the loopback without a key", "does not start: status 78, one line that names the fix"),
}

_K = {
    "K01": (
        "fields that would choose destination, credential, proxy or file",
        "400 unknown_parameter, or of no effect; nothing is contacted",
    ),
    "K02": ("names of models with ../, %2f, line ends, ?, #, a megabyte", "404 or 400; never part of an URL"),
    "K03": ("addresses of pictures, at internal hosts too", "never fetched; passed on as text"),
    "K04": ("headers of the client's: cookies, keys, X-Forwarded-*, organization", "none of them goes to a provider"),
    "K05": ("numbers out of range, lists and objects without end", "400 that names the parameter"),
    "K06": (
        "another's keys, calls, sums, kept answers; there are no files, batches or conversations",
        "404, or as if they were not",
    ),
    "K07": (
        "kept answers of other tenants, endpoints, bodies (Idempotency-Key; there is no other cache)",
        "never shared",
    ),
    "K08": (
        "a budget against crowds, cancels, retries, replays, aliases, fallbacks, other endpoints",
        "never exceeded but by what one call takes more than was held",
    ),
    "K09": ("usage that cannot be: negative, 1e18, texts", "estimated, marked, never a credit"),
    "K10": ("each role, each endpoint, each field, in odd spellings too", "nobody raises its own rights"),
    "K11": ("keys made by keys, with more than these have", "403 exceeds_own_rights; never more than its maker has"),
    "K12": ("a key that is revoked", "refused by each worker, and its streams ended, within 5 s"),
    "K13": ("what is kept of a key, shown as one", "401; the secret was shown once and is nowhere"),
    "K14": ("lists and ids of others", "own objects only; ids of 128 bits of chance"),
    "K15": (
        "keys whose digests are nearly alike, wrong keys without end, a key made after it was tried",
        "the whole digest counts; nothing is kept of a wrong key, so a new one works at once",
    ),
    "K16": (
        "a long text in each field that can hold one, on each endpoint",
        "limits count it, wherever it stands",
    ),
    "K17": ("an endpoint of somebody else in the application", "needs a key without a word about it"),
    "K18": (
        "prompts and answers, kept or not; control characters",
        "nowhere, unless kept for this key, and then cut to size; one plain line in the log",
    ),
    "K19": ("long and many values of user, metadata, models", "400; sums by model stay few"),
    "K20": (
        "all kinds of requests, with an ear at the interpreter's own events",
        "no process, no import, no compile or exec, no pickle",
    ),
    "K21": (
        "500 and more SQL injections in each text field, in URLs and as keys",
        "kept as texts; nothing else changes",
    ),
    "K22": ("a key with ten times as many calls as it may run", "429 for it; another's are served as ever"),
}

CASES = {name: Case(*texts) for part in (_U, _C, _P, _B, _A, _K) for name, texts in part.items()}
"""Every case, by id, in order."""
