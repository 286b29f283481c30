"""Owns the end of a worker whose parent is gone."""

import multiprocessing
import os
import signal
import threading
from multiprocessing.process import BaseProcess

from shared import logs

log = logs.get(__name__)


def end_with_parent() -> None:
    """See to it that this process, if it is a worker, ends in good order soon after the one that began it.

    Else the workers of a killed parent would serve on, and keep the port from the next start.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), name="parent", daemon=True).start()


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    log.error("parent_is_gone", parent=parent.pid)
    os.kill(os.getpid(), signal.SIGTERM)
