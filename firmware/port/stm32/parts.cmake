# What each family has beside the files that all share.
set(QRIG_STM32_f4 rcc_f4 usart_v1 dma_streams cache_none)
set(QRIG_STM32_f7 rcc_f4 usart_v2 dma_streams cache_m7)
set(QRIG_STM32_h7 usart_v2 dma_streams cache_m7)
set(QRIG_STM32_l4 usart_v2 dma_channels cache_none)

foreach(part ${QRIG_FAMILY} ${QRIG_STM32_${QRIG_FAMILY}})
    list(APPEND QRIG_PARTS port/stm32/${part})
endforeach()
