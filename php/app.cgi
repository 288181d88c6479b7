#!/usr/bin/env php-cgi
<?php // A CGI program: the kernel starts its interpreter by the line above, for one request (RFC 3875).
const RUN_ONCE = true;
require __DIR__ . '/app.php';
