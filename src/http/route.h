/*
 * route: which path and method is whose, who may ask, and with which words behind the `?`.
 *
 * Promise: docs/openapi.json lists the same, held by a test.
 */
#ifndef CLOAKROOM_HTTP_ROUTE_H
#define CLOAKROOM_HTTP_ROUTE_H

#include "http/call.h"

struct route {
    const char *method;
    const char *path;      /* ends with a slash: one more word follows */
    enum http_role role;   /* HTTP_NOBODY: anybody */
    const char *arguments; /* with commas around each */
    enum call_step (*run)(struct call *call);
};

/* Finds the route, looks at who asks, and begins. */
enum call_step route_begin(struct call *call);

/* Goes on with `then` once the token is good, or answers. */
enum call_step route_let_in(struct call *call, struct bytes token, enum call_step (*then)(struct call *call));

#endif
