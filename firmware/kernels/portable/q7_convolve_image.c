#include "q7_convolution.h"

void q7_convolve_image(const q7_convolution *call) {
    q7_convolve_plain(call);
}
