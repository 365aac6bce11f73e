/*
 * Pushes over kept connections, one request in flight on each, and reports how it went.
 *
 *   push PORT CONNECTIONS COUNT RATE PATH CONTENT-TYPE BODY NUMBERS
 *
 * COUNT requests in all, or until standard input ends; RATE of them a second over all connections,
 * 0 for as fast as they are answered. Before each request every ~0000000000000000000 in BODY gets
 * the time, and every @@@@@ a number that goes round from 0 to NUMBERS - 1. Its line of JSON at the
 * end has the answers by kind, and how long they took from the moment that they were due.
 */
#include "load.h"

#define MAX_CONNECTIONS 1024
#define MAX_PATCHES 2048
#define MAX_ANSWER 65536

enum state { FREE, BUSY, CLOSING };

struct connection {
  int fd;
  enum state state;
  uint64_t due_at;
  size_t received;
  char answer[MAX_ANSWER];
};

static struct connection connections[MAX_CONNECTIONS];
static char *request;
static size_t request_length;
static size_t stamps[MAX_PATCHES], numbers[MAX_PATCHES];
static int stamp_count, number_count, connection_count, port, epoll_fd;
static uint64_t sent, answered, accepted, refused, wanted, interval_ns, next_due_at;
static uint64_t number, number_end;
static char first_refusal[256];
static struct histogram latency;

static void prepare(const char *path, const char *type, const char *body) {
  size_t room = strlen(path) + strlen(type) + strlen(body) + 256;
  request = malloc(room);
  request_length = (size_t)snprintf(request, room,
                                    "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %s\r\n"
                                    "Content-Length: %zu\r\n\r\n%s",
                                    path, type, strlen(body), body);
  char mark[NUMBER_DIGITS];
  memset(mark, NUMBER_MARK, sizeof mark);
  for (size_t i = 0; i < request_length; i++) {
    if (request[i] == STAMP_MARK && stamp_count < MAX_PATCHES) stamps[stamp_count++] = i + 1;
    if (memcmp(request + i, mark, sizeof mark) == 0 && number_count < MAX_PATCHES) {
      numbers[number_count++] = i;
      i += NUMBER_DIGITS - 1;
    }
  }
}

static void send_on(struct connection *c, uint64_t due_at) {
  uint64_t now = now_ns();
  for (int i = 0; i < stamp_count; i++) write_digits(request + stamps[i], STAMP_DIGITS, now);
  for (int i = 0; i < number_count; i++) {
    write_digits(request + numbers[i], NUMBER_DIGITS, number);
    number = number + 1 == number_end ? 0 : number + 1;
  }
  c->state = BUSY;
  c->received = 0;
  c->due_at = due_at == 0 ? now : due_at;
  sent++;
  size_t done = 0;
  while (done < request_length) {
    ssize_t count = write(c->fd, request + done, request_length - done);
    if (count > 0) done += (size_t)count;
    else if (errno != EAGAIN) fail("push");
  }
}

/* Whether the answer is whole: its length is told, or its last chunk is there. */
static int is_whole(struct connection *c) {
  c->answer[c->received] = 0;
  char *body = strstr(c->answer, "\r\n\r\n");
  if (body == NULL) return 0;
  body += 4;
  size_t have = c->received - (size_t)(body - c->answer);
  char *length = strcasestr(c->answer, "\r\ncontent-length:");
  if (length != NULL && length < body) return have >= strtoul(length + 17, NULL, 10);
  char *chunked = strcasestr(c->answer, "\r\ntransfer-encoding: chunked");
  if (chunked != NULL && chunked < body) return strstr(body - 2, "\r\n0\r\n\r\n") != NULL;
  return 1;
}

static void send_what_is_due(void) {
  for (int i = 0; i < connection_count && sent < wanted; i++) {
    if (connections[i].state != FREE) continue;
    if (interval_ns == 0) {
      send_on(&connections[i], 0);
      continue;
    }
    if (now_ns() < next_due_at) return;
    send_on(&connections[i], next_due_at);
    next_due_at += interval_ns;
  }
}

static void open_connection(struct connection *c) {
  c->fd = begin_connect(port, 0);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0) fail("epoll_ctl");
  struct sockaddr_in peer;
  socklen_t length = sizeof peer;
  while (getpeername(c->fd, (struct sockaddr *)&peer, &length) < 0) usleep(100);
}

static void on_answer(struct connection *c) {
  ssize_t count = read(c->fd, c->answer + c->received, MAX_ANSWER - 1 - c->received);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0 && c->state == BUSY) fail("the answer to a push");
  if (count <= 0) {
    /* A server that answers one request a connection. */
    close(c->fd);
    open_connection(c);
    c->state = FREE;
    if (interval_ns == 0 && sent < wanted) send_on(c, 0);
    return;
  }
  c->received += (size_t)count;
  if (!is_whole(c)) return;
  record(&latency, now_ns() - c->due_at);
  c->state = strcasestr(c->answer, "\r\nconnection: close") != NULL ? CLOSING : FREE;
  answered++;
  if (c->answer[9] == '2') accepted++;
  else if (refused++ == 0) snprintf(first_refusal, sizeof first_refusal, "%.12s", c->answer);
  if (c->state == FREE && interval_ns == 0 && sent < wanted) send_on(c, 0);
}

int main(int argc, char **argv) {
  if (argc != 9) {
    fprintf(stderr, "usage: push PORT CONNECTIONS COUNT RATE PATH CONTENT-TYPE BODY NUMBERS\n");
    return 2;
  }
  raise_descriptor_limit();
  connection_count = atoi(argv[2]);
  if (connection_count > MAX_CONNECTIONS) return 2;
  wanted = strtoull(argv[3], NULL, 10);
  double rate = atof(argv[4]);
  interval_ns = rate > 0 ? (uint64_t)(1e9 / rate) : 0;
  prepare(argv[5], argv[6], argv[7]);
  number_end = strtoull(argv[8], NULL, 10);

  port = atoi(argv[1]);
  epoll_fd = epoll_create1(0);
  for (int i = 0; i < connection_count; i++) open_connection(&connections[i]);
  /* A terminal or /dev/null as standard input is no sign to stop. */
  struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &input);

  uint64_t started_at = now_ns();
  next_due_at = started_at;
  send_what_is_due();
  while (answered < wanted) {
    struct epoll_event ready[256];
    struct timespec pause = {0};
    if (interval_ns > 0 && sent < wanted) {
      uint64_t now = now_ns();
      if (next_due_at > now) pause.tv_nsec = (long)((next_due_at - now) % 1000000000u);
      if (next_due_at > now) pause.tv_sec = (time_t)((next_due_at - now) / 1000000000u);
    } else {
      pause.tv_sec = 1;
    }
    int count = epoll_pwait2(epoll_fd, ready, 256, &pause, NULL);
    if (count < 0 && errno != EINTR) fail("epoll_wait");
    for (int i = 0; i < count; i++) {
      if (ready[i].data.ptr != NULL) {
        on_answer(ready[i].data.ptr);
        continue;
      }
      char nothing[64];
      if (read(STDIN_FILENO, nothing, sizeof nothing) <= 0) {
        wanted = sent;
        epoll_ctl(epoll_fd, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
      }
    }
    if (interval_ns > 0) send_what_is_due();
  }
  printf("{\"accepted\":%llu,\"refused\":%llu,\"firstRefusal\":\"%s\",\"startedNs\":%llu,"
         "\"seconds\":%.6f,\"p50Ms\":%.4f,\"p99Ms\":%.4f,\"maxMs\":%.4f}\n",
         (unsigned long long)accepted, (unsigned long long)refused, first_refusal,
         (unsigned long long)started_at, (double)(now_ns() - started_at) / 1e9,
         percentile_ms(&latency, 0.5), percentile_ms(&latency, 0.99), (double)latency.max / 1e6);
  return 0;
}
