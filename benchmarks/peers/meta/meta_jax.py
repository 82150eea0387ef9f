"""Meta-training of the UNF optimizer (pointwise trunk + one UNF layer) with persistent evolution strategies, in plain JAX.

Task: Fashion-MNIST, images area-averaged to 8x8, pixel/255, MLP 64-32-10 (relu), batch 128, cross entropy.
One outer step = P antithetic pairs (2P inner runs), K inner steps each, then Adam on the clipped PES gradient.
Everything of an outer step is inside one jit. Runs are independent, so they are mapped one by one inside the compiled
program (a run's working set then stays in cache) or vmapped, and can be split over several XLA host devices.

  python meta_jax.py throughput [--mode map|vmap] [--devices 1|2] [--bursts]
  python meta_jax.py train --minutes 25 --lr 1e-3 --out theta.npz
  python meta_jax.py compare --theta theta.npz
"""
import argparse, gzip, json, math, os, resource, sys, time

ap = argparse.ArgumentParser()
ap.add_argument("cmd", nargs="?", default="throughput")
ap.add_argument("--mode", default="map", choices=["map", "vmap"])
ap.add_argument("--devices", type=int, default=1)
ap.add_argument("--pairs", type=int, default=16)
ap.add_argument("--trunc", type=int, default=50)
ap.add_argument("--batch", type=int, default=128)
ap.add_argument("--horizon", type=int, default=2000)
ap.add_argument("--sigma", type=float, default=0.01)
ap.add_argument("--lr", type=float, default=1e-3)
ap.add_argument("--clip", type=float, default=1.0)
ap.add_argument("--minutes", type=float, default=25.0)
ap.add_argument("--steps", type=int, default=12)
ap.add_argument("--seed", type=int, default=0)
ap.add_argument("--seeds", type=int, default=8)
ap.add_argument("--beta0", type=float, default=1e-3, help="initial output multiplier of the network")
ap.add_argument("--alpha0", type=float, default=0.1, help="initial step size (tuned SGDM corresponds to about ten times its learning rate)")
ap.add_argument("--warmup", type=int, default=0)
ap.add_argument("--theta", default="")
ap.add_argument("--out", default="unf_theta.npz")
ap.add_argument("--log", default="")
ap.add_argument("--no-multi-thread-eigen", action="store_true")
ap.add_argument("--bursts", action="store_true", help="throughput: compile, then measure --steps outer steps for every line read, so that a caller can alternate peers")
A = ap.parse_args() if __name__ == "__main__" else ap.parse_args([])
if __name__ == "__main__":
    fl = [f"--xla_force_host_platform_device_count={A.devices}"]
    if A.no_multi_thread_eigen: fl.append("--xla_cpu_multi_thread_eigen=false")
    os.environ["XLA_FLAGS"] = " ".join(fl + [os.environ.get("XLA_FLAGS", "")])
import numpy as np, jax, jax.numpy as jnp
from jax.sharding import Mesh, PartitionSpec as PS

DATA = os.environ.get("FASHION_MNIST", "/usr/share/datasets/fashion-mnist")
DECAYS = np.array([0.1, 0.5, 0.9, 0.99, 0.999, 0.9999], np.float32)
TAUS = np.array([1, 3, 10, 30, 100, 300, 1e3, 3e3, 1e4, 3e4, 1e5], np.float32)
C = 32

# ---------------------------------------------------------------- data
def load(split):
    rd = lambda f: gzip.open(os.path.join(DATA, f)).read()
    x = np.frombuffer(rd(f"{split}-images-idx3-ubyte.gz"), np.uint8, offset=16).reshape(-1, 28, 28).astype(np.float32) / 255
    y = np.frombuffer(rd(f"{split}-labels-idx1-ubyte.gz"), np.uint8, offset=8).astype(np.int32)
    pool = np.zeros((8, 28), np.float32)                        # exact area average: 28/8 = 3.5 pixels a cell
    for i in range(8):
        for j in range(28): pool[i, j] = max(0.0, min(3.5 * (i + 1), j + 1) - max(3.5 * i, j)) / 3.5
    return np.einsum("ai,nij,bj->nab", pool, x, pool, optimize=True).reshape(-1, 64), y

# ---------------------------------------------------------------- UNF layer, any spec
def partitions(items):
    if len(items) <= 1: yield [items] if items else []; return
    for sub in partitions(items[1:]):
        for n, b in enumerate(sub): yield sub[:n] + [[items[0]] + b] + sub[n + 1:]
        yield [[items[0]]] + sub

def valid_partitions(labels):
    import itertools
    groups = {}
    for i, l in enumerate(labels): groups.setdefault(l, []).append(i)
    for p in itertools.product(*[list(partitions(g)) for g in groups.values()]): yield [b for q in p for b in q]

def make_plan(labels):
    """per output tensor: number of terms and {output pattern: [(term, input tensor, block of every input axis, kept blocks)]}"""
    plan = []
    for o in labels:
        n, groups = 0, {}
        for j, i in enumerate(labels):
            for part in valid_partitions(tuple(o) + tuple(i)):
                blk = {d: b for b, s in enumerate(part) for d in s}
                ob, ib = [blk[d] for d in range(len(o))], [blk[len(o) + d] for d in range(len(i))]
                kept = [b for b in dict.fromkeys(ib) if b in ob]
                canon = {b: k for k, b in enumerate(dict.fromkeys(ib))}
                pat = tuple(kept.index(b) if b in kept else -1 - list(dict.fromkeys(ob)).index(b) for b in ob)
                groups.setdefault(pat, []).append((n, j, tuple(canon[b] for b in ib), tuple(canon[b] for b in kept)))
                n += 1
        plan.append((n, groups))
    return plan

def contract(x, ib, kept):
    """read diagonals (axes in the same block), mean over blocks that are not kept; x is [*axes, C]"""
    ids = list(ib)
    for b in dict.fromkeys(ib):
        ax = [k for k, v in enumerate(ids) if v == b]
        if len(ax) > 1:
            rest = [k for k in range(len(ids)) if k not in ax]
            x = jnp.transpose(x, ax + rest + [x.ndim - 1])
            r = jnp.arange(x.shape[0]); x = x[(r,) * len(ax)]; ids = [b] + [ids[k] for k in rest]
    drop = tuple(k for k, b in enumerate(ids) if b not in kept)
    if drop: x = jnp.mean(x, axis=drop)
    left = [b for b in ids if b in kept]
    return jnp.transpose(x, [left.index(b) for b in kept] + [len(left)])

def expand(y, pat, shape, tail=()):
    """place y (kept axes, then tail) into a tensor that broadcasts to shape + tail: transpose, broadcast, or write to a diagonal"""
    uniq = list(dict.fromkeys(pat)); order = [u for u in uniq if u >= 0]; nt = len(tail)
    y = jnp.transpose(y, order + [len(order) + k for k in range(nt)])
    if len(uniq) == len(pat): return y.reshape([shape[k] if v >= 0 else 1 for k, v in enumerate(pat)] + list(tail))
    size = {u: shape[pat.index(u)] for u in uniq}
    y = jnp.broadcast_to(y.reshape([size[u] if u >= 0 else 1 for u in uniq] + list(tail)), [size[u] for u in uniq] + list(tail))
    grid = jnp.meshgrid(*[jnp.arange(size[u]) for u in uniq], indexing="ij")
    return jnp.zeros(tuple(shape) + tuple(tail), y.dtype).at[tuple(grid[uniq.index(v)] for v in pat)].set(y)

by_size = lambda groups: sorted(groups, key=lambda p: sum(v >= 0 for v in p))        # small patterns are added first

def unf_apply(plan, thetas, biases, hs):
    """many output channels: each contraction once, one GEMM per (output tensor, output pattern), then one broadcast add"""
    memo, outs = {}, []
    def get(j, ib, kept):
        if (j, ib, kept) not in memo: memo[j, ib, kept] = contract(hs[j], ib, kept)
        return memo[j, ib, kept]
    for (n, groups), th, b, h in zip(plan, thetas, biases, hs):
        out = 0
        for pat in by_size(groups):
            x = jnp.concatenate([get(j, ib, kept) for _, j, ib, kept in groups[pat]], -1)
            y = x @ th[np.array([t for t, *_ in groups[pat]])].reshape(-1, th.shape[-1])
            out = out + expand(y, pat, h.shape[:-1], y.shape[-1:])
        outs.append(out + b)
    return outs

def unf_apply_to_scalar(plan, thetas, biases, hs, shapes):
    """one output channel, inputs channels-first [C, size]: mix channels of every tensor first (one GEMM a tensor), then reduce"""
    reads, acc = {}, [{} for _ in shapes]
    for o, (n, groups) in enumerate(plan):
        for pat, terms in groups.items():
            for t, j, ib, kept in terms: reads.setdefault(j, {}).setdefault((ib, kept), []).append((o, pat, t))
    for j, (h, s) in enumerate(zip(hs, shapes)):
        W = jnp.concatenate([thetas[o][t] for L in reads[j].values() for o, _, t in L], 1)
        y = jax.lax.optimization_barrier(jax.lax.dot_general(W, h, (((0,), (0,)), ((), ())))).reshape((-1,) + tuple(s))
        q = 0
        for (ib, kept), L in reads[j].items():
            r = jnp.moveaxis(contract(jnp.moveaxis(y[q:q + len(L)], 0, -1), ib, kept), -1, 0); q += len(L)
            for z, (o, pat, t) in zip(r, L): acc[o].setdefault(pat, []).append(z)
    outs = []
    for o, s in enumerate(shapes):
        out = biases[o]
        for pat in by_size(acc[o]):
            z = acc[o][pat]; out = out + expand(jax.lax.optimization_barrier(sum(z[1:], z[0])), pat, s)
        outs.append(jnp.broadcast_to(out, s))
    return outs

# ---------------------------------------------------------------- the optimizer
class UNFOptimizer:
    """meta-parameters are one flat vector; the weights of a run are one flat vector"""
    def __init__(self, labels, shapes, hidden=C):
        self.shapes, self.plan, H = shapes, make_plan(labels), hidden
        self.sizes = [int(np.prod(s)) for s in shapes]; self.n = sum(self.sizes)
        self.off = np.concatenate([[0], np.cumsum(self.sizes)])
        self.layout = [("W1", (19, H)), ("b1", (H,)), ("W2", (H, H)), ("b2", (H,)), ("W3", (H, H)), ("b3", (H,))]
        self.layout += [(f"th{i}", (n, H, 1)) for i, (n, _) in enumerate(self.plan)] + [("fb", (len(shapes),)), ("s", (3,))]
        self.dim = sum(int(np.prod(s)) for _, s in self.layout)
    def unflatten(self, v):
        out, k = {}, 0
        for n, s in self.layout: out[n] = v[k:k + int(np.prod(s))].reshape(s); k += int(np.prod(s))
        return out
    def init_theta(self, seed, beta=1e-3, alpha=0.1):
        r = np.random.default_rng(seed); parts = []
        for n, s in self.layout:
            if n[0] == "W":
                z = r.standard_normal(s)
                while (np.abs(z) > 2).any(): z = np.where(np.abs(z) > 2, r.standard_normal(s), z)
                v = z / math.sqrt(s[0]) / 0.87962566103423978
            elif n[:2] == "th": v = r.standard_normal(s) / math.sqrt(s[0] * s[1])
            elif n == "s": v = np.log([alpha, beta, 0.1])
            else: v = np.zeros(s)
            parts.append(np.ravel(v))
        return jnp.asarray(np.concatenate(parts), jnp.float32)
    def net(self, T, p, g, m, t):
        tf = jnp.tanh(t / TAUS - 1.0)
        x = jnp.clip(jnp.concatenate([p[None], g[None], m], 0), -1, 1)               # [8, n]
        ss = jnp.sum(x * x, 0)
        scale = jnp.concatenate([jnp.broadcast_to(jax.lax.rsqrt(1e-5 + jnp.sum(ss[a:b]) / (8 * (b - a))), (b - a,)) for a, b in zip(self.off, self.off[1:])])
        mix = lambda W, h: jax.lax.dot_general(W, h, (((0,), (0,)), ((), ())))         # channels first: [C, n]
        h = jax.nn.relu(mix(T["W1"][:8], x * scale) + (T["b1"] + tf @ T["W1"][8:])[:, None])
        h = jax.nn.relu(mix(T["W2"], h) + T["b2"][:, None])
        h = jax.nn.relu(mix(T["W3"], h) + T["b3"][:, None])
        hs = [h[:, a:b] for a, b in zip(self.off, self.off[1:])]
        return jnp.concatenate([o.ravel() for o in unf_apply_to_scalar(self.plan, [T[f"th{i}"] for i in range(len(hs))], T["fb"], hs, self.shapes)])
    def init(self, p):
        return dict(p=p, m=jnp.zeros((6,) + p.shape, p.dtype), mom=jnp.zeros_like(p), t=jnp.zeros((), jnp.int32))
    def update(self, T, st, g):
        m = DECAYS[:, None] * st["m"] + (1 - DECAYS[:, None]) * g
        f = self.net(T, st["p"], g, m, st["t"])
        gamma = 1 - jnp.exp(T["s"][2])
        mom = gamma * st["mom"] + (1 - gamma) * g
        p = st["p"] - jnp.exp(T["s"][0]) * (jnp.exp(T["s"][1]) * f + mom)
        return dict(p=p, m=m, mom=mom, t=st["t"] + 1)

MLP_LABELS = [(1,), (0, 1), (2,), (1, 2)]                                            # b0, w0, b1, w1 (the reference's order)
MLP_SHAPES = [(32,), (64, 32), (10,), (32, 10)]

def mlp_loss(p, x, y):
    b0, w0, b1, w1 = p[:32], p[32:2080].reshape(64, 32), p[2080:2090], p[2090:].reshape(32, 10)
    z = jax.nn.relu(x @ w0 + b0) @ w1 + b1
    return jnp.mean(jax.nn.logsumexp(z, -1) - jnp.take_along_axis(z, y[:, None], 1)[:, 0])

def mlp_init(key, n):
    k0, k1 = jax.random.split(key)
    tn = lambda k, s, f: jax.random.truncated_normal(k, -2, 2, (n,) + s) / math.sqrt(f)
    return jnp.concatenate([jnp.zeros((n, 32)), tn(k0, (64, 32), 64).reshape(n, -1), jnp.zeros((n, 10)), tn(k1, (32, 10), 32).reshape(n, -1)], 1)

def normalise(l):
    top = 1.5 * math.log(10)
    return jnp.nan_to_num(jnp.clip(l, 0, top), nan=top, posinf=top, neginf=top)

# ---------------------------------------------------------------- PES
def make_outer_step(opt, X, Y, P, K, B, T, sigma, meta_opt, clip, mode, mesh=None):
    def window(args):
        """one run, K inner steps; a finished run is restarted on the next step (that step is masked out)"""
        th, st, p_new, idx = args
        D = opt.unflatten(th)
        def step(st, ix):
            def train(st):
                l, g = jax.value_and_grad(mlp_loss)(st["o"]["p"], X[ix], Y[ix])
                return dict(o=opt.update(D, st["o"], g), k=st["k"] + 1), normalise(l)
            def reset(st): return dict(o=opt.init(p_new), k=jnp.zeros_like(st["k"])), jnp.zeros(())
            done = st["k"] >= T
            st, l = jax.lax.cond(done, reset, train, st)
            return st, (l, st["k"] >= T, st["k"] != 0)
        return jax.lax.scan(step, st, idx)
    runs = jax.vmap(lambda *a: window(a)) if mode == "vmap" else (lambda *a: jax.lax.map(window, a))
    def local(theta, st, acc, key):
        """st: state of the local pairs, leading axes [2, p]"""
        p = acc.shape[0]
        ke, ki, kn = jax.random.split(key, 3)
        eps = sigma * jax.random.normal(ke, (p, theta.shape[0]))
        idx = jax.random.randint(ki, (p, K, B), 0, X.shape[0])
        fresh = mlp_init(kn, p)
        two = lambda a: jnp.concatenate([a, a], 0)
        flat = lambda t: jax.tree_util.tree_map(lambda a: a.reshape((2 * p,) + a.shape[2:]), t)
        st, (l, done, mask) = runs(jnp.concatenate([theta + eps, theta - eps], 0), flat(st), two(fresh), two(idx))
        lp, ln = l[:p], l[p:]; mask = mask[:p].astype(l.dtype); fin = jnp.cumsum(done[:p], 1) > 0
        d = (lp - ln) * mask; n = mask.sum(1)
        acc = acc + eps
        g = ((d * ~fin).sum(1) / n) @ acc + ((d * fin).sum(1) / n) @ eps
        acc = jnp.where(fin[:, -1:], eps, acc)
        mean_loss = ((lp + ln) * mask).sum() / (2 * mask.sum())
        st = jax.tree_util.tree_map(lambda a: a.reshape((2, p) + a.shape[1:]), st)
        return st, acc, g / (2 * sigma ** 2 * P), mean_loss
    def outer(theta, mstate, st, acc, key):
        if mesh is None: st, acc, g, loss = local(theta, st, acc, key)
        else:
            n = mesh.devices.size
            def body(theta, st, acc, key):
                st, acc, g, loss = local(theta, st, acc, jax.random.wrap_key_data(key[0]))
                return st, acc, jax.lax.psum(g, "d"), jax.lax.pmean(loss, "d")
            keys = jax.random.key_data(jax.random.split(key, n))
            st, acc, g, loss = jax.shard_map(body, mesh=mesh, in_specs=(PS(), PS(None, "d"), PS("d"), PS("d")),
                                             out_specs=(PS(None, "d"), PS("d"), PS(), PS()), check_vma=False)(theta, st, acc, keys)
        g = jnp.nan_to_num(g); norm = jnp.sqrt(jnp.sum(g * g))
        upd, mstate = meta_opt.update(jnp.where(norm < clip, g, g / norm * clip), mstate, theta)
        return theta + upd, mstate, st, acc, dict(loss=loss, gnorm=norm)
    return jax.jit(outer, donate_argnums=(1, 2, 3))

def setup(A, meta_opt):
    X, Y = (jnp.asarray(v) for v in load("train"))
    opt = UNFOptimizer(MLP_LABELS, MLP_SHAPES)
    theta = opt.init_theta(A.seed, A.beta0, A.alpha0)
    key = jax.random.key(A.seed)
    k1, k2 = jax.random.split(key)
    p0 = mlp_init(k1, A.pairs)
    k0 = jax.random.randint(k2, (A.pairs,), 0, A.horizon)
    one = dict(o=jax.vmap(opt.init)(p0), k=k0)
    st = jax.tree_util.tree_map(lambda a: jnp.stack([a, a]), one)
    acc = jnp.zeros((A.pairs, opt.dim))
    mesh = Mesh(np.array(jax.devices()[:A.devices]), ("d",)) if A.devices > 1 else None
    f = make_outer_step(opt, X, Y, A.pairs, A.trunc, A.batch, A.horizon, A.sigma, meta_opt, A.clip, A.mode, mesh)
    return opt, theta, meta_opt.init(theta), st, acc, f, key

def rss(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

class Adam:
    """optax.adam's arithmetic, without optax: bias correction through the powers of the decays"""
    def __init__(self, lr, b1=0.9, b2=0.999, eps=1e-8): self.lr, self.b1, self.b2, self.eps = lr, b1, b2, eps
    def init(self, p): return dict(m=jnp.zeros_like(p), v=jnp.zeros_like(p), t=jnp.zeros((), jnp.int32))
    def update(self, g, s, p):
        lr = self.lr(s["t"]) if callable(self.lr) else self.lr
        t = s["t"] + 1; tf = t.astype(jnp.float32)
        m = self.b1 * s["m"] + (1 - self.b1) * g; v = self.b2 * s["v"] + (1 - self.b2) * g * g
        return -lr * (m / (1 - self.b1 ** tf)) / (jnp.sqrt(v / (1 - self.b2 ** tf)) + self.eps), dict(m=m, v=v, t=t)

class SGDM:
    def __init__(self, lr, momentum): self.lr, self.momentum = lr, momentum
    def init(self, p): return jnp.zeros_like(p)
    def update(self, g, m, p): m = self.momentum * m + g; return -self.lr * m, m

def throughput(A):
    opt, theta, ms, st, acc, f, key = setup(A, Adam(A.lr))
    t = time.time(); low = f.lower(theta, ms, st, acc, key); comp = low.compile(); tc = time.time() - t
    inner = 2 * A.pairs * A.trunc
    done = 0
    def burst(theta, ms, st, acc):
        nonlocal done
        ts, cpu = [], []
        for _ in range(A.steps):
            t, c = time.time(), time.process_time()
            theta, ms, st, acc, m = comp(theta, ms, st, acc, jax.random.fold_in(key, done)); jax.block_until_ready(theta)
            done += 1; ts.append(time.time() - t); cpu.append(time.process_time() - c)
        ts, cpu = np.array(ts), np.array(cpu)
        print(json.dumps(dict(bench="pes_meta_training", task="fashion_mnist8 mlp 64-32-10", mode=A.mode, host_devices=A.devices, pairs=A.pairs, trunc=A.trunc, batch=A.batch,
            n_theta=opt.dim, compile_s=round(tc, 2), s_per_outer_min=round(ts.min(), 4), s_per_outer_median=round(float(np.median(ts)), 4),
            inner_per_s_best=round(inner / ts.min(), 1), inner_per_s_median=round(inner / float(np.median(ts)), 1), seconds=[round(float(v), 5) for v in ts],
            cpu_s_per_outer=round(float(np.median(cpu)), 4), cores_used=round(float(cpu.sum() / ts.sum()), 2), peak_rss_mb=round(rss(), 1),
            single_thread_ops=A.no_multi_thread_eigen, loadavg=os.getloadavg()[0], mean_loss=round(float(m["loss"]), 4))), flush=True)
        return theta, ms, st, acc
    theta, ms, st, acc, m = comp(theta, ms, st, acc, key); jax.block_until_ready(theta)  # the first call is slower: not counted
    if not A.bursts: burst(theta, ms, st, acc); return
    print(json.dumps(dict(ready=True, compile_s=round(tc, 2))), flush=True)
    for _ in sys.stdin: theta, ms, st, acc = burst(theta, ms, st, acc)

def train(A):
    sched = (lambda t: A.lr * jnp.minimum(t / A.warmup, 1.0)) if A.warmup else A.lr
    opt, theta, ms, st, acc, f, key = setup(A, Adam(sched))
    log = open(A.log, "a") if A.log else sys.stdout
    t0 = time.time(); i = 0; ring = []
    while time.time() - t0 < 60 * A.minutes:
        theta, ms, st, acc, m = f(theta, ms, st, acc, jax.random.fold_in(key, i)); i += 1
        ring.append((float(m["loss"]), float(m["gnorm"])))
        if i % 20 == 0:
            a = np.array(ring[-20:]); s = np.asarray(theta)[-3:]
            print(json.dumps(dict(outer=i, t=round(time.time() - t0, 1), meta_loss=round(float(a[:, 0].mean()), 4), gnorm=round(float(a[:, 1].mean()), 3),
                                  alpha=round(float(np.exp(s[0])), 4), beta=round(float(np.exp(s[1])), 5), gamma0=round(float(1 - np.exp(s[2])), 4))), file=log, flush=True)
        if i % 100 == 0: np.savez(A.out, theta=np.asarray(theta), outer=i, losses=np.array(ring))
        if i % 500 == 0: np.savez(A.out.replace(".npz", f"_{i}.npz"), theta=np.asarray(theta), outer=i)
    np.savez(A.out, theta=np.asarray(theta), outer=i, losses=np.array(ring))

def curves(update, init, X, Y, T, B, seeds, key):
    """training loss of every step, [seeds, T], and the final weights"""
    def one(key):
        ki, kp = jax.random.split(key)
        p = mlp_init(kp, 1)[0]
        def step(c, k):
            st, p = c
            ix = jax.random.randint(k, (B,), 0, X.shape[0])
            l, g = jax.value_and_grad(mlp_loss)(p, X[ix], Y[ix])
            st, p = update(st, p, g)
            return (st, p), l
        (st, p), l = jax.lax.scan(step, (init(p), p), jax.random.split(ki, T))
        return l, p
    return jax.jit(lambda ks: jax.lax.map(one, ks))(jax.random.split(key, seeds))

def smooth(c, w=100):
    c = np.nan_to_num(np.asarray(c, np.float64), nan=10.0).mean(0); k = np.cumsum(np.insert(c, 0, 0))
    return np.array([(k[i + 1] - k[max(0, i + 1 - w)]) / min(w, i + 1) for i in range(len(c))])

def compare(A):
    X, Y = (jnp.asarray(v) for v in load("train")); XT, YT = (jnp.asarray(v) for v in load("t10k"))
    opt = UNFOptimizer(MLP_LABELS, MLP_SHAPES); T, B = A.horizon, A.batch
    key = jax.random.key(12345)
    test = lambda ps: float(np.mean([float(mlp_loss(p, XT, YT)) for p in ps]))
    rows = {}
    def rec(name, c, ps):
        s = smooth(c); rows[name] = s
        print(json.dumps(dict(opt=name, best=round(s.min(), 4), best_step=int(s.argmin()) + 1, final=round(s[-1], 4),
                              at={str(k): round(float(s[k - 1]), 4) for k in (100, 200, 500, 1000, 2000, T) if k <= T}, test_loss=round(test(ps), 4))), flush=True)
    for name, mk, lrs in (("adam", Adam, [5e-4, 1e-3, 2e-3, 3e-3, 5e-3, 7e-3, 1e-2, 1.5e-2, 2e-2, 3e-2, 5e-2]),
                          ("sgdm", lambda lr: SGDM(lr, 0.9), [1e-2, 2e-2, 3e-2, 5e-2, 7e-2, 1e-1, 1.5e-1, 2e-1, 3e-1, 5e-1])):
        for lr in lrs:
            o = mk(lr)
            def upd(st, p, g): u, st = o.update(g, st, p); return st, p + u
            rec(f"{name} lr={lr:g}", *curves(upd, o.init, X, Y, T, B, A.seeds, key))
    for f in [x for x in A.theta.split(",") if x]:
        D = opt.unflatten(jnp.asarray(np.load(f)["theta"])) if f != "init" else opt.unflatten(opt.init_theta(A.seed, A.beta0, A.alpha0))
        def upd(st, p, g): st = opt.update(D, st, g); return st, st["p"]
        rec(f"unf {os.path.basename(f)}", *curves(upd, opt.init, X, Y, T, B, A.seeds, key))
    for base in ("adam", "sgdm"):
        ks = [k for k in rows if k.startswith(base)]
        b = min(ks, key=lambda k: rows[k].min()); target, at = rows[b].min(), int(rows[b].argmin()) + 1
        for k in rows:
            hit = np.nonzero(rows[k] <= target)[0]
            print(json.dumps(dict(reference=b, target=round(float(target), 4), reference_steps=at, opt=k, steps_to_target=int(hit[0]) + 1 if len(hit) else None,
                                  step_reduction=round(at / (hit[0] + 1), 3) if len(hit) else None)), flush=True)

if __name__ == "__main__":
    {"throughput": throughput, "train": train, "compare": compare}[A.cmd](A)
