/*
 * The protocol of leases: one session, three clients, who kills it, and a server that is started anew.
 *
 *      IDLE ── open ──> GRANTED ── read ──> HOLDING ── write, close ──> IDLE
 *        └──> WAITING ──────┘ wake             └── its connection breaks ──> ORPHAN ── late write ──> IDLE
 *
 * What one step does here happens under one lock in the server. Wakes are under way for a while (mail): meanwhile the one
 * woken can leave, its connection can break, its lease be over. At every moment a holder may hang or lose its connection,
 * a lease be over, the session be killed, the server be started anew: leases and queue vanish, versions stay.
 *
 * What must hold is kept by ghosts, which the server does not see, and asserted at each step:
 *
 *      L1  at most one token of this start is good; no write is accepted when another has been since its token was read
 *      L2  a token is refused only when somebody wrote, killed or opened since, and always when that is over; what was
 *          opened before a restart, and not written, is forgotten (L7)
 *      L3  who waits is in the queue or has mail; nobody waits for a lock that is free, nor for ever: with PATIENT waiters,
 *          who do not leave by themselves, an end in which one still waits is one that spin reports
 *      L4  a holder is alive, so who waits does not wait for a dead one
 *      L5  no token from before a kill is accepted
 *
 * Not in here: the order of the queue, places kept for those who come again, writes that keep the lease, lives. run.py
 * says with what bounds this is run, and which planted bugs (BUG_…) must be found.
 */
#ifndef OPENS
#define OPENS 1 /* of each client */
#endif
#ifndef LAST_OPENS
#define LAST_OPENS OPENS /* of the last one */
#endif
#ifndef WAITERS
#define WAITERS 2 /* at most */
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef RESTARTS
#define RESTARTS 1
#endif
#ifndef OVERS
#define OVERS 1 /* leases that are over while their holder is up and about */
#endif

#ifndef STEP
#define STEP d_step /* or atomic: slower, and says of each statement whether it was ever reached */
#endif

#define CLIENTS 3
#define NOBODY CLIENTS
#define MAY_OPEN(c) (c == CLIENTS - 1 -> LAST_OPENS : OPENS)

mtype = { IDLE, WAITING, GRANTED, HOLDING, HUNG, ANSWERED, ORPHAN, OWED };

/* The server: the lock, its queue, the record. */
byte holder = NOBODY;
bool is_known;  /* the lock is in the table; with nobody as its holder: it was lost, not given back */
bool is_lease;  /* its holder has begun, and was not merely given it */
bool is_over;   /* its time is */
byte fence;     /* the last one given */
byte lock_fence;
byte first_fence; /* of this start */
byte queue[CLIENTS];
byte nqueue;
byte version = 1;
byte last_version = 1;
bool is_killed;
bool is_fetched; /* opened since this start */

/* The clients, with what is on its way to them. */
mtype what[CLIENTS] = IDLE;
byte nopens[CLIENTS];
byte token_version[CLIENTS];
byte token_fence[CLIENTS];
bool mail[CLIENTS];
bool is_gone[CLIENTS]; /* the mail says: killed meanwhile */

/* Ghosts. */
byte turn[CLIENTS]; /* the how-manieth lease of all it was given; 0: it has neither lease nor token */
byte turns;
bool written[CLIENTS]; /* by another since its token was read */
bool killed[CLIENTS];
bool opened[CLIENTS];
bool may_refuse[CLIENTS];

#define HAS_TOKEN(c) (what[c] == HOLDING || what[c] == ORPHAN || what[c] == HUNG)
#define MUST_REFUSE(c) (written[c] || killed[c] || opened[c])

#ifdef BUG_NO_VERSION
#define VERSION_IS_GOOD(c) true
#else
#define VERSION_IS_GOOD(c) (token_version[c] == version)
#endif

#ifdef BUG_NO_FENCE
#define FENCE_IS_GOOD(c) true
#else
#ifdef BUG_LEASE_OVER_REFUSES
#define FENCE_IS_GOOD(c) (holder == c && !is_over)
#else
#define FENCE_IS_GOOD(c) \
    ((is_known && lock_fence == token_fence[c]) || (!is_known && token_fence[c] < first_fence && !is_fetched))
#endif
#endif

#define IS_GOOD(c) (HAS_TOKEN(c) && VERSION_IS_GOOD(c) && FENCE_IS_GOOD(c))
#define IS_GOOD_NOW(c) (IS_GOOD(c) && token_fence[c] >= first_fence)
#define IS_QUEUED(c) \
    ((nqueue > 0 && queue[0] == c) || (nqueue > 1 && queue[1] == c) || (nqueue > 2 && queue[2] == c))

#define MAY_HOLD(c) \
    (what[c] == GRANTED || what[c] == HOLDING || what[c] == HUNG || what[c] == ANSWERED || \
     (what[c] == WAITING && mail[c] && !is_gone[c]))
#define HOLDS_ALIVE(c) (holder != c || MAY_HOLD(c))
#define WAITS_IN_ORDER(c) \
    ((what[c] == WAITING || !IS_QUEUED(c)) && (what[c] != WAITING || IS_QUEUED(c) != mail[c]) && \
     (!mail[c] || what[c] == WAITING || what[c] == OWED))
#define ARE_BOTH_GOOD(c, d) (IS_GOOD_NOW(c) && IS_GOOD_NOW(d))

inline check()
{
    assert(HOLDS_ALIVE(0) && HOLDS_ALIVE(1) && HOLDS_ALIVE(2));                         /* L4 */
    assert(WAITS_IN_ORDER(0) && WAITS_IN_ORDER(1) && WAITS_IN_ORDER(2));                /* L3 */
    assert(holder != NOBODY || nqueue == 0);                                            /* L3 */
    assert(!ARE_BOTH_GOOD(0, 1) && !ARE_BOTH_GOOD(1, 2) && !ARE_BOTH_GOOD(0, 2))        /* L1 */
}

/* ---- what the server does ---- */

#define IS_ANOTHER(c, d) (d != c && turn[d] != 0)

/* It is done with it, or never gets to read. */
inline forget(c)
{
    what[c] = IDLE;
    token_version[c] = 0;
    token_fence[c] = 0;
    turn[c] = 0;
    written[c] = false;
    killed[c] = false;
    opened[c] = false;
    may_refuse[c] = false
}

inline note_grant(c)
{
    turns++;
    turn[c] = turns;
    written[c] = false;
    killed[c] = false;
    opened[c] = false;
    may_refuse[c] = false;
    may_refuse[0] = may_refuse[0] || IS_ANOTHER(c, 0);
    may_refuse[1] = may_refuse[1] || IS_ANOTHER(c, 1);
    may_refuse[2] = may_refuse[2] || IS_ANOTHER(c, 2)
}

inline hold(c, begins)
{
    holder = c;
    is_known = true;
    is_lease = begins;
    is_over = false;
    fence++;
    lock_fence = fence;
    note_grant(c);
}

inline drop()
{
    holder = NOBODY;
    is_known = false;
    is_lease = false;
    is_over = false;
    lock_fence = 0;
}

inline take_first()
{
    nqueue--;
    queue[0] = queue[1];
    queue[1] = queue[2];
    queue[2] = 0;
}

/* To who has waited longest. */
inline pass_on()
{
    hold(queue[0], false);
    take_first();
#ifndef BUG_NO_WAKE
    mail[holder] = true;
#endif
}

inline give_back()
{
    if
    :: nqueue > 0 -> pass_on()
    :: else -> drop()
    fi
}

/* The token of a lease stays good as long as nobody opens. */
inline break_lease()
{
    if
    :: nqueue > 0 -> pass_on()
    :: nqueue == 0 && is_lease ->
#ifdef BUG_LOST_IS_FORGOTTEN
        drop()
#else
        holder = NOBODY;
        is_lease = false;
        is_over = false
#endif
    :: else -> drop()
    fi
}

/* A client's connection has closed. */
inline client_gone(c)
{
    if
    :: holder == c -> break_lease()
    :: else
    fi
}

inline release(c)
{
    if
    :: is_known && lock_fence == token_fence[c] && holder == NOBODY -> drop()
    :: is_known && lock_fence == token_fence[c] && holder != NOBODY -> give_back()
    :: else
    fi;
    forget(c)
}

inline leave(c)
{
    if
    :: queue[0] == c -> queue[0] = queue[1]; queue[1] = queue[2]
    :: queue[0] != c && queue[1] == c -> queue[1] = queue[2]
    :: else
    fi;
    nqueue--;
    queue[nqueue] = 0
}

/* ---- what a client does, and what becomes of it ---- */

inline open(c)
{
    nopens[c]++;
    if
    :: holder != NOBODY && is_over -> break_lease()
    :: else
    fi;
    if
    :: holder == NOBODY ->
        hold(c, true);
        what[c] = GRANTED
    :: holder != NOBODY && nqueue < WAITERS ->
        queue[nqueue] = c;
        nqueue++;
        what[c] = WAITING
    :: else -> skip /* it is told that there are too many */
    fi
}

#define IS_OPENED_BY(c, d) (IS_ANOTHER(c, d) && turn[d] < turn[c])

inline note_read(c)
{
    written[c] = false;
    killed[c] = false;
    opened[0] = opened[0] || IS_OPENED_BY(c, 0);
    opened[1] = opened[1] || IS_OPENED_BY(c, 1);
    opened[2] = opened[2] || IS_OPENED_BY(c, 2)
}

inline read(c)
{
#ifndef BUG_READ_BEFORE_LEASE
    token_version[c] = version;
#endif
#ifndef BUG_NONE_IS_NOT_OPENED
    is_fetched = true; /* also when there is nothing to fetch any more */
#else
    is_fetched = is_fetched || !is_killed;
#endif
    what[c] = HOLDING;
    note_read(c)
}

/* Its mail has come. */
inline resume(c)
{
    mail[c] = false;
    if
    :: is_gone[c] ->
        is_gone[c] = false;
        forget(c)
    :: else ->
        assert(holder == c);
        token_fence[c] = lock_fence;
        is_lease = true;
        what[c] = GRANTED
    fi
}

/* It waits no longer: it is told so, unless it has been given the lease meanwhile, or is first to ask when that is over. */
inline wait_is_over(c)
{
    if
    :: IS_QUEUED(c) && is_over && queue[0] == c ->
        leave(c);
        hold(c, true);
        token_fence[c] = lock_fence;
        what[c] = GRANTED
    :: IS_QUEUED(c) && is_over && queue[0] != c ->
        leave(c);
        break_lease();
        forget(c)
    :: IS_QUEUED(c) && !is_over ->
        leave(c);
        forget(c)
    :: else -> skip /* too late: its mail is on the way */
#ifdef BUG_LATE_CANCEL
        ;
        mail[c] = false;
        forget(c)
#endif
    fi
}

inline connection_breaks(c)
{
    if
    :: what[c] == WAITING && IS_QUEUED(c) ->
#ifdef BUG_DEAD_STAY_QUEUED
        skip;
#else
        leave(c);
#endif
        forget(c)
    :: what[c] == WAITING && !IS_QUEUED(c) -> what[c] = OWED
    :: what[c] == GRANTED -> forget(c)
    :: else -> what[c] = ORPHAN
    fi;
#ifndef BUG_DEAD_KEEP_THE_LEASE
    client_gone(c)
#endif
}

inline note_write(c)
{
    written[0] = written[0] || IS_ANOTHER(c, 0);
    written[1] = written[1] || IS_ANOTHER(c, 1);
    written[2] = written[2] || IS_ANOTHER(c, 2);
    may_refuse[0] = may_refuse[0] || written[0];
    may_refuse[1] = may_refuse[1] || written[1];
    may_refuse[2] = may_refuse[2] || written[2]
}

/* Accepted or refused; the lease is given back in a step of its own. */
inline write(c)
{
    if
    :: IS_GOOD(c) ->
        assert(!written[c]); /* L1 */
        assert(!killed[c]);  /* L5 */
        assert(!opened[c]);  /* L2 */
        last_version++;
        version = last_version;
        is_killed = false;
        note_write(c)
    :: else -> assert(may_refuse[c]) /* L2 */
    fi;
    what[c] = ANSWERED
}

proctype client(byte c)
{
    do
    :: STEP { what[c] == IDLE && nopens[c] < MAY_OPEN(c) ->
#ifdef BUG_READ_BEFORE_LEASE
        token_version[c] = version;
#endif
        open(c);
        if
        :: what[c] == GRANTED -> token_fence[c] = lock_fence
        :: else
        fi;
        check() }
    :: STEP { what[c] == GRANTED -> read(c); check() }
    :: STEP { what[c] == HOLDING || what[c] == ORPHAN -> write(c); check() }
    :: STEP { what[c] == HOLDING || what[c] == ORPHAN || what[c] == ANSWERED -> release(c); check() }
    :: STEP { what[c] == HOLDING -> what[c] = HUNG; check() }
    :: STEP { what[c] == GRANTED || what[c] == HOLDING -> connection_breaks(c); check() }
    :: STEP { what[c] == WAITING && mail[c] -> resume(c); check() }
    :: STEP { what[c] == OWED && mail[c] -> mail[c] = false; is_gone[c] = false; forget(c); check() }
#ifdef PATIENT
#ifndef BUG_WAITS_PAST_THE_LEASE
    :: STEP { what[c] == WAITING && is_over -> wait_is_over(c); check() }
#endif
#else
    :: STEP { what[c] == WAITING -> wait_is_over(c); check() }
    :: STEP { what[c] == WAITING -> connection_breaks(c); check() }
#endif
    :: what[c] == IDLE && nopens[c] == MAY_OPEN(c) -> break
    :: what[c] == HUNG -> break
    od
}

/* ---- what happens to all ---- */

inline mark_killed(c)
{
    killed[c] = killed[c] || HAS_TOKEN(c);
    may_refuse[c] = may_refuse[c] || HAS_TOKEN(c)
}

inline turn_away()
{
    do
    :: nqueue > 0 ->
        mail[queue[0]] = true;
        is_gone[queue[0]] = true;
        take_first()
    :: else -> break
    od
}

proctype killer()
{
    byte kills;
    do
    :: kills < KILLS ->
        STEP {
            kills++;
            if
            :: is_killed -> skip
            :: else ->
                is_killed = true;
#ifndef BUG_KILL_LEAVES_NO_MARK
                last_version++;
                version = last_version;
#endif
                mark_killed(0);
                mark_killed(1);
                mark_killed(2)
            fi;
            check()
        }
        STEP {
#ifndef BUG_KILL_FORGETS_WAITERS
            turn_away();
#else
            nqueue = 0;
#endif
            if
            :: holder == NOBODY || is_lease -> drop()
            :: else
            fi;
            may_refuse[0] = turn[0] != 0; /* while it was being killed */
            may_refuse[1] = turn[1] != 0;
            may_refuse[2] = turn[2] != 0;
            check()
        }
    :: break
    od
}

inline cut_off(c)
{
    mail[c] = false;
    is_gone[c] = false;
    opened[c] = false;
    may_refuse[c] = MUST_REFUSE(c);
    if
    :: what[c] == WAITING || what[c] == GRANTED || what[c] == OWED || what[c] == ANSWERED -> forget(c)
    :: what[c] == HOLDING -> what[c] = ORPHAN
    :: else
    fi
}

proctype fate()
{
    byte overs;
    byte restarts;
end:
    do
    :: STEP { holder != NOBODY && is_lease && !is_over && what[holder] == HUNG -> is_over = true; check() }
    :: STEP { holder != NOBODY && is_lease && !is_over && what[holder] != HUNG && overs < OVERS ->
        overs++;
        is_over = true;
        check() }
    :: STEP { restarts < RESTARTS ->
        restarts++;
        drop();
        nqueue = 0;
        queue[0] = 0;
        queue[1] = 0;
        queue[2] = 0;
#ifdef BUG_FENCES_REPEAT
        fence = 0;
        first_fence = 0;
#else
        first_fence = fence + 1;
#endif
        is_fetched = false;
        cut_off(0);
        cut_off(1);
        cut_off(2);
        check() }
    od
}

init
{
    atomic {
        run client(0);
        run client(1);
        run client(2);
        run killer();
        run fate()
    }
}
