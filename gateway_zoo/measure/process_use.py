"""What some processes use together: threads and memory."""

from collections.abc import Iterable
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Use:
    """Processes: how many, their threads, their PSS in bytes (None where it may not be read)."""

    processes: int
    threads: int
    pss: int | None


def use_of(all_processes: Iterable[psutil.Process]) -> Use:
    """What these processes use now."""
    processes, threads = 0, 0
    sizes: list[int | None] = []
    for process in all_processes:
        try:
            threads += process.num_threads()
            sizes.append(process.memory_full_info().pss)
        except psutil.NoSuchProcess:
            continue
        except (psutil.Error, OSError):
            sizes.append(None)
        processes += 1
    return Use(processes, threads, None if None in sizes else sum(filter(None, sizes)))
