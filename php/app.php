<?php
// The zoo's app in PHP: hello, ping and status with the same bytes as app/zoo_app.py, which PHP cannot run.
//
// PHP shares nothing. Each request runs this file from its first line, and at the end all its variables are gone, even
// if the process lives on (opcache keeps only the compiled program). The way into PHP is called SAPI. A CGI program, a
// FastCGI server and a part of Apache look the same from here: the request is in $_SERVER, php://input and $_GET, the
// answer goes out by header() and echo.

declare(strict_types=1);

const TEXT = 'text/plain; charset=utf-8';
const ENDPOINTS = ['/hello' => 'hello', '/ping' => 'ping', '/status' => 'status', '/echo' => 'echo'];

$began = hrtime(true);
$body = file_get_contents('php://input'); // read the whole body first: an answer would close the connection while the front still sends

/** @return array{int, string, string} status, content type, body */
function answer(string $path, string $method, string $body): array
{
    $known = isset(ENDPOINTS[$path]) && ($path !== '/echo' || getenv('ZOO_ECHO') === '1');
    $allowed = $path === '/echo' ? ['GET', 'HEAD', 'POST'] : ['GET', 'HEAD'];
    if (!$known) {
        return [404, TEXT, "404 Not Found\n"];
    }
    if (!in_array($method, $allowed, true)) {
        header('Allow: ' . implode(', ', $allowed));
        return [405, TEXT, "405 Method Not Allowed\n"];
    }
    if ($path === '/hello') {
        return [200, TEXT, "Hello from the Gateway Zoo\n"];
    }
    if ($path === '/ping') {
        return [200, TEXT, "pong\n"];
    }
    require __DIR__ . '/status.php'; // late: hello and ping should not pay for it
    return $path === '/status' ? status() : arrived($body);
}

[$status, $type, $text] = answer($_SERVER['PATH_INFO'] ?? '', $_SERVER['REQUEST_METHOD'], $body);
http_response_code($status);
header("Content-Type: $type");
header('Content-Length: ' . strlen($text));

// The same line as the Python app's, on standard error: time, request id, exhibit, endpoint, status, bytes, milliseconds,
// process, thread (PHP has one a process, whose number on Linux is the process's). Before the body, because for HEAD PHP
// ends the program at its first byte.
file_put_contents('php://stderr', sprintf(
    "%.3f %s %s %s %d %d %.2f %d %d\n",
    microtime(true), $_SERVER['HTTP_X_REQUEST_ID'] ?? '-', substr($_SERVER['SCRIPT_NAME'], 1),
    ENDPOINTS[$_SERVER['PATH_INFO'] ?? ''] ?? '-', $status, strlen($text), (hrtime(true) - $began) / 1e6, getmypid(), getmypid(),
));
if (str_starts_with($_SERVER['HTTP_X_REQUEST_ID'] ?? '', 'follow')) { // a request that `zoo follow` sent
    require __DIR__ . '/follow.php';
    report($status, $began);
}
echo $text;
