dnl The extension cloakroom, built by phpize. What it shares with the tool is compiled in by shared.c.
PHP_ARG_ENABLE([cloakroom],
  [whether to enable the session handler cloakroom],
  [AS_HELP_STRING([--enable-cloakroom], [Enable the session handler cloakroom])])

if test "$PHP_CLOAKROOM" != "no"; then
  PHP_NEW_EXTENSION([cloakroom], [bot.c cloakroom.c codec.c copies.c functions.c handler.c line.c page.c plain.c pool.c server.c session.c session_end.c shared.c stand_in.c tags.c], [$ext_shared],,
    [-std=gnu11 -D_GNU_SOURCE -fvisibility=hidden -DZEND_ENABLE_STATIC_TSRMLS_CACHE=1 -I@ext_srcdir@/../src])
  PHP_CHECK_LIBRARY([z], [compress], [], [AC_MSG_ERROR([zlib is needed: install zlib1g-dev])])
  PHP_ADD_LIBRARY([z], [1], [CLOAKROOM_SHARED_LIBADD])
  PKG_CHECK_MODULES([CLOAKROOM_SSL], [openssl >= 1.1.1])
  PHP_EVAL_INCLINE([$CLOAKROOM_SSL_CFLAGS])
  PHP_EVAL_LIBLINE([$CLOAKROOM_SSL_LIBS -lm], [CLOAKROOM_SHARED_LIBADD])
  PHP_SUBST([CLOAKROOM_SHARED_LIBADD])
  PHP_ADD_EXTENSION_DEP([cloakroom], [session])
fi
