<?php
// The facts of `status` and `echo`, with the fields of app/zoo_status.py. A fact that PHP cannot know is null.

declare(strict_types=1);

const TICKS = 100; // clock ticks a second in /proc/PID/stat; USER_HZ on every Linux that Debian runs on (proc(5))
const META_VARIABLES = ['AUTH_TYPE', 'CONTENT_LENGTH', 'CONTENT_TYPE', 'GATEWAY_INTERFACE', 'PATH_INFO',
    'PATH_TRANSLATED', 'QUERY_STRING', 'REMOTE_ADDR', 'REMOTE_HOST', 'REMOTE_IDENT', 'REMOTE_USER', 'REQUEST_METHOD',
    'SCRIPT_NAME', 'SERVER_NAME', 'SERVER_PORT', 'SERVER_PROTOCOL', 'SERVER_SOFTWARE', 'REQUEST_URI', 'REQUEST_SCHEME',
    'HTTPS', 'REMOTE_PORT'];
const SECRETS = ['HTTP_AUTHORIZATION', 'HTTP_PROXY_AUTHORIZATION', 'HTTP_COOKIE', 'HTTP_COOKIE2', 'HTTP_SET_COOKIE',
    'HTTP_SET_COOKIE2'];

/** Answer `status`: status, content type, body. Text, or ?json, ?html; ?full adds the family; ?hold=MS waits. */
function status(): array
{
    $facts = facts();
    if (isset($_GET['hold'])) {
        $facts['held'] = hold((int) $_GET['hold']);
    }
    if (isset($_GET['full'])) {
        $facts['processes'] = family();
    }
    if (isset($_GET['json'])) {
        return [200, 'application/json', json($facts)];
    }
    if (isset($_GET['html'])) {
        header("Content-Security-Policy: default-src 'none'");
        header('X-Content-Type-Options: nosniff');
        return [200, 'text/html; charset=utf-8', as_html($facts)];
    }
    return [200, TEXT, as_text($facts)];
}

/** The status record. `requests` is null: a counter would start at zero for every request, as all variables do. */
function facts(): array
{
    $me = process(getmypid());
    // The compose service of this container: a pid is valid only inside its container.
    $service = preg_match('~^compose/(.+)$~', (string) getenv('ZOO_START'), $match) ? $match[1] : null;
    $known = fn (string $name): ?string => ($_SERVER[$name] ?? '') === '' ? null : $_SERVER[$name];
    return [
        'exhibit' => substr($_SERVER['SCRIPT_NAME'], 1),
        'front' => $known('HTTP_X_ZOO_FRONT'),
        'request_id' => $known('HTTP_X_REQUEST_ID'),
        'container' => $service,
        'container_ps' => $service ? "docker compose exec $service zoo ps" : null,
        'pid' => $me['pid'],
        'ppid' => $me['ppid'],
        'user' => $me['user'],
        'thread' => null,
        'process_start' => gmdate('c', (int) (microtime(true) - $me['age_s'])),
        'process_age_s' => $me['age_s'],
        'requests' => null,
        'multithread' => (bool) PHP_ZTS, // built for servers with threads ("Zend thread safety"), or not, as by Debian
        'multiprocess' => true,
        'run_once' => defined('RUN_ONCE'),
        'script_name' => $_SERVER['SCRIPT_NAME'],
        'path_info' => $_SERVER['PATH_INFO'],
        'request_uri' => $known('REQUEST_URI'),
        'remote_addr' => $known('REMOTE_ADDR'),
        'server_software' => $known('SERVER_SOFTWARE'),
        'gateway_interface' => $known('GATEWAY_INTERFACE'),
        'server_protocol' => $known('SERVER_PROTOCOL'),
        'url_scheme' => $known('REQUEST_SCHEME'),
        'https' => $known('HTTPS'),
    ];
}

/** One process out of /proc: sizes in bytes, times in seconds; null if it is gone. */
function process(int $pid): ?array
{
    $stat = @file_get_contents("/proc/$pid/stat");
    $status = @file_get_contents("/proc/$pid/status");
    if (!$stat || !$status) {
        return null;
    }
    $name = fn (string $field): int => preg_match("/^$field:\s+(\d+)/m", $status, $match) ? (int) $match[1] : 0;
    $after = explode(' ', substr($stat, strrpos($stat, ')') + 2)); // from the third field on: the second may hold spaces
    $uptime = (float) file_get_contents('/proc/uptime');
    return [
        'pid' => $pid,
        'ppid' => $name('PPid'),
        'role' => '',
        'user' => posix_getpwuid($name('Uid'))['name'] ?? (string) $name('Uid'),
        'threads' => $name('Threads'),
        'rss' => $name('VmRSS') * 1024,
        'pss' => pss($pid),
        'cpu_s' => ((int) $after[11] + (int) $after[12]) / TICKS,
        'age_s' => round($uptime - (int) $after[19] / TICKS, 2),
        'requests' => null,
    ];
}

/** Resident memory with shared pages divided among their users, in bytes; null where it may not be read. */
function pss(int $pid): ?int
{
    $smaps = @file_get_contents("/proc/$pid/smaps_rollup");
    return $smaps && preg_match('/^Pss:\s+(\d+)/m', $smaps, $match) ? (int) $match[1] * 1024 : null;
}

/** The processes that serve together with this one: same session and same command line, and php-fpm's master. */
function family(): array
{
    $title = fn (int $pid): string => (string) @file_get_contents("/proc/$pid/cmdline");
    [$me, $master, $rows] = [getmypid(), posix_getppid(), []];
    foreach (array_map('intval', array_filter(scandir('/proc'), 'ctype_digit')) as $pid) {
        $belongs = $title($pid) === $title($me) || ($pid === $master && str_starts_with($title($pid), 'php-fpm: master'));
        if ($belongs && @posix_getsid($pid) === posix_getsid($me) && ($row = process($pid))) {
            $rows[] = $row;
        }
    }
    $parents = array_column($rows, 'ppid');
    foreach ($rows as &$row) {
        $row['role'] = count($rows) === 1 ? 'server' : (in_array($row['pid'], $parents, true) ? 'master' : 'worker');
        if ($row['pss'] === null) {
            $row['pss_why'] = "smaps of {$row['pid']} may not be read";
        }
    }
    return $rows;
}

/** Wait $ms (1000 at most). Begin and end, in seconds of the machine's monotonic clock. */
function hold(int $ms): array
{
    $from = hrtime(true);
    usleep(1000 * min(max($ms, 0), 1000));
    return ['from' => $from / 1e9, 'to' => hrtime(true) / 1e9];
}

/** `echo`: method, body (its bytes as latin-1, so that any survives JSON) and variables, secrets masked. */
function arrived(string $body): array
{
    $variables = [];
    foreach ($_SERVER as $name => $value) {
        if (in_array($name, META_VARIABLES, true) || str_starts_with($name, 'HTTP_')) {
            $variables[$name] = in_array($name, SECRETS, true) ? '(masked)' : (string) $value;
        }
    }
    $text = iconv('ISO-8859-1', 'UTF-8', $body);
    $request = ['method' => $_SERVER['REQUEST_METHOD'], 'length' => strlen($body), 'body' => $text, 'variables' => $variables];
    return [200, 'application/json', json($request)];
}

function json(array $value): string
{
    return json_encode($value, JSON_THROW_ON_ERROR | JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_SLASHES) . "\n";
}

/** A value as the Python app writes it. Control characters are escaped: a terminal would obey them. */
function plain(mixed $value): string
{
    return match (true) {
        $value === null => '-',
        is_bool($value) => $value ? 'True' : 'False',
        is_array($value) => json($value),
        default => addcslashes((string) $value, "\0..\37\177..\377"),
    };
}

function as_text(array $facts): string
{
    $lines = '';
    foreach (array_diff_key($facts, ['processes' => 0]) as $name => $value) {
        $lines .= sprintf("%-20s%s\n", "$name:", plain($value));
    }
    foreach ($facts['processes'] ?? [] as $row) {
        $words = array_map(fn ($name, $value) => "$name " . plain($value), array_keys($row), $row);
        $lines .= sprintf("%-20s%s\n", 'process:', implode('  ', $words));
    }
    return $lines;
}

/** One table, every value escaped; the policy in the headers forbids scripts, should one slip through. */
function as_html(array $facts): string
{
    $safe = fn (mixed $value): string => htmlspecialchars(plain($value));
    $title = $safe($facts['exhibit']);
    $page = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>$title status</title>\n"
        . "<h1>$title behind {$safe($facts['front'])}</h1>\n<table>\n";
    foreach (array_diff_key($facts, ['processes' => 0]) as $name => $value) {
        $page .= "<tr><th scope=\"row\" align=\"left\">$name<td>{$safe($value)}\n";
    }
    $page .= "</table>\n";
    if (isset($facts['processes'])) {
        $head = implode('<th scope="col">', array_keys($facts['processes'][0]));
        $page .= "<table><caption>its family</caption>\n<tr><th scope=\"col\">$head\n";
        foreach ($facts['processes'] as $row) {
            $page .= '<tr><td>' . implode('<td>', array_map($safe, $row)) . "\n";
        }
        $page .= "</table>\n";
    }
    return "$page</html>\n";
}
