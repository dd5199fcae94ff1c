/* timer: the loop's heap of timers, private to net. */
#ifndef CLOAKROOM_NET_TIMER_H
#define CLOAKROOM_NET_TIMER_H

#include "net/loop.h"

/* How long epoll_wait may sleep: -1 without timers. */
int timer_wait_ms(const struct loop *loop);
void timer_fire_due(struct loop *loop);

#endif
