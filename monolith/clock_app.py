"""The zoo's app with one more endpoint, `clock`.

In the monolith it also starts the timer, in a mule.
"""

import os
import time

from clock import program, read, tick
from flask import Response, jsonify
from zoo_app import app

import uwsgi

TICK = 1  # our number for a uWSGI signal, from 0 to 255; such a signal is not one of kill(1)
STALE_S = 3.0


@app.get("/clock", provide_automatic_options=False)
def clock() -> Response:
    """Show the timer's last record, its age (s), and the reader."""
    record = read()
    if record is None:
        return Response("the cache is empty, or does not answer\n", 503, mimetype="text/plain")
    age = round(time.time() - record["time"], 3)
    reader = {"pid": os.getpid(), "program": program()}
    return jsonify({**record, "reader": reader, "age_s": age, "stale": age > STALE_S})


if "mule" in uwsgi.opt:
    tick()  # in the master, before it forks: so a clock is there before the first second ends
    uwsgi.register_signal(TICK, "mule1", tick)
    uwsgi.add_timer(TICK, 1)  # the master sends it each second
