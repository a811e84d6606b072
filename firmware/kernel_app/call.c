#include "call.h"
#include "arena.h"
#include "block.h"
#include "kernels.h"
#include "server.h"
#include <string.h>

#define ANSWER_BYTES 13u

/* A tensor among the arguments; stored is NULL if the argument is a number or NULL. */
typedef struct {
    uint8_t *stored;
    uint8_t *place;
    uint32_t bytes;
    uint32_t same; /* the first argument that is this tensor, or its own index */
} tensor;

static uint32_t count;
static uint16_t last;

/* Whether the tensor at index lies beside all before it, or is one of them. */
static int fits(tensor *tensors, uint32_t index) {
    const uint8_t *start = tensors[index].stored, *end = start + tensors[index].bytes;
    for (uint32_t i = 0; i < index; i++) {
        const uint8_t *other = tensors[i].stored;
        if (other == NULL) {
            continue;
        }
        if (other == start && tensors[i].bytes == tensors[index].bytes) {
            tensors[index].same = i;
            return 1;
        }
        if (start < other + tensors[i].bytes && other < end) {
            return 0;
        }
    }
    return 1;
}

/* Take one argument out of the request; zero if it is not what the kernel takes. */
static int parse(char letter, const uint8_t *bytes, uint32_t index, argument *out,
                 tensor *tensors) {
    uint32_t value = frame_u32(bytes), size = frame_u32(bytes + 4);
    tensors[index] = (tensor){.same = index, .bytes = size};
    if (letter != 'p') {
        out->number = value;
        return size == 0 && (letter == 'w' || value <= UINT16_MAX);
    }
    out->tensor = NULL;
    if (size > 0) {
        tensors[index].stored = arena_at(value, size);
    }
    return size == 0 || (tensors[index].stored != NULL && fits(tensors, index));
}

static int parse_all(const kernel *chosen, const frame *request, argument *arguments,
                     tensor *tensors) {
    size_t expected = strlen(chosen->letters) - 1;
    if (expected > KERNEL_MAX_ARGUMENTS || request->length != 2 + 8 * expected) {
        return 0;
    }
    for (uint32_t i = 0; i < expected; i++) {
        const uint8_t *bytes = request->payload + 2 + 8 * i;
        if (!parse(chosen->letters[i + 1], bytes, i, &arguments[i], tensors)) {
            return 0;
        }
    }
    return 1;
}

/* Give every tensor its place; zero if there is no memory. */
static int open_all(argument *arguments, tensor *tensors) {
    int opened = 1;
    for (uint32_t i = 0; i < KERNEL_MAX_ARGUMENTS; i++) {
        tensor *current = &tensors[i];
        if (current->stored == NULL) {
            continue;
        }
        current->place = current->same == i ? block_open(current->stored, current->bytes)
                                            : tensors[current->same].place;
        arguments[i].tensor = current->place;
        opened = opened && current->place != NULL;
    }
    return opened;
}

static void close_all(const tensor *tensors) {
    for (uint32_t i = 0; i < KERNEL_MAX_ARGUMENTS; i++) {
        if (tensors[i].place != NULL && tensors[i].same == i) {
            block_close(tensors[i].place, tensors[i].stored, tensors[i].bytes);
        }
    }
}

/* Called in place of a kernel, to learn what a call costs beside it. The arguments it does not take
 * are the caller's to remove. */
static void idle(void) {}

static outcome measured(const kernel *chosen, const argument *arguments) {
    (void)chosen->call(idle, arguments);
    outcome beside = chosen->call(idle, arguments);
    outcome whole = chosen->call(chosen->function, arguments);
    if (whole.ticks != UINT64_MAX) {
        whole.ticks -= beside.ticks;
    }
    return whole;
}

void call_kernel(const frame *request) {
    argument arguments[KERNEL_MAX_ARGUMENTS];
    tensor tensors[KERNEL_MAX_ARGUMENTS] = {{0}};
    uint16_t number = request->length >= 2 ? frame_u16(request->payload) : UINT16_MAX;
    const kernel *chosen = kernel_numbered(number);
    if (chosen == NULL || !parse_all(chosen, request, arguments, tensors)) {
        server_reply_status(STATUS_BAD_REQUEST);
        return;
    }
    server_accept();
    last = number;
    count++;
    uint8_t answer[ANSWER_BYTES] = {STATUS_BAD_STATE};
    if (open_all(arguments, tensors)) {
        outcome result = measured(chosen, arguments);
        answer[0] = STATUS_OK;
        frame_put_u32(answer + 1, (uint32_t)result.value);
        frame_put_u32(answer + 5, (uint32_t)result.ticks);
        frame_put_u32(answer + 9, (uint32_t)(result.ticks >> 32));
    }
    close_all(tensors);
    server_reply(answer, sizeof answer);
}

uint32_t call_count(void) {
    return count;
}

uint16_t call_last(void) {
    return last;
}
