/*
 * page: what the request is for, as those are told who look at who holds a session; private to php/.
 *
 *      /shop/cart.php?coupon=X            is told as    /shop/cart.php
 *      /reset/6f1de90c3b77a412?lang=en    is told as    /reset/(a star)
 *
 * Promise: nothing of a query, as it may hold secrets; nor a piece of the path that may be one, as in the link that resets
 * a password: a star stands for it. Where no web server asks, it is the script's name without its folder.
 * Ownership: the text is the caller's.
 */
#ifndef CLOAKROOM_PHP_PAGE_H
#define CLOAKROOM_PHP_PAGE_H

#include <stddef.h>

/* As much as fits, with a zero; `size` is not 0. */
void page_tell(char *to, size_t size);

#endif
