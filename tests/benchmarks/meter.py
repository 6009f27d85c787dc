"""Memory and CPU use of a hub and its students' processes."""

import os
import threading
from contextlib import suppress
from dataclasses import dataclass, field

import psutil


@dataclass
class Meter:
    """Sampler of the memory of hub, proxy, servers and kernels, every two seconds; keeps the maximum of each student.

    PSS divides a shared page among the processes that share it, so the sum over all processes is the memory really used.
    """

    process: psutil.Process
    base: int = 0
    most: dict[str, int] = field(default_factory=dict)
    alone: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    together: int = 0
    least_available: int = 0
    load: float = 0.0
    _ends: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Meter":
        self.least_available = psutil.virtual_memory().available
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ends.wait(2):
            self.look()

    def look(self) -> None:
        """Sample all processes once."""
        base, now, alone, seconds = 0, {}, {}, {}
        for one in (self.process, *self.process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                student = one.environ().get("JUPYTERHUB_USER")
                memory = one.memory_full_info()
                times = one.cpu_times()
                if student is None:
                    base += memory.pss
                else:
                    now[student] = now.get(student, 0) + memory.pss
                    alone[student] = alone.get(student, 0) + memory.uss
                    seconds[student] = seconds.get(student, 0.0) + times.user + times.system
        self.base = max(self.base, base)
        self.together = max(self.together, base + sum(now.values()))
        self.least_available = min(self.least_available, psutil.virtual_memory().available)
        self.load = max(self.load, os.getloadavg()[0])
        for kept, new in ((self.most, now), (self.alone, alone), (self.seconds, seconds)):
            for student, value in new.items():
                kept[student] = max(kept.get(student, 0), value)
