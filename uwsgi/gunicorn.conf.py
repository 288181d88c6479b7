"""gunicorn speaking the uwsgi protocol (https://docs.gunicorn.org/en/stable/settings.html)."""

protocol = "uwsgi"
worker_class = "gthread"
workers = 2
threads = 2
worker_connections = 2  # as many as it has threads: more would wait here while the other process is idle
preload_app = True  # import the app once, before forking
umask = 0o117  # the socket 0660
control_socket_disable = True
errorlog = "-"
loglevel = "warning"
uwsgi_allow_ips = "*"  # the peer is a web server of ours on a private socket
keepalive = 0  # uwsgi is one request per connection; kept open for 2 s, Apache waits as long for its end
graceful_timeout = 3
