#include "qrig_network.h"

_Static_assert(QRIG_NETWORK_MAX_LAYERS == 1024, "a text below says so");

static const char *const texts[] = {
    [QRIG_NETWORK_OK] = "nothing wrong",
    [QRIG_NETWORK_TRUNCATED] = "an end of the file before the end of this field",
    [QRIG_NETWORK_MAGIC] = "a file that does not begin with CAFE",
    [QRIG_NETWORK_LAYERS] = "fewer than 2 layers, or more than 1024",
    [QRIG_NETWORK_TYPE] = "no type of layer, or an input that is not the first layer",
    [QRIG_NETWORK_SHAPE] = "a shape that is out of range or does not follow from those before",
    [QRIG_NETWORK_SIZE] = "a number of weights or biases that does not follow from the shapes",
    [QRIG_NETWORK_SHIFT] = "a shift beyond 31",
    [QRIG_NETWORK_WINDOW] = "a window, padding, stride or method that cannot be computed",
    [QRIG_NETWORK_SCALE] = "a mean beyond 1023, or an input scale that is not 1 to 31",
    [QRIG_NETWORK_TRAILING] = "more bytes behind the last layer",
    [QRIG_NETWORK_ARENA] = "a network that needs more memory than there is",
    [QRIG_NETWORK_DIALECT] = "a dialect that this firmware does not compute",
    [QRIG_NETWORK_IMAGE] = "an unknown format, no pixels, or a region beside the image",
    [QRIG_NETWORK_KERNEL] = "a call that a kernel refused",
};

const char *qrig_network_text(qrig_network_status status) {
    return (size_t)status < sizeof texts / sizeof texts[0] ? texts[status] : "no status";
}
