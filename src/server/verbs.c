/* Session verbs as ops, see verbs.h. */
#include "server/verbs.h"

static void fill_tags(const struct request *request, struct op_session *session)
{
    struct bytes rest = request->argument;
    struct bytes tag;
    while (session->ntags < OP_TAGS_MAX && proto_next_tag(&rest, &tag)) {
        if (tag.len > 0)
            session->tags[session->ntags++] = tag;
    }
}

void verbs_fill_op(struct conn *conn)
{
    const struct request *request = &conn->request;
    struct op_session *session = &conn->session;
    struct op *op = &conn->op;
    *session = (struct op_session){.application = proto_application(request),
                                   .token = {.version = request->cas, .fence = request->delta},
                                   .holder = proto_holder(request),
                                   .wait_ms = request->wait_ms,
                                   .lease_s = request->lease_s,
                                   .life_s = (uint32_t)request->create_exptime,
                                   .grace_s = request->grace_s,
                                   .made_s = request->made_s,
                                   .revision = request->revision,
                                   .has_age = request->has_age,
                                   .has_revision = request->has_revision,
                                   .is_copy = request->has_revision && !request->has_token,
                                   .tells = request->tells_copy,
                                   .has_wait = request->has_wait,
                                   .has_life = request->create,
                                   .has_tags = request->has_tags,
                                   .read_only = request->read_only,
                                   .must_exist = request->must_exist,
                                   .keep = request->keep_lease,
                                   .succeeds = request->succeeds,
                                   .is_bot = request->is_bot,
                                   .by_handle = request->by_handle};
    session->has_predecessor =
        proto_predecessor(request, &session->predecessor.version, &session->predecessor.fence);
    if (request->by_handle)
        bytes_put_be64(session->handle, proto_handle(request));
    if (request->has_tags)
        fill_tags(request, session);
    op->session = session;
    op->key = proto_key(request, conn->key);
    op->compare_cas = op->create = false;
    op->is_watched = false; /* se tells of sessions */
}

void verbs_fill_answer(const struct op_session *session, struct answer *ret)
{
    ret->token_version = session->token.version;
    ret->token_fence = session->token.fence;
    ret->has_token = session->has_token;
    ret->held_ms = session->held_ms;
    ret->holder = (struct bytes){.p = session->holder_text, .len = session->holder_len};
    ret->waiting = session->waiting;
    ret->waited_ms = session->waited_ms;
    ret->age_s = session->age_s;
    ret->is_succeeded = session->is_succeeded;
    ret->has_revision = session->tells && session->has_revision;
    ret->revision = session->revision;
    ret->is_held = session->told_held;
    ret->life_s = session->told_life_s;
    ret->tags = session->told_tags;
    ret->ntags = session->ntold_tags;
}

unsigned verbs_need(const struct request *request)
{
    if (request->verb == VERB_OPEN && !request->read_only)
        return ROLE_WRITE;
    return request->verb == VERB_KILL && (request->by_handle || request->by_tag) ? ROLE_ADMIN : 0U;
}
