/*
 * Holds many event streams, counts the whole events that they get and reads latencies from the
 * stamps in their data.
 *
 *   streams PORT
 *
 * It is told what to do by lines on standard input and answers each with a line of JSON:
 *
 *   open COUNT WINDOW READY PATH   opens so many more, at most WINDOW handshakes at a time; READY is
 *                                  what a stream must have got to count as open: `head`; `body`, a
 *                                  blank line after it; or `frame`, the first text frame of what is
 *                                  a WebSocket then. @@@@@ in PATH is the stream's number.
 *   stall COUNT PATH               opens so many that never read, with the smallest receive buffer
 *   reset                          counts and latencies begin anew
 *   await EVENTS SECONDS           answers with the report once so many came, or the time is up
 *   report                         the report, now
 *   drop                           resets every connection
 */
#include "load.h"
#include "websocket.h"

enum phase { CONNECTING, HEAD, OPENING, SEEK_STAMP, STAMP, SEEK_LINE_END, LINE_END };
enum ready { AT_HEAD, AT_BODY, AT_FRAME };

struct stream {
  int fd;
  uint8_t phase;
  /* How much of what the phase looks for was seen, or how many digits. */
  uint8_t seen;
  /* How many bytes of the status line were compared. */
  uint8_t status_seen;
  uint8_t ready;
  uint32_t number;
  uint32_t events;
  uint64_t stamp;
  uint64_t connected_at;
  /* Of a WebSocket. */
  struct frame frame;
};

#define MAX_STREAMS 20000
#define READ_BYTES (256 * 1024)

static struct stream streams[MAX_STREAMS];
static int stream_count, opened, target, window, in_flight, next_to_connect;
static int port, epoll_fd;
static char path[4096];
static enum ready ready;
static uint64_t open_started_at;
static struct histogram opening;

static uint64_t events, bytes, reads, closed, first_event_at, last_event_at;
static struct histogram latency;
static uint64_t awaited, await_deadline;

static void watch(struct stream *s, uint32_t what, int operation) {
  struct epoll_event event = {.events = what, .data.ptr = s};
  if (epoll_ctl(epoll_fd, operation, s->fd, &event) < 0) fail("epoll_ctl");
}

static void connect_next(void) {
  struct stream *s = &streams[next_to_connect];
  *s = (struct stream){.phase = CONNECTING, .number = (uint32_t)next_to_connect};
  s->ready = (uint8_t)ready;
  s->frame = NEW_FRAME;
  s->connected_at = now_ns();
  s->fd = begin_connect(port, 0);
  next_to_connect++;
  in_flight++;
  watch(s, EPOLLOUT, EPOLL_CTL_ADD);
}

#define EVENT_STREAM_FIELDS "Accept: text/event-stream\r\n"

static void send_request(int fd, uint32_t number, const char *fields) {
  char request[sizeof path + 256], numbered[sizeof path], mark[NUMBER_DIGITS + 1];
  memset(mark, NUMBER_MARK, NUMBER_DIGITS);
  mark[NUMBER_DIGITS] = 0;
  strcpy(numbered, path);
  for (char *at; (at = strstr(numbered, mark)) != NULL;) write_digits(at, NUMBER_DIGITS, number);
  int length = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n", numbered, fields);
  if (write(fd, request, (size_t)length) != length) fail("request");
}

static void is_open(struct stream *s, uint64_t now) {
  s->phase = SEEK_STAMP;
  record(&opening, now - s->connected_at);
  in_flight--;
  opened++;
  if (next_to_connect < target) connect_next();
  if (opened == target) {
    double seconds = (double)(now - open_started_at) / 1e9;
    printf("{\"open\":%d,\"seconds\":%.6f,\"p50Ms\":%.3f,\"p99Ms\":%.3f,\"maxMs\":%.3f}\n", opened,
           seconds, percentile_ms(&opening, 0.5), percentile_ms(&opening, 0.99),
           (double)opening.max / 1e6);
  }
}

static void is_closed(struct stream *s) {
  if (s->phase < SEEK_STAMP) {
    fprintf(stderr, "load: stream %u was closed before it was open\n", s->number);
    exit(1);
  }
  close(s->fd);
  s->fd = -1;
  closed++;
}

static void complete(struct stream *s, uint64_t now) {
  s->events++;
  events++;
  if (first_event_at == 0) first_event_at = now;
  last_event_at = now;
  record(&latency, now > s->stamp ? now - s->stamp : 0);
}

/* Reads on where the last bytes of the head ended, and answers where it stopped. */
static const char *parse_head(struct stream *s, const char *at, const char *end, uint64_t now) {
  const char *status = s->ready == AT_FRAME ? "HTTP/1.1 101" : "HTTP/1.1 200";
  while (at < end && s->phase == HEAD) {
    if (status[s->status_seen] != 0 && *at != status[s->status_seen++]) {
      fprintf(stderr, "load: stream %u: answered %.*s\n", s->number, (int)(end - at), at);
      exit(1);
    }
    s->seen = *at == "\r\n\r\n"[s->seen] ? s->seen + 1 : *at == '\r';
    at++;
    if (s->seen < 4) continue;
    s->seen = 0;
    s->phase = OPENING;
    if (s->ready == AT_HEAD) is_open(s, now);
  }
  return at;
}

/* Reads on where the last bytes behind the head ended; bytes may be cut anywhere. */
static void parse_lines(struct stream *s, const char *at, const char *end, uint64_t now) {
  while (at < end) {
    switch (s->phase) {
      case OPENING:
        s->seen = *at++ == '\n' ? s->seen + 1 : 0;
        if (s->seen == 2) is_open(s, now);
        break;
      case SEEK_STAMP:
        at = memchr(at, STAMP_MARK, (size_t)(end - at));
        if (at == NULL) return;
        at++;
        s->phase = STAMP;
        s->stamp = 0;
        s->seen = 0;
        break;
      case STAMP:
        s->stamp = s->stamp * 10 + (uint64_t)(*at++ - '0');
        if (++s->seen == STAMP_DIGITS) s->phase = SEEK_LINE_END;
        break;
      case SEEK_LINE_END:
        at = memchr(at, '\n', (size_t)(end - at));
        if (at == NULL) return;
        at++;
        s->phase = LINE_END;
        break;
      case LINE_END:
        /* A blank line ends the event; another line of it goes on. */
        if (*at++ == '\n') {
          complete(s, now);
          s->phase = SEEK_STAMP;
        } else {
          s->phase = SEEK_LINE_END;
        }
        break;
    }
  }
}

/* A text frame holds one line, and what it holds is whole where it ends. */
static void end_frame(struct stream *s, uint64_t now) {
  switch (s->frame.kind) {
    case TEXT_FRAME:
      if (s->phase == OPENING) is_open(s, now);
      if (s->phase == SEEK_LINE_END) complete(s, now);
      s->phase = SEEK_STAMP;
      break;
    case PING_FRAME:
      send_pong(s->fd);
      break;
    case CLOSE_FRAME:
      is_closed(s);
      break;
  }
  s->frame = NEW_FRAME;
}

/* The same for the frames of a WebSocket. */
static void parse_frames(struct stream *s, const char *at, const char *end, uint64_t now) {
  struct frame *f = &s->frame;
  while (at < end && s->fd >= 0) {
    at = read_frame_head(f, at, end);
    if (f->head_seen < f->head_size) return;
    const char *stop = f->left < (uint64_t)(end - at) ? at + f->left : end;
    if (f->kind == TEXT_FRAME) parse_lines(s, at, stop, now);
    f->left -= (uint64_t)(stop - at);
    at = stop;
    if (f->left == 0) end_frame(s, now);
  }
}

static void on_ready(struct stream *s, uint32_t what) {
  static char buffer[READ_BYTES];
  if (s->fd < 0) return;
  if (s->phase == CONNECTING) {
    if (what & (EPOLLERR | EPOLLHUP)) {
      is_closed(s);
      return;
    }
    send_request(s->fd, s->number, s->ready == AT_FRAME ? UPGRADE_FIELDS : EVENT_STREAM_FIELDS);
    s->phase = HEAD;
    watch(s, EPOLLIN, EPOLL_CTL_MOD);
    return;
  }
  ssize_t count = read(s->fd, buffer, sizeof buffer);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) {
    is_closed(s);
    return;
  }
  reads++;
  bytes += (uint64_t)count;
  uint64_t now = now_ns();
  const char *end = buffer + count, *at = parse_head(s, buffer, end, now);
  if (s->ready == AT_FRAME) parse_frames(s, at, end, now);
  else parse_lines(s, at, end, now);
}

static void report(void) {
  uint32_t least = UINT32_MAX, most = 0;
  for (int i = 0; i < stream_count; i++) {
    if (streams[i].events < least) least = streams[i].events;
    if (streams[i].events > most) most = streams[i].events;
  }
  printf("{\"events\":%llu,\"least\":%u,\"most\":%u,\"bytes\":%llu,\"reads\":%llu,\"closed\":%llu,"
         "\"firstNs\":%llu,\"lastNs\":%llu,\"p50Ms\":%.4f,\"p99Ms\":%.4f,\"maxMs\":%.4f}\n",
         (unsigned long long)events, stream_count > 0 ? least : 0, most, (unsigned long long)bytes,
         (unsigned long long)reads, (unsigned long long)closed, (unsigned long long)first_event_at,
         (unsigned long long)last_event_at, percentile_ms(&latency, 0.5),
         percentile_ms(&latency, 0.99), (double)latency.max / 1e6);
  awaited = 0;
}

static void reset(void) {
  events = bytes = reads = first_event_at = last_event_at = 0;
  memset(&latency, 0, sizeof latency);
  for (int i = 0; i < stream_count; i++) streams[i].events = 0;
  printf("{}\n");
}

static enum ready ready_named(const char *name) {
  if (strcmp(name, "head") == 0) return AT_HEAD;
  return strcmp(name, "frame") == 0 ? AT_FRAME : AT_BODY;
}

static void open_more(int count, int at_once, enum ready ready_from_now) {
  if (stream_count + count > MAX_STREAMS) {
    fprintf(stderr, "load: at most %d streams\n", MAX_STREAMS);
    exit(1);
  }
  window = at_once;
  ready = ready_from_now;
  memset(&opening, 0, sizeof opening);
  opened = target = stream_count;
  next_to_connect = stream_count;
  stream_count = target = stream_count + count;
  open_started_at = now_ns();
  while (next_to_connect < target && in_flight < window) connect_next();
}

/* Their connections are kept, and never looked at again. */
static void stall(int count) {
  for (int i = 0; i < count; i++) {
    int fd = begin_connect(port, 4096);
    fcntl(fd, F_SETFL, 0);
    struct sockaddr_in peer;
    socklen_t length = sizeof peer;
    while (getpeername(fd, (struct sockaddr *)&peer, &length) < 0) usleep(1000);
    send_request(fd, (uint32_t)i, EVENT_STREAM_FIELDS);
  }
  printf("{\"stalled\":%d}\n", count);
}

static void drop(void) {
  for (int i = 0; i < stream_count; i++) {
    if (streams[i].fd >= 0) close(streams[i].fd);
    streams[i].fd = -1;
  }
  stream_count = 0;
  closed = 0;
  printf("{}\n");
}

static void obey(const char *line) {
  char word[8];
  int count, at_once, seconds;
  unsigned long long wanted;
  if (sscanf(line, "open %d %d %7s %4095s", &count, &at_once, word, path) == 4) {
    open_more(count, at_once, ready_named(word));
  } else if (sscanf(line, "stall %d %4095s", &count, path) == 2) {
    stall(count);
  } else if (sscanf(line, "await %llu %d", &wanted, &seconds) == 2) {
    awaited = wanted;
    await_deadline = now_ns() + (uint64_t)seconds * 1000000000u;
  } else if (strncmp(line, "reset", 5) == 0) {
    reset();
  } else if (strncmp(line, "report", 6) == 0) {
    report();
  } else if (strncmp(line, "drop", 4) == 0) {
    drop();
  } else {
    fprintf(stderr, "load: what is %s", line);
    exit(1);
  }
}

static void read_commands(void) {
  static char input[8192];
  static size_t length;
  ssize_t count = read(STDIN_FILENO, input + length, sizeof input - 1 - length);
  if (count <= 0) exit(0);
  length += (size_t)count;
  input[length] = 0;
  for (char *end; (end = strchr(input, '\n')) != NULL;) {
    *end = 0;
    obey(input);
    length -= (size_t)(end + 1 - input);
    memmove(input, end + 1, length + 1);
  }
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: streams PORT\n");
    return 2;
  }
  port = atoi(argv[1]);
  raise_descriptor_limit();
  setvbuf(stdout, NULL, _IOLBF, 0);
  epoll_fd = epoll_create1(0);
  struct epoll_event commands = {.events = EPOLLIN, .data.ptr = NULL};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &commands) < 0) fail("epoll_ctl");
  for (;;) {
    struct epoll_event ready[1024];
    int count = epoll_wait(epoll_fd, ready, 1024, awaited > 0 ? 10 : -1);
    if (count < 0 && errno != EINTR) fail("epoll_wait");
    for (int i = 0; i < count; i++) {
      if (ready[i].data.ptr == NULL) read_commands();
      else on_ready(ready[i].data.ptr, ready[i].events);
    }
    if (awaited > 0 && (events >= awaited || now_ns() > await_deadline)) report();
  }
}
