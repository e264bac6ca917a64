/* A fake OpenAI for the benchmark: one epoll thread, every answer rendered beforehand.
 *
 *   upstream            listens on a free port of 127.0.0.1 and prints it
 *
 * POST with "stream":true gives a stream, any other POST a whole answer, GET a list of models. The text
 * mock-c<chunks>d<milliseconds> anywhere in the body says how many chunks a stream has and what lies between them.
 * Each delta is a write of its own and carries t=<CLOCK_MONOTONIC in ns, 19 digits>, taken just before the write.
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

#define MAX_FD 32768
#define IN_BYTES 4096      /* most requests of the benchmark have less than 1 KiB; for others the buffer grows */
#define MOST_BYTES (8 << 20)
#define ENDS_BYTES 4096    /* of a long body: where the fields are that are looked for */
#define STAMP_DIGITS 19

typedef struct {
    int fd, streaming, left, delay_ms;
    int64_t due;
    size_t in_len, in_room, out_len, out_off;
    char *out; /* what the kernel did not take */
    char *in;
} conn;

static conn *conns[MAX_FD];
static int highest, poller, streams;
static char whole[2048], stream_start[1024], chunk[512], stream_end[2048], models[512];
static size_t whole_len, start_len, chunk_len, stamp_at, end_len, models_len;

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

#define CHUNK_START                                                                                                   \
    "data: {\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\",\"object\":\"chat.completion.chunk\","                  \
    "\"created\":1741569952,\"model\":\"gpt-4.1-mini\",\"choices\":"
#define DETAILS                                                                                                       \
    "\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"                                             \
    "\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0}"

static size_t add_chunk(char *to, const char *event) {
    return (size_t)sprintf(to, "%zx\r\n%s\r\n", strlen(event), event);
}

static size_t add_json(char *to, const char *body) {
    const char *head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s";
    return (size_t)sprintf(to, head, strlen(body), body);
}

static void render(void) {
    start_len = (size_t)sprintf(stream_start, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
                                              "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n");
    start_len += add_chunk(stream_start + start_len, CHUNK_START
        "[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}],\"usage\":null}\n\n");
    chunk_len = add_chunk(chunk, CHUNK_START
        "[{\"index\":0,\"delta\":{\"content\":\" t=0000000000000000000\"},\"finish_reason\":null}],\"usage\":null}\n\n");
    stamp_at = (size_t)(strstr(chunk, " t=") - chunk) + 3;
    end_len = add_chunk(stream_end, CHUNK_START
        "[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n");
    end_len += add_chunk(stream_end + end_len, CHUNK_START
        "[],\"usage\":{\"prompt_tokens\":19,\"completion_tokens\":100,\"total_tokens\":119," DETAILS "}}\n\n");
    end_len += add_chunk(stream_end + end_len, "data: [DONE]\n\n");
    end_len += (size_t)sprintf(stream_end + end_len, "0\r\n\r\n");
    whole_len = add_json(whole,
        "{\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\",\"object\":\"chat.completion\",\"created\":1741569952,"
        "\"model\":\"gpt-4.1-mini\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
        "\"Hello! How can I assist you today? Here is a short answer of a realistic size.\",\"refusal\":null,"
        "\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":19,"
        "\"completion_tokens\":18,\"total_tokens\":37," DETAILS "},\"service_tier\":\"default\"}");
    models_len = add_json(models,
        "{\"object\":\"list\",\"data\":[{\"id\":\"bench\",\"object\":\"model\",\"created\":1,\"owned_by\":\"bench\"}]}");
}

static void drop(conn *c) {
    close(c->fd);
    conns[c->fd] = NULL;
    free(c->out);
    free(c->in);
    free(c);
}

static void watch(conn *c, uint32_t events) {
    struct epoll_event e = {.events = events, .data.fd = c->fd};
    epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &e);
}

/* Write all, or keep the rest for when there is room. 0, or -1 when the connection is dead. */
static int put(conn *c, const char *data, size_t length) {
    ssize_t sent = send(c->fd, data, length, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return -1;
    if (sent < 0) sent = 0;
    if ((size_t)sent == length) return 0;
    c->out_len = length - (size_t)sent;
    c->out_off = 0;
    c->out = realloc(c->out, c->out_len);
    memcpy(c->out, data + sent, c->out_len);
    watch(c, EPOLLIN | EPOLLOUT);
    return 0;
}

/* Send the chunks that are due. 0, or -1 when the connection is dead. */
static int pump(conn *c) {
    while (c->streaming && !c->out_len) {
        if (c->left == 0) {
            c->streaming = 0;
            return put(c, stream_end, end_len);
        }
        int64_t now = now_ns(), digits = now;
        if (c->delay_ms && now < c->due) return 0;
        for (size_t i = STAMP_DIGITS; i-- > 0; digits /= 10) chunk[stamp_at + i] = (char)('0' + digits % 10);
        c->left--;
        c->due += c->delay_ms * 1000000LL;
        if (put(c, chunk, chunk_len) < 0) return -1;
    }
    return 0;
}

static int says(const char *body, size_t length, const char *text) {
    size_t part = length < ENDS_BYTES ? length : ENDS_BYTES;
    return memmem(body, part, text, strlen(text)) || memmem(body + length - part, part, text, strlen(text));
}

static int start(conn *c, const char *body, size_t length) {
    c->left = 100;
    c->delay_ms = 0;
    char *found = memmem(body, length, "mock-c", 6), steer[32] = "";
    if (found) memccpy(steer, found, '"', (size_t)(body + length - found) < sizeof steer ? (size_t)(body + length - found) : sizeof steer - 1);
    sscanf(steer, "mock-c%dd%d", &c->left, &c->delay_ms);
    if (!says(body, length, "\"stream\":true") && !says(body, length, "\"stream\": true"))
        return put(c, whole, whole_len);
    c->streaming = 1;
    c->due = now_ns() + c->delay_ms * 1000000LL;
    if (c->left > 1) c->due += c->delay_ms * 1000000LL * (streams++ * 37 % 64) / 64; /* spread, as real streams are */
    return put(c, stream_start, start_len) < 0 ? -1 : pump(c);
}

/* Answer the first request in the buffer. 1, or 0 when it is not complete, or -1 when the connection is dead. */
static int answer(conn *c) {
    char *end = memmem(c->in, c->in_len, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t head = (size_t)(end - c->in) + 4, total = head;
    *end = 0;
    char *length = strcasestr(c->in, "\ncontent-length:");
    int chunked = strcasestr(c->in, "\ntransfer-encoding: chunked") != NULL;
    *end = '\r';
    if (length) total += (size_t)atol(length + 16);
    if (chunked) {
        if (c->in_len < head + 7 || memcmp(c->in + c->in_len - 7, "\r\n0\r\n\r\n", 7)) return 0; /* none is sent ahead */
        total = c->in_len;
    }
    if (c->in_len < total) return 0;
    int get = memcmp(c->in, "GET", 3) == 0;
    if ((get ? put(c, models, models_len) : start(c, c->in + head, total - head)) < 0) return -1;
    memmove(c->in, c->in + total, c->in_len - total);
    c->in_len -= total;
    return 1;
}

static int readable(conn *c) {
    if (c->in_len == c->in_room && c->in_room < MOST_BYTES)
        c->in = realloc(c->in, c->in_room = c->in_room ? c->in_room * 4 : IN_BYTES);
    ssize_t got = recv(c->fd, c->in + c->in_len, c->in_room - c->in_len, 0);
    if (got < 0 && errno == EAGAIN) return 0;
    if (got <= 0) return -1; /* also when a request is larger than the buffer may be */
    c->in_len += (size_t)got;
    int more = 1;
    while (more == 1 && !c->streaming && c->in_len) more = answer(c);
    return more < 0 ? -1 : 0;
}

static int writable(conn *c) {
    ssize_t sent = send(c->fd, c->out + c->out_off, c->out_len, MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN ? 0 : -1;
    c->out_off += (size_t)sent;
    c->out_len -= (size_t)sent;
    if (c->out_len) return 0;
    watch(c, EPOLLIN);
    return pump(c);
}

static void greet(int listener) {
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= MAX_FD) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        conns[fd] = calloc(1, sizeof(conn));
        conns[fd]->fd = fd;
        if (fd > highest) highest = fd;
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
    }
}

/* Send what is due on all streams; give the milliseconds until more is, or -1. */
static int tick(void) {
    int64_t next = INT64_MAX, now = now_ns();
    for (int fd = 0; fd <= highest; fd++) {
        conn *c = conns[fd];
        if (!c || !c->streaming || c->out_len) continue;
        if (c->due <= now && pump(c) < 0) {
            drop(c);
            continue;
        }
        if (c->streaming && c->due < next) next = c->due;
    }
    return next == INT64_MAX ? -1 : next <= now ? 0 : (int)((next - now + 999999) / 1000000);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    render();
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (bind(listener, (void *)&address, size) || listen(listener, 4096) ||
        getsockname(listener, (void *)&address, &size)) {
        perror("upstream");
        return 1;
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    poller = epoll_create1(0);
    struct epoll_event first = {.events = EPOLLIN, .data.fd = listener}, events[256];
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &first);
    for (;;) {
        int count = epoll_wait(poller, events, 256, tick());
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener) {
                greet(listener);
                continue;
            }
            conn *c = conns[events[i].data.fd];
            if (!c) continue;
            int dead = (events[i].events & (EPOLLHUP | EPOLLERR)) != 0;
            if (!dead && events[i].events & EPOLLOUT) dead = writable(c) < 0;
            if (!dead && events[i].events & EPOLLIN) dead = readable(c) < 0;
            if (dead) drop(c);
        }
    }
}
