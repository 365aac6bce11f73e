/*
 * What both load programs share: a clock, a histogram of latencies, connections to this machine,
 * and stamps in texts. The programs are C since the load must cost far less than what is measured:
 * reading a socket takes Node ten times what it takes the kernel, and Node cannot set SO_RCVBUF.
 */
#ifndef LOAD_H
#define LOAD_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A stamp in a text: this mark, then the time in nanoseconds as so many digits. */
#define STAMP_MARK '~'
#define STAMP_DIGITS 19
/* A number in a text: this mark so many times, replaced by as many digits. */
#define NUMBER_MARK '@'
#define NUMBER_DIGITS 5

static inline void fail(const char *what) {
  fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
  exit(1);
}

/* CLOCK_MONOTONIC in nanoseconds: the same clock for every process of this machine. */
static inline uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void write_digits(char *at, int digits, uint64_t value) {
  while (digits-- > 0) {
    at[digits] = (char)('0' + value % 10);
    value /= 10;
  }
}

/*
 * A histogram of durations: 64 buckets to a power of two of nanoseconds, so that a percentile is
 * right to 1.6 %.
 */
#define SUB_BUCKETS 64
#define BUCKETS (64 * SUB_BUCKETS)

struct histogram {
  uint64_t count;
  uint64_t max;
  uint64_t buckets[BUCKETS];
};

static inline void record(struct histogram *h, uint64_t ns) {
  unsigned index = (unsigned)ns;
  if (ns >= SUB_BUCKETS) {
    int shift = 57 - __builtin_clzll(ns);
    index = (unsigned)((uint64_t)(shift + 1) * SUB_BUCKETS + (ns >> shift) - SUB_BUCKETS);
  }
  h->buckets[index]++;
  h->count++;
  if (ns > h->max) h->max = ns;
}

/* The duration that a part (0 to 1) of all does not exceed, in milliseconds; 0 without any. */
static inline double percentile_ms(const struct histogram *h, double part) {
  uint64_t wanted = (uint64_t)(part * (double)h->count), seen = 0;
  for (unsigned i = 0; i < BUCKETS; i++) {
    seen += h->buckets[i];
    if (h->buckets[i] == 0 || seen < wanted) continue;
    if (i < SUB_BUCKETS) return i / 1e6;
    unsigned shift = i / SUB_BUCKETS - 1;
    return (double)((uint64_t)(SUB_BUCKETS + i % SUB_BUCKETS) << shift) / 1e6;
  }
  return 0;
}

static inline void raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

/*
 * Begins to connect to a port of 127.0.0.1. `receive_buffer` in bytes, 0 for the kernel's own: set
 * before the handshake, which offers the window.
 */
static inline int begin_connect(int port, int receive_buffer) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd < 0) fail("socket");
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  /* A reset at the end: no port is left waiting for stragglers. */
  struct linger reset = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  if (receive_buffer > 0) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  }
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS) {
    fail("connect");
  }
  return fd;
}

#endif
