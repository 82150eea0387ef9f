"""Trains, kills and resumes a tiny run, then reads it with TensorBoard's own EventAccumulator.

usage: tensorboard_test.py NFOPT        exit status 77: TensorBoard is not there (scripts/setup-tensorboard fetches it)
"""

import csv
import gzip
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

cache = Path(os.environ.get("NFOPT_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nfopt")
for folder in sorted(cache.glob("tensorboard-*")):
    if (folder / "complete").exists():
        sys.path.insert(0, str(folder))
try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
except ImportError as missing:
    print(f"[tensorboard] skipped: no TensorBoard in {cache} ({missing}). scripts/setup-tensorboard fetches it.")
    sys.exit(77)

CONFIG = """name: tiny
architecture: {{name: mlp, input_size: 16, hidden: [8], output_size: 10}}
data: {{name: fashion_mnist, folder: {data}, image_size: 4}}
batch_size: 32
steps: 3000
optimizer: adam
log: {{every: 7}}
evaluation: {{every: 50}}
checkpoint: {{every: 100}}
"""


def write_data(folder):
    """Random images in Fashion-MNIST's four files."""
    folder.mkdir()
    for prefix, count in (("train", 330), ("t10k", 100)):
        images = struct.pack(">4B3I", 0, 0, 8, 3, count, 12, 12) + bytes((i * 7919) % 256 for i in range(count * 144))
        labels = struct.pack(">4BI", 0, 0, 8, 1, count) + bytes(i % 10 for i in range(count))
        (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        (folder / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))


def check(condition, message):
    if not condition:
        sys.exit(f"[tensorboard] {message}")


def scalars_of(run):
    events = EventAccumulator(str(run), size_guidance={"scalars": 0})
    events.Reload()
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def column_of(run, column):
    with open(run / "metrics.csv", newline="") as file:
        return [(int(row["step"]), float(row[column])) for row in csv.DictReader(file) if row[column]]


def check_run(run):
    scalars = scalars_of(run)
    for tag in ("train/loss", "train/accuracy", "test/loss", "test/accuracy"):
        expected = column_of(run, tag.replace("/", "_"))
        read = scalars.get(tag, [])
        check([step for step, _ in read] == [step for step, _ in expected], f"{run.name}: the steps of {tag} differ")
        for (step, value), (_, exact) in zip(read, expected):
            check(abs(value - exact) <= 1e-6 * abs(exact), f"{run.name}: {tag} at step {step}: {value}, expected {exact}")
    times = scalars["time/ms_per_step"]
    check(len(times) == len(scalars["train/loss"]) and all(0 < value < 1e4 for _, value in times), f"times {times}")


def main(nfopt):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(folder / "data")
        config = folder / "tiny.yaml"
        config.write_text(CONFIG.format(data=folder / "data"))
        train = [nfopt, "train", str(config), "--out"]

        subprocess.run([*train, str(folder / "whole")], check=True, capture_output=True)
        check_run(folder / "whole")

        run = folder / "killed"
        for _ in range(2):  # the second time while it resumes
            before = len(list(run.glob("checkpoints/step-*"))) and max(run.glob("checkpoints/step-*"))
            process = subprocess.Popen([*train, str(run), *(["--resume"] if before else [])], stderr=subprocess.DEVNULL)
            while process.poll() is None and max(run.glob("checkpoints/step-*"), default=0) in (0, before):
                time.sleep(0.001)
            time.sleep(0.01)  # some steps beyond the checkpoint
            process.send_signal(signal.SIGKILL)
            process.wait()
        subprocess.run([*train, str(run), "--resume"], check=True, capture_output=True)
        files = sorted(path.name for path in run.glob("events.out.tfevents.*"))
        check(len(files) >= 2, f"expected a file for each process, found {files}")
        check_run(run)
        print(f"[tensorboard] read {len(files) + 1} files of two runs, one of them killed twice")


main(sys.argv[1])
