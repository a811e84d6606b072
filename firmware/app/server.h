/* The firmware's end of the link: sessions, commands, at-most-once execution. */
#ifndef QRIG_SERVER_H
#define QRIG_SERVER_H

#include <stddef.h>
#include <stdint.h>

/* Frame types; the host side has the same list. */
enum {
    MESSAGE_HELLO = 0x01,    /* open a session: the frame's session number becomes ours */
    MESSAGE_WRITE = 0x02,    /* offset u32, bytes: into the input */
    MESSAGE_INFER = 0x03,    /* flags u8, crc32 u32 of the input: run the network */
    MESSAGE_CONTINUE = 0x04, /* go on after a pause */
    MESSAGE_READ = 0x05,     /* region u8, offset u32, length u16 */
    MESSAGE_STATUS = 0x06,   /* how often the network ran, how many frames came damaged */
    MESSAGE_RESET = 0x07,    /* start the board over */
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
};

enum {
    INFER_PAUSE = 1 << 0, /* stop after every stage so that its tensor can be read */
    INFER_CRC = 1 << 1,   /* note the CRC-32 of every stage's tensor */
};

enum {
    REGION_TENSOR = 0,  /* of the stage the network is paused behind */
    REGION_OUTPUT = 1,  /* of the last inference */
    REGION_RECORDS = 2, /* one record a stage: ticks u64, crc32 u32, bytes u32 */
};

/* Serve the host for ever. */
_Noreturn void server_run(void);

/* Serve the host until it says to go on (or opens another session). */
void server_pause(uint16_t stage);

/* Send a line of text. */
void server_log(const char *text);

/* Send a fault's registers. */
void server_fault(const uint32_t *words, size_t count);

#endif
