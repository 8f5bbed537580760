"""What the benchmark prints: the machine, a table for each stage, and at last what was reached of what was wanted."""
import os
import subprocess
import sys

FLAGS = ("avx2", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_int8")


class Report:
    def __init__(self):
        self._reached = []  # (what, reached, wanted, verdict)

    def title(self, text):
        load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
        print(f"\n{text}\n{'-' * len(text)}\nload before (1, 5, 15 minutes): {load}", flush=True)

    def note(self, text):
        print(text, flush=True)

    def progress(self, text):
        print(f"    {text}", file=sys.stderr, flush=True)

    def table(self, head, rows):
        rows = [[str(cell) for cell in row] for row in rows]
        widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
        for row in [head, ["-" * width for width in widths], *rows]:
            cells = [cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))]
            print("  " + "  ".join(cells).rstrip())
        print(flush=True)

    def reached(self, what, value, wanted, holds):
        self._reached.append((what, value, wanted, "yes" if holds else "NO"))

    def measured(self, what, value):
        """A figure without a bound."""
        self._reached.append((what, value, "", ""))

    def left_out(self, what, why):
        print(f"left out: {what}: {why}", flush=True)
        self._reached.append((what, "not measured", "", "-"))

    def summary(self):
        self.title("What was reached")
        self.table(["what", "reached", "wanted", "holds"], self._reached)


def machine():
    with open("/proc/cpuinfo") as lines:
        info = dict(line.split(":", 1) for line in lines if ":" in line)
    info = {key.strip(): value.strip() for key, value in info.items()}
    flags = set(info.get("flags", "").split())
    with open("/proc/meminfo") as lines:
        memory = int(next(line for line in lines if line.startswith("MemTotal")).split()[1])
    compiler = subprocess.run(["c++", "-dumpfullversion"], capture_output=True, text=True).stdout.strip()
    return [("processor", f"{info.get('model name')}, family {info.get('cpu family')} model {info.get('model')}"),
            ("cores", str(len(os.sched_getaffinity(0)))),
            ("of its instructions", " ".join(flag for flag in FLAGS if flag in flags)),
            ("memory", f"{memory / 2**20:.0f} GiB"),
            ("kernel, compiler", f"Linux {os.uname().release.split('-')[0]}, g++ {compiler}")]
