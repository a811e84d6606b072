/* Stands for the header of CMSIS-Core; the stand-in needs nothing of it. */
#ifndef CMSIS_GCC_H
#define CMSIS_GCC_H
#endif
