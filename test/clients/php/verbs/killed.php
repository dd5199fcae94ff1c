<?php
/*
 * A session that is killed while a request holds it: the late write does not bring it back, PHP warns, and the next request
 * begins with an empty session that works (L5).
 */
require __DIR__ . '/lib.php';

foreach (['by id', 'by handle', 'by tag'] as $how) {
    $id = new_id();
    write($id, ['user' => 1]);
    [$value, $token] = open_by_verbs($id);
    expect_same('HD', substr(verb("sw $id " . strlen($value) . " K$token Gtag-$id", $value)[0], 0, 2), 'a tag');
    $handle = explode(' ', verb("sl Gtag-$id")[0])[1];

    start($id);
    expect_same(['user' => 1], $_SESSION, "the session, killed $how later");
    $kill = ['by id' => "sk $id", 'by handle' => "sk $handle h", 'by tag' => "sk tag-$id g"][$how];
    expect_same(['HD 1'], verb($kill), "killed $how");
    $_SESSION['n'] = 1;
    $warnings = warnings_of(fn() => session_write_close());
    expect(count($warnings) > 0, "no warning of a write that was refused, killed $how");
    expect_same(['NF'], verb("so $id r"), "after the late write, killed $how");

    expect_same([], read_elsewhere($id), "the next request, killed $how");
    write($id, ['user' => 2]);
    expect_same(['user' => 2], read_elsewhere($id), "begun anew, killed $how");
}

// A request that changes nothing does not bring it back either.
$id = new_id();
write($id, ['user' => 1]);
start($id);
expect_same(['HD 1'], verb("sk $id"), 'killed');
warnings_of(fn() => session_write_close());
expect_same(['NF'], verb("so $id r"), 'after a request that changed nothing');
expect_same([], read($id), 'the next request');

// Nor one that is killed while it waits in line for the session.
$id = new_id();
write($id, ['user' => 1]);
[, $token] = open_by_verbs($id);
expect_same(['HD 1'], verb("sk $id K$token s"), 'killed by its holder');
expect_same([], read($id), 'who comes after');
done();
