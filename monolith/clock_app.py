"""The app with one endpoint more, `clock`; and in the monolith, where there is a mule, the timer."""

import os
import time

from clock import program, read, tick
from flask import Response, jsonify
from zoo_app import app

import uwsgi

TICK = 1  # uWSGI's signals are numbers from 0 to 255 of our own choice; no relation to kill(1)
STALE_S = 3.0


@app.get("/clock", provide_automatic_options=False)
def clock() -> Response:
    """What the timer wrote last, how old it is (seconds), who wrote it and who answers."""
    found = read()
    if found is None:
        return Response("the cache is empty, or does not answer\n", 503, mimetype="text/plain")
    age = round(time.time() - found["time"], 3)
    reader = {"pid": os.getpid(), "program": program()}
    return jsonify({**found, "reader": reader, "age_s": age, "stale": age > STALE_S})


if "mule" in uwsgi.opt:
    tick()  # here in the master, before it forks: the first second, too, has a time
    uwsgi.register_signal(TICK, "mule1", tick)
    uwsgi.add_timer(TICK, 1)  # the master sends it each second
