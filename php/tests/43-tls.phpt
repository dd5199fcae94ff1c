--TEST--
tls:// in save_path: the server's certificate is verified, as is its name; each mistake is said clearly; connections are kept
--SKIPIF--
<?php
if (!extension_loaded('openssl')) die('skip needs the extension openssl, to make certificates');
?>
--FILE--
<?php
require __DIR__ . '/helper.inc';
$folder = sys_get_temp_dir() . '/cloakroom-tls-' . bin2hex(random_bytes(6));
mkdir($folder, 0700);
file_put_contents("$folder/openssl.cnf", "[req]\ndistinguished_name=dn\n[dn]\n[ca]\nbasicConstraints=CA:TRUE\n"
    . "[localhost]\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n[client]\nbasicConstraints=CA:FALSE\n");
register_shutdown_function(function () use ($folder) {
    array_map('unlink', glob("$folder/*"));
    rmdir($folder);
});

function certificate(string $name, string $extensions, $ca = null, $ca_key = null): array
{
    global $folder;
    $how = ['config' => "$folder/openssl.cnf", 'digest_alg' => 'sha256', 'x509_extensions' => $extensions,
        'private_key_bits' => 2048, 'private_key_type' => OPENSSL_KEYTYPE_EC, 'curve_name' => 'prime256v1'];
    $key = openssl_pkey_new($how);
    $request = openssl_csr_new(['commonName' => $name], $key, $how);
    $certificate = openssl_csr_sign($request, $ca, $ca_key ?? $key, 2, $how, random_int(1, 1 << 30));
    openssl_x509_export_to_file($certificate, "$folder/$name.pem");
    openssl_pkey_export_to_file($key, "$folder/$name.key", null, $how);
    return [$certificate, $key];
}

function free_port(): int
{
    $socket = stream_socket_server('tcp://127.0.0.1:0');
    return (int)substr(strrchr(stream_socket_get_name($socket, false), ':'), 1);
}

[$ca, $ca_key] = certificate('ca', 'ca');
certificate('other', 'ca');
certificate('localhost', 'localhost', $ca, $ca_key);
certificate('client', 'client', $ca, $ca_key);
$ssl = "ssl_chain_cert=$folder/localhost.pem,ssl_key=$folder/localhost.key";
$port = free_port();
$server = new Server(['-l', '127.0.0.1', '-p', $port, '-Z', '-o', $ssl]);
$strict_port = free_port();
$strict = new Server(['-l', '127.0.0.1', '-p', $strict_port, '-Z', '-o', "$ssl,ssl_verify_mode=2,ssl_ca_cert=$folder/ca.pem"]);
collect_warnings();

function attempt(string $path): void
{
    global $folder;
    $GLOBALS['warnings'] = [];
    session_save_path($path);
    session_id(fresh_id());
    if (session_start()) {
        $_SESSION['a'] = str_repeat('x', 100000);
        session_write_close();
        echo strlen(stored(session_id())['a'] ?? ''), "\n";
    }
    foreach (our_warnings() as $warning) {
        echo preg_replace('/:\d{4,5}:/', ':PORT:', str_replace($folder, 'FOLDER', $warning)), "\n";
    }
}

attempt("tls://localhost:$port?ca=$folder/ca.pem");
attempt("tls://127.0.0.1:$port?ca=$folder/ca.pem&weight=2&timeout=5");
var_dump(cloakroom_status()['connects'], cloakroom_status()['round_trips']);
attempt("tls://localhost:$port?verify=0");
attempt("tls://localhost:$port");
attempt("tls://localhost:$port?ca=$folder/other.pem");
attempt("tls://127.0.0.1:$port?ca=$folder/ca.pem&name=example.org");
attempt("tls://127.0.0.1:$port?ca=$folder/none.pem");
attempt("tls://127.0.0.1:$strict_port?ca=$folder/ca.pem");
attempt("tls://127.0.0.1:$strict_port?ca=$folder/ca.pem&cert=$folder/client.pem&key=$folder/client.key");
attempt("tls://127.0.0.1:$strict_port?ca=$folder/ca.pem&cert=$folder/client.pem&key=$folder/localhost.key");
$plain = getenv('CLOAKROOM_PORT');
attempt("tls://127.0.0.1:$plain?ca=$folder/ca.pem");
$silent = stream_socket_server('tcp://127.0.0.1:0');
attempt('tls://' . stream_socket_get_name($silent, false) . "?ca=$folder/ca.pem");

echo "large, and a child\n";
session_save_path("tls://localhost:$port?ca=$folder/ca.pem");
store($id = fresh_id(), ['large' => random_bytes(700000)]);
var_dump(strlen(stored($id)['large']));
[$process, , $out] = php("session_id('$id'); session_start(['read_and_close' => true]); echo strlen(\$_SESSION['large']);",
    ['session.save_path' => session_save_path()]);
var_dump(stream_get_contents($out));
proc_close($process);
?>
--EXPECTF--
100000
100000
int(1)
int(4)
100000
session_start(): Cloakroom: tls://localhost:PORT: its certificate is not trusted: %s; give the certificate of who has signed it with ca=
session_start(): Cloakroom: tls://localhost:PORT: its certificate is not trusted: %s; give the certificate of who has signed it with ca=
session_start(): Cloakroom: tls://127.0.0.1:PORT: its certificate is for another name than example.org; correct the address, or give the name with name=
session_start(): Cloakroom: tls://127.0.0.1:PORT: the file of ca= cannot be read, or has no certificate in it: %s
session_start(): Cloakroom: tls://127.0.0.1:PORT: it wants to know who asks: give a certificate of the client's own with cert= and key=
100000
session_start(): Cloakroom: tls://127.0.0.1:PORT: the file of key= cannot be read, or is not the key of cert=: %s
session_start(): Cloakroom: tls://127.0.0.1:PORT: it does not speak TLS there; write tcp:// if that is meant, or start cloakroomd with -Z
session_start(): Cloakroom: tls://127.0.0.1:PORT: no TLS handshake in time; the server hangs, or does not speak TLS there
large, and a child
int(700000)
string(6) "700000"
