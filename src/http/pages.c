/* Bundled files, see pages.h. */
#include "http/pages.h"
#include "base/hash.h"
#include "http/api.h"

#include <inttypes.h>
#include <stdio.h>

#define OPENAPI "/openapi.json"

const struct page *pages_find(const char *path)
{
    const char *wanted = strcmp(path, "/") == 0 ? "/index.html" : path;
    for (size_t i = 0; i < pages_n; i++) {
        if (strcmp(pages_list[i].path, wanted) == 0)
            return &pages_list[i];
    }
    return NULL;
}

const char *page_type(const struct page *page)
{
    static const struct {
        const char *suffix;
        const char *type;
    } rows[] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".json", "application/json"},
        {".txt", "text/plain; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".ico", "image/x-icon"},
        {".webmanifest", "application/manifest+json"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (bytes_ends_with(bytes_of(page->path), bytes_of(rows[i].suffix)))
            return rows[i].type;
    }
    return "application/octet-stream";
}

void page_etag(const struct page *page, char ret[PAGE_ETAG_MAX])
{
    uint64_t hash = hash_bytes((struct bytes){.p = page->begin, .len = (size_t)(page->end - page->begin)}, 0);
    snprintf(ret, PAGE_ETAG_MAX, "\"%016" PRIx64 "\"", hash);
}

enum call_step pages_serve_api(struct call *call)
{
    return call_page(call, pages_find(OPENAPI));
}

enum call_step pages_serve(struct call *call)
{
    const struct page *page = pages_find(call->path);
    if (page == NULL || strcmp(page->path, OPENAPI) == 0)
        return call_refuse(call, 404,
                           "there is nothing at this path; / is the dashboard, /api/v1/openapi.json "
                           "lists what else there is");
    return call_page(call, page);
}
