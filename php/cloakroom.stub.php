<?php
/*
 * The functions of the extension cloakroom, described in docs/php.md. cloakroom_arginfo.h follows this file, by hand.
 *
 * @generate-function-entries
 */

/** Tags of the session that is open, at most eight, in place of those it had; stored when it is written. */
function cloakroom_tag(string ...$tags): bool {}

/** Kills the session with this handle (16 hex digits), or all with this tag; how many it were. */
function cloakroom_kill(string $handle_or_tag, bool $except_current = false): int|false {}

/** How many sessions there are, of this application if one is set, with this tag if one is given. */
function cloakroom_count(?string $tag = null): int|false {}

/** The sessions with this tag. */
function cloakroom_sessions(string $tag, int $most = 1000): array|false {}

/** The server, how it is doing, and what this process has asked of it. */
function cloakroom_status(): array {}
