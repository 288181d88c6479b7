<?php
// The zoo's app once more, in PHP: hello, ping and status with the same bytes as app/zoo_app.py, which PHP cannot run.
//
// PHP shares nothing: this file is run from its first line for every request, and what it has made is gone at the end,
// however long the process around it lives (opcache keeps the compiled program, not its variables). The way in is called
// SAPI, and looks alike from here whether PHP is a CGI program, a FastCGI server or a part of Apache: the request in
// $_SERVER, php://input and $_GET, the answer by header() and echo.

declare(strict_types=1);

const TEXT = 'text/plain; charset=utf-8';
const ENDPOINTS = ['/hello' => 'hello', '/ping' => 'ping', '/status' => 'status', '/echo' => 'echo'];

$began = hrtime(true);
$body = file_get_contents('php://input'); // all of it, before any answer could end the connection under the front

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
    require __DIR__ . '/status.php'; // late: neither hello nor ping should pay for it
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
echo $text;
