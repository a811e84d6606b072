/* The build id at a fixed place in flash, for a probe to read: behind the vectors. */
#include "deployment.h"

__attribute__((section(".build_id"), used, nonstring)) static const char build_id[16] =
    DEPLOYMENT_BUILD_ID;
