/*
 * fuzz_frame: any bytes as a datagram. What is taken for a request has a frame that says so, and nothing beyond its end is
 * read; a frame that was put is read back; an answer is cut into as many pieces as it takes.
 */
#include "base/check.h"
#include "proto/frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* As the protocol document has it, said once more. */
static bool is_request(const uint8_t *data, size_t len)
{
    static const uint8_t wanted[] = {0, 0, 0, 1};
    return len > FRAME_BYTES && memcmp(data + 2, wanted, sizeof wanted) == 0;
}

static void put_back(uint16_t id)
{
    char head[FRAME_BYTES + 1] = {0};
    uint16_t again = (uint16_t)~id;
    frame_put(id, 0, 1, head);
    CHECK(frame_read(head, sizeof head, &again) && again == id);
    frame_put(id, 1, 2, head);
    CHECK(!frame_read(head, sizeof head, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint16_t id = 0;
    char *in = malloc(len);
    CHECK(in != NULL || len == 0);
    if (len > 0)
        memcpy(in, data, len);
    bool is_good = frame_read(in, len, &id);
    CHECK(is_good == is_request(data, len));
    if (is_good) {
        CHECK(id == (data[0] << 8 | data[1]));
        put_back(id);
    }
    free(in);
    size_t n = frame_count(len);
    CHECK(n * FRAME_DATA_MAX >= len && (n == 0 || (n - 1) * FRAME_DATA_MAX < len));
    return 0;
}
