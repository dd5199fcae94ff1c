/* Comparing secrets, see secret.h. */
#include "base/secret.h"

bool secret_equal(const void *a, const void *b, size_t len)
{
    /* volatile: each byte is looked at, whatever an optimiser can prove. */
    const volatile unsigned char *x = a;
    const volatile unsigned char *y = b;
    unsigned differences = 0;
    for (size_t i = 0; i < len; i++)
        differences |= (unsigned)(x[i] ^ y[i]);
    return differences == 0;
}
