/* The load of the benchmark: a bounded HTTP/1.1 and SSE client, one epoll thread. Prints one JSON object.
 *
 *   load PORT MODEL STEER STREAM CONNECTIONS REQUESTS SECONDS WARM [PAD [HEADER...]]
 *
 * Each connection has one request in flight. No request is started after REQUESTS or SECONDS, whichever comes first; the
 * first WARM ones are not counted in latencies and rates. STEER goes into the user message, for upstream.c to find, and
 * PAD bytes of text after it. Each HEADER is a line of the request's head, as "Name: value".
 *
 * ok, err, unfinished   requests; chunks: deltas of all of them
 * calls_s, chunks_s     rates after the warm-up
 * latency_us            first byte sent to last byte received
 * ttft_us               first byte sent to first delta
 * transit_us            a delta's arrival minus the upstream's stamp in it
 * jitter_us             how far the gap between two deltas is from the gap between their stamps
 * cpu_s                 of this process
 *
 * A time of which there is no sample is null.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEAD_BYTES 4096
#define CARRY_BYTES 32
#define STAMP_DIGITS 19
#define OPENED_PER_MS 10 /* all at once would overflow a server's backlog, and SYNs are retried after a second */
#define GRACE_NS 10000000000LL

typedef struct {
    size_t count, room;
    int64_t *values;
} samples;

enum part { HEAD, SIZE, DATA, DATA_END, TRAILER, COMPLETE };

typedef struct {
    int fd, busy, counted, status, closing, chunked, seen_done, seen_delta, connected;
    enum part part;
    int64_t started, last_sent, last_at;
    size_t pushed, head_len, need, line_len, carry_len;
    char head[HEAD_BYTES], line[20], carry[CARRY_BYTES];
} conn;

static samples latency, ttft, transit, jitter;
static conn *conns;
static int poller, port, streamed, connections;
static char *request, trouble[128];
static size_t request_len;
static uint64_t begun, ok, failed, chunks, counted_calls, counted_chunks, most, warm;
static int64_t counting_since, last_end;

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void note(samples *s, int64_t value) {
    if (s->count == s->room) s->values = realloc(s->values, (s->room = s->room ? s->room * 2 : 4096) * sizeof *s->values);
    s->values[s->count++] = value;
}

static int ascending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void print(const char *name, samples *s) {
    if (!s->count) {
        printf(",\"%s\":null", name); /* not 0: nothing may look faster than it is */
        return;
    }
    qsort(s->values, s->count, sizeof *s->values, ascending);
    double p50 = s->values[s->count / 2] / 1000., p99 = s->values[s->count * 99 / 100] / 1000.;
    printf(",\"%s\":{\"p50\":%.1f,\"p99\":%.1f}", name, p50, p99);
}

static void watch(conn *c, uint32_t events, int how) {
    struct epoll_event e = {.events = events, .data.ptr = c};
    epoll_ctl(poller, how, c->fd, &e);
}

static void dial(conn *c) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (c->fd < 0 || (connect(c->fd, (void *)&address, sizeof address) && errno != EINPROGRESS)) {
        perror("load");
        exit(1);
    }
    c->connected = 0;
    watch(c, EPOLLIN | EPOLLOUT, EPOLL_CTL_ADD);
}

/* Send what the kernel takes of the request; the rest when there is room. */
static void push(conn *c) {
    ssize_t sent = send(c->fd, request + c->pushed, request_len - c->pushed, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && !*trouble) snprintf(trouble, sizeof trouble, "send: %s", strerror(errno));
    int waited = c->pushed > 0 || !c->connected;
    if (sent > 0) c->pushed += (size_t)sent;
    c->connected = 1;
    if (c->pushed < request_len)
        watch(c, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
    else if (waited)
        watch(c, EPOLLIN, EPOLL_CTL_MOD);
}

static void begin(conn *c) {
    if (c->fd < 0) dial(c);
    c->busy = 1;
    c->counted = begun++ >= warm;
    c->status = c->closing = c->chunked = c->seen_done = c->seen_delta = 0;
    c->part = HEAD;
    c->pushed = c->head_len = c->line_len = c->carry_len = c->need = 0;
    c->started = now_ns();
    if (c->counted && !counting_since) counting_since = c->started;
    if (c->connected) push(c);
}

/* Count the deltas in what was read; a stamp or [DONE] that is cut by the end of a read waits in carry. */
static void scan(conn *c, const char *data, size_t length, int64_t at) {
    static char text[CARRY_BYTES + (1 << 16)];
    memcpy(text, c->carry, c->carry_len);
    memcpy(text + c->carry_len, data, length);
    size_t total = c->carry_len + length, from = 0;
    char *stamp;
    while ((stamp = memmem(text + from, total - from, " t=", 3))) {
        size_t digits = (size_t)(stamp - text) + 3;
        if (digits + STAMP_DIGITS > total) {
            from = (size_t)(stamp - text);
            break;
        }
        int64_t sent = 0;
        for (int i = 0; i < STAMP_DIGITS; i++) sent = sent * 10 + text[digits + (size_t)i] - '0';
        from = digits + STAMP_DIGITS;
        chunks++;
        if (c->counted) {
            counted_chunks++;
            note(&transit, at - sent);
            if (c->seen_delta)
                note(&jitter, llabs((at - c->last_at) - (sent - c->last_sent)));
            else
                note(&ttft, at - c->started);
        }
        c->seen_delta = 1;
        c->last_at = at;
        c->last_sent = sent;
    }
    if (memmem(text + from, total - from, "[DONE]", 6)) c->seen_done = 1;
    c->carry_len = total - from < CARRY_BYTES - 8 ? total - from : CARRY_BYTES - 8;
    memcpy(c->carry, text + total - c->carry_len, c->carry_len);
}

/* The head is there: see how the body ends. */
static void opened(conn *c) {
    c->status = atoi(c->head + 9);
    c->closing = strcasestr(c->head, "\nconnection: close") != NULL;
    char *length = strcasestr(c->head, "\ncontent-length:");
    if ((c->chunked = strcasestr(c->head, "\ntransfer-encoding: chunked") != NULL)) {
        c->part = SIZE;
        return;
    }
    c->need = length ? (size_t)atol(length + 16) : SIZE_MAX;
    c->part = c->need ? DATA : COMPLETE;
}

static size_t take_head(conn *c, const char *data, size_t length) {
    size_t old = c->head_len, room = HEAD_BYTES - 1 - old, taken = length < room ? length : room;
    memcpy(c->head + old, data, taken);
    c->head_len += taken;
    c->head[c->head_len] = 0;
    char *end = strstr(c->head, "\r\n\r\n");
    if (!end) return taken ? taken : length; /* a head over the limit never ends: the run says "unfinished" */
    end[2] = 0;
    opened(c);
    return (size_t)(end - c->head) + 4 - old;
}

static void take_line(conn *c, char byte) {
    if (byte != '\n') {
        if (byte != '\r' && c->line_len < sizeof c->line - 1) c->line[c->line_len++] = byte;
        return;
    }
    c->line[c->line_len] = 0;
    if (c->part == SIZE) {
        c->need = strtoul(c->line, NULL, 16);
        c->part = c->need ? DATA : TRAILER;
    } else if (c->part == DATA_END)
        c->part = SIZE;
    else if (c->line_len == 0)
        c->part = COMPLETE;
    c->line_len = 0;
}

static void feed(conn *c, const char *data, size_t length, int64_t at) {
    while (length && c->part != COMPLETE) {
        size_t taken = 1;
        if (c->part == HEAD)
            taken = take_head(c, data, length);
        else if (c->part != DATA)
            take_line(c, *data);
        else {
            taken = length < c->need ? length : c->need;
            if (streamed) scan(c, data, taken, at);
            if (c->need != SIZE_MAX && (c->need -= taken) == 0) c->part = c->chunked ? DATA_END : COMPLETE;
        }
        data += taken;
        length -= taken;
    }
}

static void finish(conn *c, int complete, int64_t at) {
    int good = complete && c->status == 200 && (!streamed || c->seen_done);
    if (!good && !*trouble)
        snprintf(trouble, sizeof trouble, "status %d, complete %d, [DONE] %d", c->status, complete, c->seen_done);
    *(good ? &ok : &failed) += 1;
    c->busy = 0;
    if (!c->counted) return;
    counted_calls++;
    last_end = at;
    if (good) note(&latency, at - c->started);
}

static void hang_up(conn *c) {
    close(c->fd);
    c->fd = -1;
}

static void readable(conn *c) {
    static char data[1 << 16];
    ssize_t got = recv(c->fd, data, sizeof data, 0);
    int64_t at = now_ns();
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        hang_up(c);
        if (c->busy) finish(c, c->part == DATA && c->need == SIZE_MAX, at);
        return;
    }
    if (!c->busy) return;
    feed(c, data, (size_t)got, at);
    if (c->part != COMPLETE) return;
    finish(c, 1, at);
    if (c->closing || c->pushed < request_len) hang_up(c);
}

static void compose(const char *model, const char *steer, size_t pad, int headers, char **header) {
    size_t extra_len = 0;
    for (int i = 0; i < headers; i++) extra_len += strlen(header[i]) + 2;
    char *extra = calloc(1, extra_len + 1), *body = malloc(pad + 2048), *text = malloc(pad + 1);
    for (int i = 0; i < headers; i++) strcat(strcat(extra, header[i]), "\r\n");
    for (size_t i = 0; i < pad; i++) text[i] = i % 6 == 5 ? ' ' : (char)('a' + i % 23);
    text[pad] = 0;
    int length = sprintf(body,
        "{\"model\":\"%s\",\"messages\":[{\"role\":\"system\",\"content\":\"You are a helpful assistant.\"},"
        "{\"role\":\"user\",\"content\":\"Hello, please tell me something about the sea and the ships on it. %s%s\"}],"
        "\"temperature\":0.7,\"max_tokens\":256%s}",
        model, steer, text, streamed ? ",\"stream\":true,\"stream_options\":{\"include_usage\":true}" : "");
    request = malloc((size_t)length + extra_len + 1024);
    request_len = (size_t)sprintf(request,
        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer sk-bench\r\n"
        "Content-Type: application/json\r\nAccept: application/json\r\nUser-Agent: bench\r\n%s"
        "Content-Length: %d\r\n\r\n%s", port, extra, length, body);
    free(extra);
    free(body);
    free(text);
}

static void run(double seconds) {
    int64_t stop = now_ns() + (int64_t)(seconds * 1e9);
    int64_t next_opening = 0;
    int opened_count = 0;
    struct epoll_event events[512];
    for (;;) {
        int64_t now = now_ns();
        int may_begin = begun < most && now < stop;
        if ((!may_begin && begun == ok + failed) || now > stop + GRACE_NS) return;
        if (now >= next_opening) {
            next_opening = now + 1000000;
            for (int i = 0; i < OPENED_PER_MS && opened_count < connections && may_begin; i++) {
                begin(&conns[opened_count++]);
                may_begin = begun < most;
            }
        }
        int count = epoll_wait(poller, events, 512, opened_count < connections ? 1 : 50);
        for (int i = 0; i < count; i++) {
            conn *c = events[i].data.ptr;
            if (c->fd < 0) continue;
            if (events[i].events & EPOLLOUT && c->busy && c->pushed < request_len) push(c);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) readable(c);
            if (!c->busy && begun < most && now_ns() < stop) begin(c);
        }
    }
}

int main(int argc, char **argv) {
    if (argc < 9) return 2;
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    port = atoi(argv[1]);
    streamed = atoi(argv[4]);
    connections = atoi(argv[5]);
    most = strtoull(argv[6], NULL, 10);
    warm = strtoull(argv[8], NULL, 10);
    compose(argv[2], argv[3], argc > 9 ? strtoul(argv[9], NULL, 10) : 0, argc > 10 ? argc - 10 : 0, argv + 10);
    poller = epoll_create1(0);
    conns = calloc((size_t)connections, sizeof *conns);
    for (int i = 0; i < connections; i++) conns[i].fd = -1;
    run(atof(argv[7]));
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu_s = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                   (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    double counted_s = counting_since && last_end > counting_since ? (double)(last_end - counting_since) / 1e9 : 0;
    printf("{\"ok\":%lu,\"err\":%lu,\"unfinished\":%lu,\"chunks\":%lu", ok, failed, begun - ok - failed, chunks);
    printf(",\"calls_s\":%.1f,\"chunks_s\":%.1f", counted_s > 0 ? (double)counted_calls / counted_s : 0,
           counted_s > 0 ? (double)counted_chunks / counted_s : 0);
    print("latency_us", &latency);
    print("ttft_us", &ttft);
    print("transit_us", &transit);
    print("jitter_us", &jitter);
    printf(",\"cpu_s\":%.3f,\"trouble\":\"%s\"}\n", cpu_s, trouble);
    return 0;
}
