<?php
/*
 * From one stock handler to the other, and to the verbs, and back: one and the same session, and nobody is logged out.
 */
require __DIR__ . '/lib.php';

$id = new_id();
write($id, ['first' => handler()]);
expect_same(['first' => handler()], visit_by_other_handler($id, ['other' => 1]), 'as the other handler reads it');
expect_same(['first' => handler(), 'other' => 1], read($id), 'back again');

[$value, $token] = open_by_verbs($id);
expect(str_contains($value, 'first|'), "as the verbs read it: $value");
expect_same('HD', substr(verb("sw $id " . strlen("$value" . 'verbs|i:1;') . " K$token", $value . 'verbs|i:1;')[0], 0, 2), 'sw');
expect_same(['first' => handler(), 'other' => 1, 'verbs' => 1], read_elsewhere($id), 'what the verbs wrote');
expect_same(3, count(visit_by_other_handler($id, ['again' => 1])), 'as the other handler reads that');

// One that the other handler began, and one that the verbs began.
$id = new_id();
expect_same([], visit_by_other_handler($id, ['n' => 1]), 'one that is not there');
expect_same(['n' => 1], read($id), 'begun by the other handler');
$id = new_id();
[$value, $token] = open_by_verbs($id);
expect_same(null, $value, 'one that is not there');
verb("sw $id 6 K$token", 'n|i:7;');
expect_same(['n' => 7], read($id), 'begun by the verbs');
expect_same(['n' => 7], visit_by_other_handler($id, []), 'begun by the verbs, by the other handler');

// One lease for all: while this handler holds it the verbs are told busy, and the other way round.
start($id);
expect_same('BS', substr(verb("so $id W0")[0], 0, 2), 'held by the handler');
session_write_close();
[, $token] = open_by_verbs($id);
verb("sc $id K$token");
expect_same(['n' => 7], read($id), 'once it is given back');
done();
