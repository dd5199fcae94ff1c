/* Heads of datagrams, see frame.h. */
#include "proto/frame.h"
#include "base/check.h"

static uint16_t read_u16(const char *p)
{
    return (uint16_t)((unsigned char)p[0] << 8 | (unsigned char)p[1]);
}

static char *put_u16(char *out, uint16_t number)
{
    *out++ = (char)(number >> 8);
    *out++ = (char)(number & 0xff);
    return out;
}

/* memcached does not look at the sequence number; one that is not 0 would be a piece of a message of one piece. */
bool frame_read(const char *in, size_t len, uint16_t *ret_id)
{
    if (len <= FRAME_BYTES || read_u16(in + 2) != 0 || read_u16(in + 4) != 1)
        return false;
    *ret_id = read_u16(in);
    return true;
}

size_t frame_count(size_t len)
{
    size_t n = (len + FRAME_DATA_MAX - 1) / FRAME_DATA_MAX;
    CHECK(n <= UINT16_MAX);
    return n;
}

void frame_put(uint16_t id, uint16_t sequence, uint16_t count, char out[FRAME_BYTES])
{
    put_u16(put_u16(put_u16(put_u16(out, id), sequence), count), 0);
}
