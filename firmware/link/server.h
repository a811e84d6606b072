/* The firmware's end of the link: sessions, answers, requests that are executed once. What the
 * requests do is up to the app. */
#ifndef QRIG_SERVER_H
#define QRIG_SERVER_H

#include "frame.h"
#include <stddef.h>
#include <stdint.h>

/* Frame types; the host side has the same list. */
enum {
    MESSAGE_HELLO = 0x01,    /* open a session: the frame's session number becomes ours */
    MESSAGE_WRITE = 0x02,    /* offset u32, bytes: into the input, or an arena */
    MESSAGE_INFER = 0x03,    /* flags u8, crc32 u32 of the input: run the network */
    MESSAGE_CONTINUE = 0x04, /* go on after a pause */
    MESSAGE_READ = 0x05,     /* region u8, offset u32, length u16 */
    MESSAGE_STATUS = 0x06,   /* how often the app ran, how many frames came damaged, flags */
    MESSAGE_RESET = 0x07,    /* start the board over */
    MESSAGE_FILL = 0x08,     /* fill a part of the arena: kernel_app/fill.h */
    MESSAGE_CHECK = 0x09,    /* offset u32, bytes u32, any number of times: their CRC-32 */
    MESSAGE_FIND = 0x0a,     /* name and signature of a kernel: its number */
    MESSAGE_CALL = 0x0b,     /* number u16, arguments: call a kernel: kernel_app/call.h */
    MESSAGE_LOAD = 0x0c,     /* take a network from a file: runtime_app/requests.c */
    MESSAGE_FORWARD = 0x0d,  /* run it on an image: runtime_app/forward.h */
    MESSAGE_BAUD = 0x0e,     /* baud u32: change the line's speed behind the answer */
    MESSAGE_IMAGE = 0x0f,    /* size u32 and crc32 u32 of the firmware in flash */
    MESSAGE_MEASURE = 0x10,  /* a window for a power meter: inference/measure.h */
    MESSAGE_REPLY = 0x80,    /* added to the type of the request */
    MESSAGE_ACCEPTED = 0x40, /* the request takes a while and has begun */
    MESSAGE_DAMAGED = 0x41,  /* the last transmission came damaged: send it again */
    MESSAGE_BOOT = 0x42,     /* the banner, unasked, outside a session */
    MESSAGE_LOG = 0x43,      /* a line of text */
    MESSAGE_FAULT = 0x44,    /* stage u16, fault registers u32 */
};

/* The first byte of a reply. */
enum {
    STATUS_OK = 0,
    STATUS_BAD_REQUEST = 1, /* malformed, or outside the memory it names */
    STATUS_BAD_STATE = 2,   /* not possible now */
    STATUS_BAD_INPUT = 3,   /* the input's CRC is not the one announced */
    STATUS_UNKNOWN = 4,     /* there is no kernel of that name and signature */
};

/* Flags of STATUS. */
enum {
    STATUS_FLAG_DEBUGGER = 1 << 0, /* a debugger is attached now */
};

/* Largest reply that is kept to be sent again; longer ones (READ) are made anew. */
#define SERVER_KEPT_BYTES 16u

/* A piece of memory the host may read. */
typedef struct {
    const uint8_t *data;
    uint32_t bytes;
} region;

/* --- What an app provides --------------------------------------------------------------------- */

/* Store what a WRITE brings; returns a status. */
uint8_t app_write(uint32_t offset, const uint8_t *data, uint32_t length);

/* The memory behind a region number of READ; empty if there is none. */
region app_region(uint8_t number);

/* How often the app did its work since the board started. */
uint32_t app_count(void);

/* What the app is at, for the report of a fault: a stage, counted from 0; 0xffff for none. */
uint16_t app_stage(void);

/* A session has begun; whatever the last one left unfinished has nobody who waits for it. */
void app_session(void);

/* Answer any other request, with server_reply once or server_reply_status; zero if unknown. */
int app_request(const frame *request);

/* --- What the server does for it -------------------------------------------------------------- */

/* Serve the host for ever. */
_Noreturn void server_run(void);

/* Wait for one byte of the host and act on what it completes. */
void server_step(void);

/* Tell the host that the current request takes a while and has begun. */
void server_accept(void);

/* Whether an accepted request still waits for its answer. */
int server_pending(void);

/* Answer the current request; at most SERVER_KEPT_BYTES. */
void server_reply(const uint8_t *data, uint8_t length);
void server_reply_status(uint8_t status);

/* Send a line of text. */
void server_log(const char *text);

/* Send a fault's registers. */
void server_fault(const uint32_t *words, size_t count);

#endif
