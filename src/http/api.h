/* api: what each route does; see route.h and docs/openapi.json. */
#ifndef CLOAKROOM_HTTP_API_H
#define CLOAKROOM_HTTP_API_H

#include "http/route.h"

enum call_step api_health(struct call *call);
enum call_step api_status(struct call *call);
enum call_step api_stats(struct call *call);
enum call_step api_history(struct call *call);
enum call_step api_login(struct call *call);
enum call_step api_whoami(struct call *call);
enum call_step api_logout(struct call *call);
enum call_step api_sessions(struct call *call);
enum call_step api_session(struct call *call);
enum call_step api_kill(struct call *call);
enum call_step api_kill_tagged(struct call *call);
enum call_step api_count(struct call *call);
enum call_step api_contention(struct call *call);
enum call_step api_events(struct call *call);
/* NULL: out of memory. */
json_t *api_show_session(const struct engine_session *session);

enum call_step metrics_serve(struct call *call);
enum call_step pages_serve_api(struct call *call);
enum call_step pages_serve(struct call *call);

#endif
