"""A worker ends with the driver that started it: a killed driver leaves no worker that writes.

Beam starts a worker through a shell, so the kernel's own parent-death signal reaches only the
shell; a worker therefore looks once a second whether its driver is still there.
"""

from __future__ import annotations

import functools
import os
import threading
import time

VARIABLE = "CASTOR_DRIVER_PID"
EVERY_S = 1.0


def be_the_driver() -> None:
    """Names this process as the driver of the workers that it will start."""
    os.environ[VARIABLE] = str(os.getpid())


@functools.cache
def end_with_the_driver() -> None:
    """Starts to watch, once per process; does nothing in the driver or without one."""
    driver = os.environ.get(VARIABLE)
    if driver is None or int(driver) == os.getpid():
        return
    threading.Thread(target=_watch, args=(int(driver),), name="driver watch", daemon=True).start()


def _watch(driver: int) -> None:
    while True:
        try:
            os.kill(driver, 0)
        except ProcessLookupError:
            os._exit(1)
        time.sleep(EVERY_S)
