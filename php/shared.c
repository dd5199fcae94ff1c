/*
 * What the extension shares with the tool `cloakroom`, compiled in here: phpize builds no sources outside its folder.
 * Names that are private to two of these files are kept apart by a macro.
 */
#include "../src/base/bytes.h"
#include "../src/base/check.c"
#include "../src/base/clock.c"
#include "../src/base/hash.c"
#include "../src/base/num.c"

#include "../src/client/deadline.c"

#define refuse refuse_address
#include "../src/client/address.c"
#undef refuse

#define advice_of advice_of_errno
#include "../src/client/connect.c"
#undef advice_of

#include "../src/client/channel.c"
#include "../src/client/client.c"
#include "../src/client/ranking.c"
#include "../src/client/reply.c"

#define refuse refuse_path
#define parser path_parser
#undef FORMS
#include "../src/client/path.c"
#undef parser
#undef refuse
