/* What the app answers, beside what the server does itself. */
#include "commands.h"
#include "inference.h"

int app_request(const frame *request) {
    return commands_request(request);
}

uint8_t app_write(uint32_t offset, const uint8_t *data, uint32_t length) {
    if (commands_are_paused()) {
        return STATUS_BAD_STATE;
    }
    return inference_write(offset, data, length) ? STATUS_OK : STATUS_BAD_REQUEST;
}

region app_region(uint8_t number) {
    return inference_region(number);
}
