/* version: the one place that says which release this is. */
#ifndef CLOAKROOM_BASE_VERSION_H
#define CLOAKROOM_BASE_VERSION_H

#define VERSION_TEXT "0.1.0"

/* What clients are told: they look for the memcached whose commands they may use. */
#define VERSION_MEMCACHED "1.6.45"
#define VERSION_PROTOCOL  VERSION_MEMCACHED "-cloakroom-" VERSION_TEXT

#endif
