"""gunicorn as a uwsgi server (docs.gunicorn.org, Settings)."""

protocol = "uwsgi"
worker_class = "gthread"
workers = 2
threads = 2  # 2 x 2 = the four slots of every exhibit
worker_connections = 2  # one per thread; more would wait here while the other process is idle
preload_app = True  # import the app once, before the fork
umask = 0o117  # the socket gets mode 0660; gunicorn would give it 0777
control_socket_disable = True  # gunicorn's own control socket would be one more way in
errorlog = "-"  # standard error: the keeper sends it to a log file
loglevel = "warning"
uwsgi_allow_ips = "*"  # the peer is a web server of ours on a private socket
keepalive = 0  # uwsgi has one request per connection; Apache would wait 2 s for the end of an open one
graceful_timeout = 3  # seconds for a worker that is still busy at the end
