"""gunicorn's settings (docs.gunicorn.org, Settings)."""

preload_app = True  # import the app once, before the fork: workers share its memory and start at once
worker_connections = 2  # gthread: one per thread; more would wait here while the other process is idle
keepalive = 0  # one request per connection, so that no thread waits for a second one that never comes
umask = 0o117  # the socket gets mode 0660; gunicorn would give it 0777
control_socket_disable = True  # gunicorn's own control socket would be one more way in
errorlog = "-"  # standard error: the keeper sends it to a log file
loglevel = "warning"
# The peer is a web server of ours on a private socket, and it overwrites X-Forwarded-*.
forwarded_allow_ips = "*"
forwarder_headers = ""  # the front sends no header SCRIPT_NAME, so gunicorn must believe none
graceful_timeout = 3  # seconds for a worker that is still busy at the end
