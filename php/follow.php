<?php
// Report one request to `zoo follow`: app/zoo_follow.py in PHP. app.php requires this file only for such a request. The
// report is one datagram of JSON to $ZOO_RUN/sock/followN.sock; the answer stays the same, also if nobody listens.

declare(strict_types=1);

const DATAGRAM = 60_000; // bytes
const NAMES = 300;       // names in a report

// Names without a secret, beside META_VARIABLES and HTTP_*. Of all others the report has the name and "(masked)".
const KNOWN = '~^((CONTEXT|DOCUMENT|FCGI|REQUEST|SCRIPT|SERVER|REMOTE)_[A-Z_]+|SCGI|UNIQUE_ID|PHP_SELF|PHPRC|argc|argv'
    . '|SSL_(PROTOCOL|CIPHER|TLS_SNI)|proxy[-_][a-z-]+|ap_trust_cgilike_cl|NO_BUFFERING'
    . '|ZOO_(RUN|FAMILY|ECHO|EXHIBIT|OURS|REFUSED|MISSING)|zoo_base|PATH|LANG|LC_[A-Z]+|HOME|PWD|USER)$~D';

/** Send the report of this request; do nothing where that is impossible. $began: nanoseconds of hrtime(). */
function report(int $status, int $began): void
{
    if (!preg_match('~^follow([1-9][0-9]?)-[!-\~]{1,100}$~D', $_SERVER['HTTP_X_REQUEST_ID'], $id)) {
        return;
    }
    $answer = new ReflectionFunction('answer');
    $facts = [
        'id' => $id[0],
        'exhibit' => substr($_SERVER['SCRIPT_NAME'], 1),
        'kind' => '$_SERVER',
        'pid' => getmypid(),
        'thread' => getmypid(), // PHP has one thread a process, and Linux gives it the same number
        'began' => $began / 1e9,
        'ended' => hrtime(true) / 1e9,
        'status' => $status,
        'source' => ['file' => 'php/app.php', 'first' => $answer->getStartLine(), 'last' => $answer->getEndLine()],
    ];
    foreach ([4000, 400, 40, 0] as $most) { // characters of a value: the first length with which the report is short enough
        $datagram = json_encode($facts + ['given' => given($most)], JSON_INVALID_UTF8_SUBSTITUTE | JSON_THROW_ON_ERROR);
        if (strlen($datagram) <= DATAGRAM) {
            break;
        }
    }
    $path = getenv('ZOO_RUN') . "/sock/follow{$id[1]}.sock";
    if ($socket = @stream_socket_client("udg://$path", timeout: 0.0)) {
        stream_set_blocking($socket, false); // a follower that does not read must not hold the answer back
        @stream_socket_sendto($socket, $datagram);
    }
}

/** @return array<string, string> the variables, each value cut to $most characters */
function given(int $most): array
{
    require_once __DIR__ . '/status.php'; // META_VARIABLES, SECRETS
    $texts = [];
    foreach (array_slice($_SERVER, 0, NAMES) as $name => $value) {
        $header = str_starts_with($name, 'HTTP_');
        $shown = $header ? !in_array($name, SECRETS, true) : in_array($name, META_VARIABLES, true) || preg_match(KNOWN, $name);
        $text = $shown ? (is_array($value) ? implode(' ', $value) : (string) $value) : '(masked)';
        $texts[substr($name, 0, 100)] = strlen($text) <= $most ? $text : substr($text, 0, $most) . '… (' . strlen($text) . ' bytes)';
    }
    if (count($_SERVER) > NAMES) {
        $texts['…'] = '(and ' . (count($_SERVER) - NAMES) . ' names more)';
    }
    ksort($texts);
    return $texts;
}
