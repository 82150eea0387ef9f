"""The equivariant layer of Universal Neural Functionals as its published code evaluates it, term by term, jitted: for
every valid partition the diagonal and the mean of the input, a product with the term's own [C_in, C_out] matrix, and an
addition that broadcasts into the output (arXiv:2402.05232). XLA joins what is equal among the terms.

  python unf_jax.py FILE PHASE THREADS        one side of benchmarks/peers/unf/compare

FILE is what unf_layer_benchmark wrote: the problem, and nfopt's results, with which this program compares its own.
"""
import json, os, pathlib, sys, time

if __name__ == "__main__" and sys.argv[3] == "1":
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false " + os.environ.get("XLA_FLAGS", "")
here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here.parent), str(here.parent / "meta")]
import jax, jax.numpy as jnp, numpy as np
from meta_jax import valid_partitions
from side_by_side import rss_mb, serve


def read_safetensors(path):
    data = pathlib.Path(path).read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    metadata = header.pop("__metadata__")
    arrays = {}
    for name, entry in header.items():
        begin, stop = entry["data_offsets"]
        assert entry["dtype"] == "F32", entry
        arrays[name] = np.frombuffer(data[end + begin:end + stop], np.float32).reshape(entry["shape"])
    return arrays, metadata


def diagonal(x, blocks):
    """Axes of a block are read along their diagonal, which comes last before the channels. Returns the blocks left."""
    blocks = list(blocks)
    while len(set(blocks)) < len(blocks):
        block = next(b for b in blocks if blocks.count(b) > 1)
        first = blocks.index(block)
        second = blocks.index(block, first + 1)
        x = jnp.moveaxis(jnp.diagonal(x, axis1=first, axis2=second), -1, -2)
        blocks = [b for axis, b in enumerate(blocks) if axis not in (first, second)] + [block]
    return x, blocks


def term(x, out_blocks, in_blocks, theta, out_shape):
    """E_P(x) theta, with axes of length 1 where it is broadcast."""
    x, blocks = diagonal(x, in_blocks)
    gone = tuple(axis for axis, b in enumerate(blocks) if b not in out_blocks)
    y = (jnp.mean(x, axis=gone) if gone else x) @ theta
    kept = [b for b in blocks if b in out_blocks]
    cells = list(dict.fromkeys(out_blocks))
    y = jnp.transpose(y, [kept.index(b) for b in cells if b in kept] + [len(kept)])
    y = jnp.expand_dims(y, tuple(axis for axis, b in enumerate(cells) if b not in kept))
    if len(cells) == len(out_blocks):
        return y
    # Written on the diagonal of the axes that share a block, zero elsewhere.
    index = [None] * len(out_blocks)
    sizes = {b: n for b, n in zip(out_blocks, out_shape)}
    for axis, b in enumerate(out_blocks):
        shape = [1] * len(cells)
        shape[cells.index(b)] = sizes[b]
        index[axis] = jnp.arange(sizes[b]).reshape(shape)
    y = jnp.broadcast_to(y, [sizes[b] for b in cells] + [y.shape[-1]])
    return jnp.zeros(tuple(out_shape) + y.shape[-1:]).at[tuple(index)].set(y)


def make_layer(tensors):
    labels, shapes = [t["labels"] for t in tensors], [t["shape"] for t in tensors]

    def layer(thetas, biases, xs):
        outs = []
        for label, shape, theta, bias in zip(labels, shapes, thetas, biases):
            out, row = 0, 0
            for x, in_label in zip(xs, labels):
                for partition in valid_partitions(label + in_label):
                    block = {axis: b for b, axes in enumerate(partition) for axis in axes}
                    blocks = [block[axis] for axis in range(len(label) + len(in_label))]
                    out = out + term(x, blocks[:len(label)], blocks[len(label):], theta[row], shape)
                    row += 1
            assert row == theta.shape[0], f"{row} terms, {theta.shape[0]} coefficients"
            outs.append(jnp.broadcast_to(out, tuple(shape) + out.shape[-1:]) + bias)
        return outs

    return layer


def main(path, phase, threads):
    arrays, metadata = read_safetensors(path)
    tensors = json.loads(metadata["tensors"])
    by_tensor = lambda prefix: [jnp.asarray(arrays[prefix + t["name"]]) for t in tensors]
    thetas, biases, xs, cotangents = (by_tensor(p) for p in ("theta.", "bias.", "in.", "cot."))
    layer = make_layer(tensors)

    def forward(thetas, biases, xs, cotangents):
        return layer(thetas, biases, xs)

    def both(thetas, biases, xs, cotangents):
        outs, pull = jax.vjp(layer, thetas, biases, xs)
        return outs, pull(cotangents)

    base, start = rss_mb(), time.time()
    step = jax.jit(forward if phase == "forward" else both).lower(thetas, biases, xs, cotangents).compile()
    compile_s = time.time() - start
    result = step(thetas, biases, xs, cotangents)
    outs, grads = (result, []) if phase == "forward" else result
    expected = [by_tensor("out.")] + [by_tensor("grad." + p) for p in ("theta.", "bias.", "in.")[:len(grads)]]
    difference = max(float(jnp.max(jnp.abs(a - b))) / float(jnp.max(jnp.abs(b)))
                     for computed, given in zip([outs, *grads], expected) for a, b in zip(computed, given))
    serve(sum(t.size for t in thetas + biases), base,
          lambda: jax.block_until_ready(step(thetas, biases, xs, cotangents)),
          {"compile_s": compile_s, "difference": difference, "terms": sum(t.shape[0] for t in thetas)})


if __name__ == "__main__":
    main(*sys.argv[1:])
