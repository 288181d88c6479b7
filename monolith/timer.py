"""The timer as a process of its own: a loop. uWSGI's timers need a master that sends and a process that receives."""

import time

from clock import tick

while True:
    time.sleep(1 if tick() else 0.1)  # the cache may be a little later than we are
