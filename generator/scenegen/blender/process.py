"""A Blender that stays open and answers requests: JSON lines on its standard input and output.

An answer is a line of its standard output that starts with "@scenegen "; everything else it prints is Blender's own
noise. The end of its input ends it, so that no Blender outlives a killed parent.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

from scenegen.core.blender_protocol import MARK
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.interrupts import LISTENER

LOG_LINES = 30


class HostLostError(Exception):
    """The child died or hung; `log` is the end of what it printed.

    `refused` is its own reason why it cannot start with these arguments: another Blender would give the same.
    """

    def __init__(self, reason: str, log: tuple[str, ...], refused: ScenegenError | None = None) -> None:
        super().__init__(reason)
        self.log = log
        self.refused = refused


class BlenderProcess:
    """A running child. After HostLostError it is gone: start another."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], cores: Collection[int] = ()) -> None:
        self._busy = False
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._answers: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        # A session of its own: Ctrl-C in the terminal is the parent's to handle.
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
                env=environment,
            )
        except OSError as error:
            raise HostLostError(f"{command[0]}: cannot be started ({error.strerror})", ()) from error
        if cores and hasattr(os, "sched_setaffinity"):
            with suppress(OSError):  # it has ended already: the first answer reports that
                os.sched_setaffinity(self.pid, cores)
        self._reader = threading.Thread(target=self._read, name=LISTENER, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def send(self, request: Mapping[str, Any]) -> None:
        """Send a request. If the child has died, `receive` says so."""
        assert self._process.stdin is not None
        self._busy = True
        with suppress(BrokenPipeError, ConnectionResetError):
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()

    def receive(self, timeout: float) -> dict[str, Any]:
        """The next answer, with the log so far. Raises HostLostError when the child dies or takes over `timeout` s."""
        try:
            answer = self._answers.get(timeout=timeout)
        except queue.Empty:
            raise self._hung(timeout) from None
        if answer is None:
            raise self._died()
        self._busy = False
        return {**answer, "log": tuple(self._log)}

    def close(self) -> None:
        """Close the child's input so that it ends by itself, interrupt its work; kill it after two seconds."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
            if self._busy:
                self._process.send_signal(signal.SIGINT)  # it removes its temporary folders
            self._process.wait(timeout=2)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._reader.join(timeout=5)

    def _hung(self, timeout: float) -> HostLostError:
        self._process.kill()
        self._process.wait()
        self._reader.join(timeout=5)
        return HostLostError(f"Blender hung: no answer in {timeout:.0f} s", tuple(self._log))

    def _died(self) -> HostLostError:
        try:
            status = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:  # it closed its output and still runs
            self._process.kill()
            status = self._process.wait()
        self._reader.join(timeout=5)
        log = tuple(self._log)
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        return HostLostError(f"Blender died ({how})", log, _refusal(status, log))

    def _read(self) -> None:
        """Sort the child's lines into answers and log; None marks its end."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            # Blender's own prints have no newline at times: the mark may stand behind one.
            noise, mark, body = line.partition(MARK)
            if noise.strip():
                self._log.append(noise.rstrip())
            if mark and body.endswith("}\n"):
                self._answers.put(json.loads(body))
        self._answers.put(None)


def _refusal(status: int, log: tuple[str, ...]) -> ScenegenError | None:
    """The error that a script printed at its end, if its exit status says that the request cannot be done."""
    errors = [line.removeprefix("error: ") for line in log if line.startswith("error: ")]
    if not errors or status not in (1, 2):
        return None
    return UsageError(errors[-1]) if status == 2 else ScenegenError(errors[-1])
