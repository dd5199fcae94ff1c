/* Logging in and out, by a cookie; see login.h. */
#include "http/api.h"
#include "http/http_private.h"

#include <stdio.h>

static enum call_step show(struct call *call, const struct login *login)
{
    static const char *const words[] = {[HTTP_READER] = "reader", [HTTP_ADMIN] = "admin"};
    if (login == NULL) /* by a token */
        return call_json(call, 200, json_pack("{s:s, s:n}", "role", words[call->role], "csrf"));
    return call_json(call, 200, json_pack("{s:s, s:s}", "role", words[login->role], "csrf", login->csrf));
}

static void set_cookie(struct call *call, const char *id, int life_s)
{
    snprintf(call->reply.cookie, sizeof call->reply.cookie,
             CALL_COOKIE "=%s; HttpOnly; SameSite=Strict; Path=/; Max-Age=%d%s", id, life_s,
             call->http->cert != NULL ? "; Secure" : "");
}

static enum call_step log_in(struct call *call)
{
    const struct login *login = logins_add(&call->http->logins, call->role, call_now_ns(call) / 1000000000U);
    set_cookie(call, login->id, LOGIN_LIFE_S);
    return show(call, login);
}

/* Only as JSON: no form of another page can send that. */
enum call_step api_login(struct call *call)
{
    struct bytes type;
    call_header(call, "Content-Type", &type);
    if (!bytes_starts_with(type, bytes_of("application/json")))
        return call_refuse(call, 415, "send JSON: Content-Type: application/json");
    json_t *json = json_loadb(call->body, call->body_len, 0, NULL);
    const char *token = json_string_value(json_object_get(json, "token"));
    enum call_step step = token == NULL ? call_refuse(call, 400, "send {\"token\": \"…\"}")
                                        : route_let_in(call, bytes_of(token), log_in);
    json_decref(json);
    return step;
}

enum call_step api_whoami(struct call *call)
{
    return show(call, call->login);
}

enum call_step api_logout(struct call *call)
{
    if (call->login != NULL)
        logins_remove(&call->http->logins, call->login);
    call->login = NULL;
    set_cookie(call, "", 0);
    return call_json(call, 200, json_pack("{s:b}", "logged_out", 1));
}
