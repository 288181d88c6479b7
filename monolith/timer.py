"""The timer as a loop: uWSGI's own timers need a master."""

import time

from clock import tick

while True:
    time.sleep(1 if tick() else 0.1)  # the cache may start a little later than this process
