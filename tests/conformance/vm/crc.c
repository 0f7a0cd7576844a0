/* The CRC-32 of "123456789" is cbf43926 (the check value of its definition).  Exits with 1 then, so
   that a program which does nothing does not pass. */
#include <stdint.h>

int
main(void)
{
    static const char text[] = "123456789";
    uint32_t crc = 0xffffffff;
    for (int i = 0; i < 9; i++) {
        crc ^= (uint8_t)text[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
        }
    }
    return ~crc == 0xcbf43926 ? 1 : 0;
}
