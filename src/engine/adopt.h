/*
 * adopt: a session that lies under another key than it is looked for now moves there: from before ids were hashed, or
 * under the hash of a key that has been replaced.
 *
 * Promise: it moves as a whole, the first time it is asked for; nobody is logged out by a new key.
 * Threads: as the op's.
 */
#ifndef CLOAKROOM_ENGINE_ADOPT_H
#define CLOAKROOM_ENGINE_ADOPT_H

#include "engine/naming.h"

/* Before a session's op is carried out; does nothing as long as nothing can lie elsewhere. */
void adopt(struct local *local, struct op *op, const struct name *name);

#endif
