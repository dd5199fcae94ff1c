/* Tags, see tags.h. */
#include "tags.h"
#include "php_cloakroom.h"

#include <ext/session/php_session.h>

bool tags_is_tag(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] <= ' ' || text[i] == 127)
            return false;
    return len > 0 && len <= TAG_MAX;
}

bool tags_add(struct tags *tags, const char *text, size_t len)
{
    for (size_t i = 0; i < tags->n; i++)
        if (strlen(tags->text[i]) == len && memcmp(tags->text[i], text, len) == 0)
            return true;
    if (tags->n == TAGS_MAX)
        return false;
    memcpy(tags->text[tags->n], text, len);
    tags->text[tags->n++][len] = '\0';
    return true;
}

bool tags_add_variables(struct tags *tags)
{
    const char *rest = CLOAKROOM_G(tag_from);
    if (rest == NULL || *rest == '\0')
        return false;
    for (size_t len; *rest != '\0'; rest += len) {
        rest += strspn(rest, ", ");
        len = strcspn(rest, ", ");
        if (len == 0)
            break;
        zend_string *name = zend_string_init(rest, len, 0);
        const zval *variable = php_get_session_var(name);
        if (variable != NULL)
            ZVAL_DEREF(variable);
        if (variable != NULL && (Z_TYPE_P(variable) == IS_LONG || Z_TYPE_P(variable) == IS_STRING)) {
            zend_string *value = zval_get_string((zval *)variable);
            zend_string *tag = strpprintf(0, "%s:%s", ZSTR_VAL(name), ZSTR_VAL(value));
            if (tags_is_tag(ZSTR_VAL(tag), ZSTR_LEN(tag)))
                tags_add(tags, ZSTR_VAL(tag), ZSTR_LEN(tag));
            zend_string_release(tag);
            zend_string_release(value);
        }
        zend_string_release(name);
    }
    return true;
}
