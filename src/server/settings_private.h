/*
 * settings_private: the tables that the files of settings.c share.
 *
 *      settings.c         a command line to settings, and what contradicts itself
 *      settings_rows.c    the options
 *      settings_words.c   the words of -o
 *      settings_manual.c  the help and the manual page
 */
#ifndef CLOAKROOM_SERVER_SETTINGS_PRIVATE_H
#define CLOAKROOM_SERVER_SETTINGS_PRIVATE_H

#include "server/settings.h"

extern const struct option_table settings_rows;
extern const struct option_table settings_words;

#endif
