/* The types of the functions of cloakroom.stub.php, written by hand. With this hash phpize takes them for up to date.
 * Stub hash: c735aa4e08e66956211c800814b55d8c3a79c45b */
#ifndef CLOAKROOM_PHP_CLOAKROOM_ARGINFO_H
#define CLOAKROOM_PHP_CLOAKROOM_ARGINFO_H

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_cloakroom_tag, 0, 0, _IS_BOOL, 0)
ZEND_ARG_VARIADIC_TYPE_INFO(0, tags, IS_STRING, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_MASK_EX(arginfo_cloakroom_kill, 0, 1, MAY_BE_LONG | MAY_BE_FALSE)
ZEND_ARG_TYPE_INFO(0, handle_or_tag, IS_STRING, 0)
ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, except_current, _IS_BOOL, 0, "false")
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_MASK_EX(arginfo_cloakroom_count, 0, 0, MAY_BE_LONG | MAY_BE_FALSE)
ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, tag, IS_STRING, 1, "null")
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_MASK_EX(arginfo_cloakroom_sessions, 0, 1, MAY_BE_ARRAY | MAY_BE_FALSE)
ZEND_ARG_TYPE_INFO(0, tag, IS_STRING, 0)
ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, most, IS_LONG, 0, "1000")
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_cloakroom_status, 0, 0, IS_ARRAY, 0)
ZEND_END_ARG_INFO()

ZEND_FUNCTION(cloakroom_tag);
ZEND_FUNCTION(cloakroom_kill);
ZEND_FUNCTION(cloakroom_count);
ZEND_FUNCTION(cloakroom_sessions);
ZEND_FUNCTION(cloakroom_status);

static const zend_function_entry ext_functions[] = {
    ZEND_FE(cloakroom_tag, arginfo_cloakroom_tag) ZEND_FE(cloakroom_kill, arginfo_cloakroom_kill)
        ZEND_FE(cloakroom_count, arginfo_cloakroom_count)
            ZEND_FE(cloakroom_sessions, arginfo_cloakroom_sessions)
                ZEND_FE(cloakroom_status, arginfo_cloakroom_status) ZEND_FE_END};

#endif
