#!/usr/bin/env python3
"""NPLinear and HNPLinear of nfopt beside those of nfn 0.1.2 (PyTorch, CPU, float32), step by step in turn.

  build/peers/nfn/bin/python benchmarks/peers/nfn/nfn_layers.py [--only REGEX] [--threads 2] [--seconds 6]
      [--nfopt build/release/bin/nfn_layer_benchmark] [--out FILE]

Two fresh processes per row, one of each library, with the same shapes and threads; a step of one, then a step of the
other, so that both see the same machine. forward: without gradients. forward+backward: gradients of sum(cot * out) with
respect to all inputs and all parameters. Prints one row per case and phase: medians, minima, their ratios (nfn / nfopt:
above 1 nfopt is faster), the memory that each process took beyond what it had after loading its libraries, and the
share of the machine that other processes used meanwhile (trust a row if it is small). --out keeps the rows as JSON.
"""
import argparse, json, os, pathlib, re, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from side_by_side import Worker, rss_mb, serve, take_turns

INR, MLP, CNN = ("2-32-32-3", 0, 32), ("784-128-128-10", 0, 4), ("3-16-32-32-10", 3, 8)  # sizes, kernel, batch
CASES = [("NPLinear", "inr", INR, 32, 32), ("NPLinear", "mlp", MLP, 32, 32), ("NPLinear", "cnn", CNN, 32, 32),
         ("HNPLinear", "inr", INR, 32, 32), ("HNPLinear", "mlp", MLP, 4, 4), ("HNPLinear", "cnn", CNN, 32, 32),
         ("NPLinear", "inr", INR, 1, 32), ("NPLinear", "mlp", MLP, 1, 32), ("NPLinear", "cnn", CNN, 1, 32)]
PHASES = ("forward", "forward+backward")


def nfn_worker(layer, sizes, kernel, batch, c_in, c_out, phase, threads):
    """The same protocol as nfn_layer_benchmark."""
    import torch
    from nfn import layers
    from nfn.common import WeightSpaceFeatures, network_spec_from_wsfeat
    torch.set_num_threads(int(threads))
    torch.manual_seed(0)
    base = rss_mb()
    n, kernel, batch, c_in, c_out = [int(s) for s in sizes.split("-")], int(kernel), int(batch), int(c_in), int(c_out)
    train = phase == "forward+backward"

    def features(channels, grad):
        kernels = [(kernel, kernel) if kernel and i + 2 < len(n) else () for i in range(len(n) - 1)]
        w = [torch.randn(batch, channels, n[i + 1], n[i], *kernels[i]) for i in range(len(n) - 1)]
        b = [torch.randn(batch, channels, n[i + 1]) for i in range(len(n) - 1)]
        for t in w + b:
            t.requires_grad_(grad)
        return WeightSpaceFeatures(w, b)

    x, cot = features(c_in, train), features(c_out, False)
    module = getattr(layers, layer)(network_spec_from_wsfeat(x), c_in, c_out)
    parameters, leaves = list(module.parameters()), list(x.weights) + list(x.biases)

    def step():
        if not train:
            with torch.no_grad():
                return module(x)
        for t in parameters + leaves:
            t.grad = None
        y = module(x)
        torch.autograd.backward(list(y.weights) + list(y.biases), list(cot.weights) + list(cot.biases))

    serve(sum(p.numel() for p in parameters), base, step)


def measure(case, phase, options):
    layer, name, (sizes, kernel, batch), c_in, c_out = case
    arguments = [layer, sizes, str(kernel), str(batch), str(c_in), str(c_out), phase, str(options.threads)]
    ours = Worker([options.nfopt] + arguments, options.threads)
    peer = Worker([sys.executable, os.path.abspath(__file__), "--worker"] + arguments, options.threads)
    assert ours.parameters == peer.parameters, f"{ours.parameters} parameters, nfn has {peer.parameters}"
    row = take_turns(ours, peer, options.seconds)
    return {"layer": layer, "network": f"{name} {sizes}", "batch": batch, "channels": f"{c_in}-{c_out}", "phase": phase,
            "parameters": ours.parameters, **row, "nfn_mb": peer.extra_mb, "nfopt_mb": ours.extra_mb}


def main():
    if len(sys.argv) > 1 and sys.argv[1] == "--worker":
        return nfn_worker(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="rows whose 'LAYER network channels phase' matches")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=6.0, help="per row")
    parser.add_argument("--nfopt", default="build/release/bin/nfn_layer_benchmark")
    parser.add_argument("--out")
    options = parser.parse_args()
    rows = []
    print("| layer | network | batch | channels | phase | nfn ms | nfopt ms | ratio | of minima | nfn MB | nfopt MB | others |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for case in CASES:
        for phase in PHASES:
            if not re.search(options.only, f"{case[0]} {case[1]} {case[3]}-{case[4]} {phase}"):
                continue
            r = measure(case, phase, options)
            rows.append(r)
            print(f"| {r['layer']} | {r['network']} | {r['batch']} | {r['channels']} | {r['phase']} | {r['peer_ms']:.2f} | "
                  f"{r['nfopt_ms']:.2f} | {r['ratio']:.2f} | {r['ratio_of_minima']:.2f} | {r['nfn_mb']:.0f} | "
                  f"{r['nfopt_mb']:.0f} | {r['others_pct']:.0f} % |", flush=True)
            if options.out:
                with open(options.out, "w") as f:
                    json.dump(rows, f, indent=1)


if __name__ == "__main__":
    main()
