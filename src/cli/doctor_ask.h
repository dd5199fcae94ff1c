/*
 * doctor_ask: what PHP is asked to say of itself, as one JSON object: the extensions that it has loaded, the handlers there
 * are (on the command line), and its settings.
 */
#ifndef CLOAKROOM_CLI_DOCTOR_ASK_H
#define CLOAKROOM_CLI_DOCTOR_ASK_H

#include "cli/doctor.h"

/* Without <?php. */
extern const char doctor_ask_script[];

/* Of what PHP printed; NULL: it is none. The caller's. */
json_t *doctor_ask_read(const char *text);

/* Not where a root was named, unless a PHP was, too. */
bool doctor_ask_may(const struct doctor *doctor);

#endif
