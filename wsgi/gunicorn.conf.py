"""What all gunicorn exhibits share (https://docs.gunicorn.org/en/stable/settings.html)."""

preload_app = True  # import the app once, before forking: workers share its memory and start at once
worker_connections = 2  # gthread: as many as it has threads: more would wait here while the other process is idle
keepalive = 0  # one request per connection, so that no thread waits for a second one that never comes
umask = 0o117  # the socket 0660: gunicorn would make it 0777
control_socket_disable = True  # gunicorn's own control socket would be one more way in
errorlog = "-"
loglevel = "warning"
# The peer is a web server of ours on a private socket, and it overwrites X-Forwarded-*.
forwarded_allow_ips = "*"
forwarder_headers = ""  # the front never sends SCRIPT_NAME as a header, so nobody may
graceful_timeout = 3
