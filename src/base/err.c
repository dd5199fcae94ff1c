/* Sentences for enum err, from its one table. */
#include "base/err.h"

const char *err_text(enum err err)
{
    switch (err) {
#define ERR_CASE(name, sentence)                                                                             \
    case name:                                                                                               \
        return sentence;
        ERR_TABLE(ERR_CASE)
#undef ERR_CASE
    }
    return "unknown error";
}
