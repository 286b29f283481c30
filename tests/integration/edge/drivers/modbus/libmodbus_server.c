/* A Modbus slave that is not ours, built on libmodbus. Its floats are laid out by hand, as libmodbus' own setters mean
 * other orders by the same names from one version to the next (3.1.6 and 3.1.7).
 *
 *   libmodbus_server tcp             serves on 127.0.0.1 and prints its port
 *   libmodbus_server rtu PORT UNIT   serves on a serial port, and prints 0 when it does
 *
 * Holding registers 0..249, input registers 0..249 (n + 5000), coils and discrete inputs 0..1999 (every third, every
 * seventh). Holding register 240 + n answers exception n. It serves one master at a time, until it is killed.
 */
#include <errno.h>
#include <modbus.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>

enum { REGISTERS = 250, BITS = 2000, EXCEPTIONS = 240 };

static void put_float(uint16_t *at, float value, int swaps_registers, int swaps_bytes)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint16_t high = (uint16_t)(bits >> 16), low = (uint16_t)bits;
    if (swaps_bytes) {
        high = (uint16_t)(high << 8 | high >> 8);
        low = (uint16_t)(low << 8 | low >> 8);
    }
    at[0] = swaps_registers ? low : high;
    at[1] = swaps_registers ? high : low;
}

static void fill(modbus_mapping_t *map)
{
    uint16_t *at = map->tab_registers;
    for (int n = 0; n < REGISTERS; n++) {
        at[n] = (uint16_t)n;
        map->tab_input_registers[n] = (uint16_t)(5000 + n);
    }
    for (int n = 0; n < BITS; n++) {
        map->tab_bits[n] = n % 3 == 0;
        map->tab_input_bits[n] = n % 7 == 0;
    }
    put_float(at + 0, 230.5f, 0, 0);
    put_float(at + 2, 231.5f, 1, 1);
    put_float(at + 4, 232.5f, 0, 1);
    put_float(at + 6, 233.5f, 1, 0);
    MODBUS_SET_INT32_TO_INT16(at, 8, -123456);
    MODBUS_SET_INT64_TO_INT16(at, 10, -1234567890123LL);
    at[14] = (uint16_t)-42;
    at[15] = 0x1234; /* as BCD 1234; its bytes are 0x12 and 0x34 */
    memcpy(at + 16, (uint16_t[]){'E' << 8 | 'M', '2' << 8 | '4', 0, 'x' << 8 | 'x'}, 8);
    /* 60 floats for a block of 120 registers, from 100 on */
    for (int n = 0; n < 60; n++)
        put_float(at + 100 + 2 * n, 1000.0f + n / 2.0f, 0, 0);
}

static void serve(modbus_t *line, modbus_mapping_t *map)
{
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    int head = modbus_get_header_length(line);
    for (;;) {
        int got = modbus_receive(line, query);
        if (got < 0) {
            if (modbus_get_socket(line) >= 0 && errno != ECONNRESET && errno != EBADF)
                continue; /* a frame that does not check, or for another unit */
            return;
        }
        if (got == 0)
            continue;
        int function = query[head], address = query[head + 1] << 8 | query[head + 2];
        if (function == 3 && address > EXCEPTIONS && address < REGISTERS)
            modbus_reply_exception(line, query, (unsigned)(address - EXCEPTIONS));
        else
            modbus_reply(line, query, got, map);
    }
}

static int serve_tcp(modbus_mapping_t *map)
{
    modbus_t *line = modbus_new_tcp("127.0.0.1", 0);
    int listener = modbus_tcp_listen(line, 4);
    struct sockaddr_in bound;
    socklen_t size = sizeof bound;
    if (listener < 0 || getsockname(listener, (struct sockaddr *)&bound, &size) < 0)
        return 1;
    printf("%d\n", ntohs(bound.sin_port));
    fflush(stdout);
    for (;;) {
        if (modbus_tcp_accept(line, &listener) < 0)
            return 1;
        serve(line, map);
        modbus_close(line);
    }
}

static int serve_rtu(const char *port, int unit, modbus_mapping_t *map)
{
    modbus_t *line = modbus_new_rtu(port, 115200, 'N', 8, 1);
    modbus_set_slave(line, unit);
    if (modbus_connect(line) < 0)
        return 1;
    puts("0");
    fflush(stdout);
    for (;;)
        serve(line, map);
}

int main(int count, char **words)
{
    modbus_mapping_t *map = modbus_mapping_new(BITS, BITS, REGISTERS, REGISTERS);
    if (map == NULL || count < 2)
        return 2;
    fill(map);
    return count == 4 ? serve_rtu(words[2], atoi(words[3]), map) : serve_tcp(map);
}
