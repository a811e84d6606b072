*** Comments ***
Boots a board's firmware in Renode and has it compute one image. Run by renode-test, with variables:

BOARD, SCRIPT, UART    the board's name, its script in targets/, the name of its UART
ELF, BUILD             the firmware, and the build id that it has to say
IMAGE, CRC32           an image (.npy), and the checksum of what the network makes of it
PYTHON                 a Python that has qrig

*** Settings ***
Suite Setup         Setup
Suite Teardown      Teardown
Test Setup          Reset Emulation
Test Teardown       Test Teardown
Resource            ${RENODEKEYWORDS}
Library             ${CURDIR}/Firmware.py    ${PYTHON}

*** Keywords ***
Boot Firmware
    Execute Command             $elf=@${ELF}
    Execute Command             include @${SCRIPT}
    ${port}    ${token}=        Expect Line
    Execute Command             emulation CreateLoopbackTerminal "line" ${port} "${token}"
    Execute Command             connector Connect sysbus.${UART} line
    Accept Line
    Start Emulation

*** Test Cases ***
Should Say What It Is
    Boot Firmware
    ${banner}=                  Ask For Banner    ${BUILD}
    Should Be Equal             ${banner}[board]    ${BOARD}
    Should Be Equal             ${banner}[build]    ${BUILD}
    Should Be Equal             ${banner}[reset]    power

Should Compute As The Reference Does
    Boot Firmware
    ${crc32}=                   Compute Image    ${BUILD}    ${IMAGE}
    Should Be Equal             ${crc32}    ${CRC32}

Should Start Over When It Is Reset
    Boot Firmware
    Execute Command             machine Reset
    ${banner}=                  Ask For Banner    ${BUILD}
    Should Be Equal             ${banner}[reset]    software
    ${crc32}=                   Compute Image    ${BUILD}    ${IMAGE}
    Should Be Equal             ${crc32}    ${CRC32}
