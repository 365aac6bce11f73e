/*
 * As much of WebSocket (RFC 6455) as a client needs that only listens: how it asks for one, the
 * heads of the server's frames, and the answer to a ping.
 */
#ifndef WEBSOCKET_H
#define WEBSOCKET_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Any key will do: what the server makes of it is not looked at. */
#define UPGRADE_FIELDS                                                         \
  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" \
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

/* The first byte of a frame: its kind, and that it is the message's last. */
enum { TEXT_FRAME = 0x81, CLOSE_FRAME = 0x88, PING_FRAME = 0x89 };

/* A frame that is on its way in. */
struct frame {
  uint8_t kind;
  uint8_t head_seen;
  uint8_t head_size;
  /* How many bytes of its content are still to come. */
  uint64_t left;
};

#define NEW_FRAME ((struct frame){.head_size = 2})

/* Reads on where the last bytes of a head ended, and answers where it stopped: behind it, at most. */
static inline const char *read_frame_head(struct frame *f, const char *at, const char *end) {
  while (at < end && f->head_seen < f->head_size) {
    uint8_t byte = (uint8_t)*at++;
    switch (f->head_seen++) {
      case 0:
        f->kind = byte;
        break;
      case 1:
        if ((f->kind != TEXT_FRAME && f->kind != CLOSE_FRAME && f->kind != PING_FRAME) ||
            byte > 127) {
          fprintf(stderr, "load: a frame that begins with %02x %02x\n", f->kind, byte);
          exit(1);
        }
        f->head_size = byte == 127 ? 10 : byte == 126 ? 4 : 2;
        f->left = byte < 126 ? byte : 0;
        break;
      default:
        f->left = f->left << 8 | byte;
    }
  }
  return at;
}

/*
 * A sign of life, masked with zeros as a client's frames must be. It leaves out what the ping may
 * have held, so it stands for any. Where it can't be sent, the next read tells why.
 */
static inline void send_pong(int fd) {
  static const uint8_t pong[] = {0x8a, 0x80, 0, 0, 0, 0};
  send(fd, pong, sizeof pong, MSG_NOSIGNAL);
}

#endif
