"""Two programs that do the same work step by step, run in turn on one machine, so that whatever else it does hits both.

Protocol of such a program (in C++: benchmarks/step_server.h): it prints "ready PARAMETERS BASE_RSS_MB [NOTES_AS_JSON]",
then for every line "step" that it reads the milliseconds of one step, and at the end of its input its peak memory in MB.
"""
import json, os, resource, statistics, subprocess, sys, time

WARM_UP, LEAST, MOST = 2, 5, 200


def rss_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def serve(parameters, base_mb, step, notes=None):
    """The program's side, in Python."""
    print("ready", parameters, base_mb, json.dumps(notes or {}), flush=True)
    for line in sys.stdin:
        if line.strip() != "step":
            break
        start = time.perf_counter()
        step()
        print((time.perf_counter() - start) * 1e3, flush=True)
    print(rss_mb(), flush=True)


class Worker:
    def __init__(self, command, threads, environment=None):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, "OMP_NUM_THREADS": str(threads), **(environment or {})})
        words = self.process.stdout.readline().split(maxsplit=3)
        if len(words) < 3 or words[0] != "ready":
            raise SystemExit(f"{' '.join(command)} did not start")
        self.parameters, self.base, self.times = int(words[1]), float(words[2]), []
        self.notes = json.loads(words[3]) if len(words) > 3 else {}

    def step(self, keep):
        self.process.stdin.write("step\n")
        self.process.stdin.flush()
        ms = float(self.process.stdout.readline())
        if keep:
            self.times.append(ms)

    def end(self):
        self.process.stdin.write("end\n")
        self.process.stdin.flush()
        self.extra_mb = float(self.process.stdout.readline()) - self.base
        self.process.wait()

    def cpu(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])


def busy_and_all():
    v = [int(x) for x in open("/proc/stat").readline().split()[1:9]]
    return sum(v) - v[3] - v[4], sum(v)


def take_turns(ours, peer, seconds, burst=1):
    """Bursts of steps of one, then of the other. Ends both; medians, minima, and the share of the machine that other
    processes used meanwhile (trust a row if it is small)."""
    for _ in range(WARM_UP):
        peer.step(False), ours.step(False)
    (busy0, all0), cpu0, deadline = busy_and_all(), ours.cpu() + peer.cpu(), time.time() + seconds
    while len(peer.times) < LEAST or (time.time() < deadline and len(peer.times) < MOST):
        for worker in (peer, ours):
            for _ in range(burst):
                worker.step(True)
    (busy1, all1), cpu1 = busy_and_all(), ours.cpu() + peer.cpu()
    ours.end(), peer.end()
    median = statistics.median
    return {"runs": len(peer.times), "peer_ms": median(peer.times), "nfopt_ms": median(ours.times),
            "ratio": median(peer.times) / median(ours.times), "ratio_of_minima": min(peer.times) / min(ours.times),
            "others_pct": 100 * max(0, busy1 - busy0 - cpu1 + cpu0) / max(1, all1 - all0)}
