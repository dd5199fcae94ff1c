/*
 * pages: the dashboard's files, and the description of the API, as they were bundled into the program at build time.
 */
#ifndef CLOAKROOM_HTTP_PAGES_H
#define CLOAKROOM_HTTP_PAGES_H

#include "base/bytes.h"

enum { PAGE_ETAG_MAX = 24 };

struct page {
    const char *path; /* "/app.js" */
    const char *begin;
    const char *end;
};

/* Made by the Makefile. */
extern const struct page pages_list[];
extern const size_t pages_n;

/* NULL: there is none. "/" is "/index.html". */
const struct page *pages_find(const char *path);
const char *page_type(const struct page *page);
/* In quotes, as a header has it. */
void page_etag(const struct page *page, char ret[PAGE_ETAG_MAX]);

#endif
