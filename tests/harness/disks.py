"""Full disks, without disks of our own: a bound on the size of a process's files (RLIMIT_FSIZE). What would grow beyond it is refused with
EFBIG, which programs meet at the same calls, and in the same way, as ENOSPC; what is within it may still be written."""

import contextlib
import pathlib
import resource
import signal


def largest(folder, pattern="*"):
    """The size of the largest file. Files may come and go meanwhile."""
    sizes = [0]
    for file in pathlib.Path(folder).rglob(pattern):
        with contextlib.suppress(FileNotFoundError):
            sizes.append(file.stat().st_size if file.is_file() else 0)
    return max(sizes)


class Disk:
    """The disk of one program: a folder, in which the files that match `pattern` are those that grow.

    A program must ignore SIGXFSZ, or its first refused write ends it: `before_exec` sees to that, and keeps the disk full for a program
    that is started again meanwhile."""

    def __init__(self, folder, pattern="*"):
        self.folder, self.pattern = folder, pattern
        self.bound = resource.RLIM_INFINITY

    def before_exec(self):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        self.apply(0)

    def fill(self, pid, room=0):
        """From now on no file may become larger than the largest one is now and `room` bytes. What is written meanwhile may be larger already."""
        self.bound = largest(self.folder, self.pattern) + room
        self.apply(pid)

    def free(self, pid):
        self.bound = resource.RLIM_INFINITY
        self.apply(pid)

    def apply(self, pid):
        """A process that has ended writes nothing."""
        with contextlib.suppress(ProcessLookupError):
            most = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (most if self.bound == resource.RLIM_INFINITY else self.bound, most))
