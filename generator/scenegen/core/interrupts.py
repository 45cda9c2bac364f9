"""Ctrl-C that ends a program in seconds, whatever its main thread does.

Python alone waits until the main thread is back from C code. Here a thread hears the signal as well.
Standard library only: this runs inside Blender.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType

STATUS = 130
"""What a shell gives for a program that Ctrl-C ended."""
MESSAGE = "interrupted; what is finished stays; run the same command again"
PATIENCE = 4.0
LISTENER = "scenegen: listener"
"""The name of threads that wait for signals or lines and import nothing."""

Handler = Callable[[int, FrameType | None], object]


def on_interrupt(react: Callable[[int], object], handler: Handler = signal.default_int_handler) -> Callable[[], None]:
    """From now on, a thread calls `react` at each Ctrl-C with how many there were; the main thread calls `handler`.

    Returns a function that ends that, and the thread. To be called in the main thread; a later call takes over until it
    is ended. A process that was started so that it ignores Ctrl-C, in a shell's background, goes on to do so.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        return lambda: None
    heard, told = os.pipe()
    os.set_blocking(told, False)
    above = signal.set_wakeup_fd(told, warn_on_full_buffer=False)  # Python writes the signal's number there, from C
    before = signal.signal(signal.SIGINT, handler)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # a parent's `deaf` is inherited
    thread = threading.Thread(target=_listen, args=(heard, react), name=LISTENER, daemon=True)
    thread.start()

    def end() -> None:
        signal.set_wakeup_fd(above)
        signal.signal(signal.SIGINT, before or signal.SIG_DFL)  # None: not Python's, and not to be had again
        os.close(told)
        thread.join()

    return end


def _listen(heard: int, react: Callable[[int], object]) -> None:
    count = 0
    while number := os.read(heard, 1):
        if number[0] == signal.SIGINT:
            count += 1
            react(count)
    os.close(heard)


def end_promptly() -> Callable[[], None]:
    """From now on, Ctrl-C raises KeyboardInterrupt; a process that is not over PATIENCE seconds later is ended.

    So is one that is interrupted twice. Its children are killed with it. Returns a function that ends that, for a
    process that goes on after the command.
    """

    def react(count: int) -> None:
        if count > 1:
            _end()
        timer = threading.Timer(PATIENCE, _end)
        timer.daemon = True
        timer.start()

    return on_interrupt(react)


def kill_children() -> None:
    """Kill the processes that multiprocessing started from this one and that are still there."""
    for child in multiprocessing.active_children():
        child.kill()


def _end() -> None:
    print(f"scenegen: {MESSAGE}", file=sys.stderr, flush=True)
    kill_children()
    os._exit(STATUS)


@contextmanager
def deaf() -> Iterator[None]:
    """Threads and processes that start here do not hear Ctrl-C; this process ends them.

    One that is pressed meanwhile is heard at the end.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # the first process would start it, and its start unblocks Ctrl-C
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
