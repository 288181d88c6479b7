"""`up` in the foreground: a signal that comes just before it waits must end it too."""

import signal
import socket
import threading
import time

import pytest

from gateway_zoo.commands import up

LATE_S = 5.0


def test_a_signal_that_interrupts_no_system_call_is_noticed() -> None:
    """The signal goes to another thread: as when it comes between Python's last look and recv(2), recv goes on."""

    def interrupt(signum: int, frame: object) -> None:
        raise KeyboardInterrupt

    def send() -> None:
        time.sleep(0.3)  # the main thread is in recv
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)

    ours, keepers = socket.socketpair()
    end = threading.Timer(LATE_S, keepers.close)
    before = signal.signal(signal.SIGUSR1, interrupt)
    began = time.monotonic()
    try:
        end.start()
        threading.Thread(target=send).start()
        with pytest.raises(KeyboardInterrupt):
            up._listen(ours)
        assert time.monotonic() - began < LATE_S - 1
    finally:
        signal.signal(signal.SIGUSR1, before)
        end.cancel()
        keepers.close()
        ours.close()
