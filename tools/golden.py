#!/usr/bin/python3
"""Writes tests/golden/*.txt: what PyTorch computes in float64 for the cases of tests/test_golden.c.

Every input is a formula of a name and an index, the same bits here and in C; a file holds for each tensor one line:
its name, shape, 2-norm, sum, sum weighted by the formula, and a few entries. Shapes and layouts are dualtape's (NHWC,
kernels [kh, kw, in, out]); where Keras's formulas, which dualtape follows, differ from PyTorch's, they are written out.
"""
import pathlib
import platform

import numpy as np
import torch
import torch.nn.functional as F

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden"
BATCH = 3
ENTRIES = 8
SEED = 0x0123456789ABCDEF

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)


def hashed(name, count):
    """[-1, 1) in steps of 2^-52, exact: splitmix64 numbers of the stream that starts at the name's FNV-1a hash."""
    start = 0xCBF29CE484222325
    for byte in name.encode():
        start = (start ^ byte) * 0x100000001B3 % 2**64
    u64 = np.uint64
    z = u64(start) + np.arange(1, count + 1, dtype=u64) * u64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> u64(30))) * u64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> u64(27))) * u64(0x94D049BB133111EB)
    z = z ^ (z >> u64(31))
    return (z >> u64(11)).astype(np.float64) * 2.0**-52 - 1.0


def made(name, shape, scale=1.0):
    """scale is a power of two, so that the product is exact, too."""
    return torch.from_numpy(hashed(name, int(np.prod(shape))) * scale).reshape(shape)


def variable(case, name, shape, scale):
    positive = name.endswith(("gamma", "moving_variance"))
    return 1 + made(f"{case}/{name}", shape, 0.5) if positive else made(f"{case}/{name}", shape, scale)


class Golden:
    """One file of tests/golden."""

    def __init__(self, name):
        self.file = open(FOLDER / f"{name}.txt", "w", encoding="ascii", newline="\n")
        self.file.write(f"# tools/golden.py: PyTorch {torch.__version__}, NumPy {np.__version__}, Python "
                        f"{platform.python_version()}, float64\n# name shape norm sum weighted-sum {ENTRIES} entries\n")

    def write(self, name, tensor):
        values = tensor.detach().numpy().ravel()
        shape = ",".join(map(str, tensor.shape)) or "scalar"
        entries = [values[i * (values.size - 1) // (ENTRIES - 1)] for i in range(ENTRIES)]
        numbers = [np.sqrt(np.sum(values**2)), values.sum(), np.sum(values * hashed("weights", values.size)), *entries]
        self.file.write(" ".join([name, shape, *(f"{x:.17g}" for x in numbers)]) + "\n")

    def case(self, case, inputs, f):
        """The output of f and the gradients of sum(v * f) with respect to its inputs, given by name."""
        for x in inputs.values():
            x.requires_grad_()
        y = f(*inputs.values())
        gradients = torch.autograd.grad((made(f"{case}/v", y.shape) * y).sum(), list(inputs.values()))
        self.write(f"{case}/output", y)
        for name, gradient in zip(inputs, gradients):
            self.write(f"{case}/d.{name}", gradient)

    def layer(self, case, size, weights, f):
        inputs = {"input": made(f"{case}/input", (BATCH, *size), 4.0)}
        inputs.update((name, variable(case, name, shape, 1.0)) for name, shape in weights.items())
        self.case(case, inputs, f)


# ---- Layers, in dualtape's layouts ----

def nchw(x):
    return x.permute(0, 3, 1, 2)


def nhwc(x):
    return x.permute(0, 2, 3, 1)


def same_padding(size, window, stride):
    """TensorFlow's: output = ceil(size / stride), the odd zero at the end."""
    total = max((-(-size // stride) - 1) * stride + window - size, 0)
    return total // 2, total - total // 2


def pad(x, window, stride, same, value=0.0):
    """x is NCHW."""
    if not same:
        return x
    rows, columns = (same_padding(x.shape[2 + i], window[i], stride[i]) for i in (0, 1))
    return F.pad(x, (*columns, *rows), value=value)


def conv2d(x, kernel, stride, same):
    x = pad(nchw(x), kernel.shape, stride, same)
    return nhwc(F.conv2d(x, kernel.permute(3, 2, 0, 1), stride=stride))


def conv2d_transpose(x, kernel, stride, same):
    """Keras's: `same` gives input * stride, cut from the full output where the padding of that conv2d lies."""
    full = F.conv_transpose2d(nchw(x), kernel.permute(3, 2, 0, 1), stride=stride)
    if same:
        height, width = (x.shape[1 + i] * stride[i] for i in (0, 1))
        top, left = (same_padding(size, kernel.shape[i], stride[i])[0] for i, size in enumerate((height, width)))
        full = F.pad(full, (0, stride[1], 0, stride[0]))[:, :, top:top + height, left:left + width]
    return nhwc(full)


def max_pool(x, window, stride, same):
    return nhwc(F.max_pool2d(pad(nchw(x), window, stride, same, value=-np.inf), window, stride))


def avg_pool(x, window, stride, same):
    """TensorFlow's: padding does not count."""
    x = nchw(x)
    inside = F.avg_pool2d(pad(torch.ones_like(x), window, stride, same), window, stride)
    return nhwc(F.avg_pool2d(pad(x, window, stride, same), window, stride) / inside)


def batch_norm(x, gamma, beta, epsilon=1e-3, moving_mean=None, moving_variance=None):
    """With the batch's statistics unless moving ones are given."""
    rows = x.reshape(-1, x.shape[-1])
    y = F.batch_norm(rows, moving_mean, moving_variance, gamma, beta, moving_mean is None, 0.0, epsilon)
    return y.reshape(x.shape)


def moved_averages(x, mean, variance, momentum=0.99):
    """Keras's: momentum keeps the old value (PyTorch's takes the new one) and the batch variance is the biased one."""
    rows = x.reshape(-1, x.shape[-1])
    return (momentum * mean + (1 - momentum) * rows.mean(0),
            momentum * variance + (1 - momentum) * rows.var(0, unbiased=False))


def philox(seed, counter, count):
    """Philox 4x32-10 (Salmon et al. 2011): element i is word i % 4 of block i / 4."""
    u64 = np.uint64

    def low_high(x):
        return x & u64(0xFFFFFFFF), x >> u64(32)

    block = np.arange((count + 3) // 4, dtype=u64)
    c = [*low_high(block), *low_high(np.full_like(block, counter))]
    key = low_high(u64(seed))
    for _ in range(10):
        (a_low, a_high), (b_low, b_high) = low_high(c[0] * u64(0xD2511F53)), low_high(c[2] * u64(0xCD9E8D57))
        c = [b_high ^ c[1] ^ key[0], b_low, a_high ^ c[3] ^ key[1], a_low]
        key = [(key[0] + u64(0x9E3779B9)) & u64(0xFFFFFFFF), (key[1] + u64(0xBB67AE85)) & u64(0xFFFFFFFF)]
    return np.stack(c, 1).ravel()[:count]


def dropout(x, rate, seed, counter):
    uniform = (philox(seed, counter, x.numel()) >> np.uint64(8)).astype(np.float64) * 2.0**-24
    return x * torch.from_numpy(uniform >= rate).reshape(x.shape) / (1 - rate)


def spectral_norm(kernel, outputs, u, passes):
    """What torch.nn.utils.spectral_norm makes of the kernel in its last of so many passes in training, and its u."""
    module = torch.nn.Module()
    module.weight = torch.nn.Parameter(kernel.detach())
    torch.nn.utils.spectral_norm(module, dim=outputs)
    del module._parameters["weight_orig"]
    module.weight_orig, module.weight_u = kernel, u.clone()
    hook, = module._forward_pre_hooks.values()
    for _ in range(passes):
        hook(module, ())
    return module.weight, module.weight_u


def divided_by_largest_singular_value(kernel, outputs, u):
    """By a singular value decomposition; and the singular vector that u comes to, whose sign is that of u."""
    vectors, values, _ = torch.linalg.svd(kernel.movedim(outputs, 0).flatten(1), full_matrices=False)
    return kernel / values[0], vectors[:, 0] * torch.sign(vectors[:, 0] @ u)


def leaky_relu(x, slope=0.3):
    return F.leaky_relu(x, slope)


def layers():
    g = Golden("layers")
    g.layer("dense", (4,), {"kernel": (4, 5), "bias": (5,)}, lambda x, k, b: x @ k + b)
    g.layer("dense_no_bias_tanh", (4,), {"kernel": (4, 5)}, lambda x, k: torch.tanh(x @ k))
    g.layer("dense_rank_3", (2, 4), {"kernel": (4, 3), "bias": (3,)}, lambda x, k, b: x @ k + b)
    g.layer("maxout", (2, 5), {"kernel": (5, 12), "bias": (12,)},
            lambda x, k, b: (x @ k + b).reshape(-1, 2, 4, 3).amax(-2))

    for k, s, same, height, width in ((3, 1, False, 7, 6), (4, 2, False, 9, 8), (3, 1, True, 7, 6), (4, 1, True, 5, 6),
                                      (5, 2, True, 8, 7), (4, 2, True, 7, 8), (3, 2, True, 6, 9), (5, 3, True, 10, 7),
                                      (3, 3, False, 8, 9), (1, 2, True, 5, 6)):
        g.layer(f"conv2d_{'same' if same else 'valid'}_k{k}_s{s}", (height, width, 2),
                {"kernel": (k, k, 2, 3), "bias": (3,)},
                lambda x, kernel, bias: conv2d(x, kernel, (s, s), same) + bias)
    for k, s, same in ((3, 1, False), (5, 2, False), (4, 2, False), (5, 1, True), (4, 1, True), (5, 2, True),
                       (4, 2, True), (3, 2, True), (5, 3, True), (2, 3, True)):
        g.layer(f"conv2d_transpose_{'same' if same else 'valid'}_k{k}_s{s}", (4, 3, 2),
                {"kernel": (k, k, 3, 2), "bias": (3,)},
                lambda x, kernel, bias: conv2d_transpose(x, kernel, (s, s), same) + bias)
    g.layer("conv2d_no_bias_leaky_relu", (6, 6, 2), {"kernel": (5, 5, 2, 3)},
            lambda x, k: leaky_relu(conv2d(x, k, (2, 2), True)))
    g.layer("conv2d_transpose_no_bias_tanh", (3, 4, 2), {"kernel": (5, 5, 3, 2)},
            lambda x, k: torch.tanh(conv2d_transpose(x, k, (2, 2), True)))

    def spectral(case, size, kernel, outputs, f, normalise):
        u = made(f"{case}/u", kernel[outputs:outputs + 1])
        g.layer(case, size, {"inner.kernel": kernel, "inner.bias": u.shape},
                lambda x, k, bias: f(x, normalise(k, outputs, u)[0]) + bias)
        moved = normalise(variable(case, "inner.kernel", kernel, 1.0), outputs, u)[1]
        g.write(f"{case}/u", moved.reshape(1, -1))

    for name, size, kernel, outputs, f in (
            ("dense", (4,), (4, 5), 1, torch.matmul),
            ("conv2d", (7, 6, 2), (3, 3, 2, 4), 3, lambda x, k: conv2d(x, k, (2, 2), True)),
            ("conv2d_transpose", (4, 3, 2), (5, 5, 3, 2), 2, lambda x, k: conv2d_transpose(x, k, (2, 2), True))):
        for passes in (1, 5):
            spectral(f"spectral_norm_{name}_{passes}", size, kernel, outputs, f,
                     lambda k, outputs, u: spectral_norm(k, outputs, u, passes))
        spectral(f"spectral_norm_{name}_converged", size, kernel, outputs, f, divided_by_largest_singular_value)
    # In evaluation one iteration is made, too, but u stays.
    spectral("spectral_norm_eval", (4,), (4, 5), 1, torch.matmul,
             lambda k, outputs, u: (spectral_norm(k, outputs, u, 1)[0], u))

    def norm(case, size, momentum=0.99, epsilon=1e-3):
        c = size[-1:]
        g.layer(case, size, {"gamma": c, "beta": c}, lambda x, gamma, beta: batch_norm(x, gamma, beta, epsilon))
        mean, variance = (variable(case, name, c, 1.0) for name in ("moving_mean", "moving_variance"))
        mean, variance = moved_averages(made(f"{case}/input", (BATCH, *size), 4.0), mean, variance, momentum)
        g.write(f"{case}/moving_mean", mean)
        g.write(f"{case}/moving_variance", variance)

    def norm_eval(case, size):
        c = size[-1:]
        mean, variance = (variable(case, name, c, 1.0) for name in ("moving_mean", "moving_variance"))
        g.layer(case, size, {"gamma": c, "beta": c},
                lambda x, gamma, beta: batch_norm(x, gamma, beta, 1e-3, mean, variance))
        g.write(f"{case}/moving_mean", mean)
        g.write(f"{case}/moving_variance", variance)

    norm("batch_norm", (7,))
    norm("batch_norm_image", (4, 5, 3))
    norm("batch_norm_options", (4, 5, 3), momentum=0.75, epsilon=1e-5)
    norm_eval("batch_norm_eval", (7,))
    norm_eval("batch_norm_image_eval", (4, 5, 3))

    g.layer("dropout", (5, 7), {}, lambda x: dropout(x, 0.3, SEED, 0xFFFFFFFF))
    g.layer("two_dropouts", (5, 7), {}, lambda x: dropout(dropout(x, 0.5, SEED, 0xFFFFFFFF), 0.25, SEED, 0x100000000))
    g.layer("dropout_eval", (5, 7), {}, lambda x: x * 1)

    g.layer("leaky_relu", (9,), {}, leaky_relu)
    g.layer("leaky_relu_slope", (9,), {}, lambda x: leaky_relu(x, 0.2))
    g.layer("linear", (9,), {}, lambda x: x * 1)
    g.layer("relu", (9,), {}, torch.relu)
    g.layer("leaky_relu_activation", (9,), {}, leaky_relu)
    g.layer("sigmoid", (9,), {}, torch.sigmoid)
    g.layer("tanh", (9,), {}, torch.tanh)
    g.layer("softplus", (9,), {}, F.softplus)
    g.layer("softmax", (4, 9), {}, lambda x: torch.softmax(x, -1))

    g.layer("reshape", (4, 6), {}, lambda x: x.reshape(-1, 2, 3, 4))
    g.layer("flatten", (4, 3, 2), {}, lambda x: x.reshape(-1, 24))
    g.layer("upsampling2d", (4, 3, 2), {}, lambda x: nhwc(F.interpolate(nchw(x), scale_factor=2)))
    for name, pool in (("max", max_pool), ("avg", avg_pool)):
        g.layer(f"{name}_pool2d", (6, 7, 2), {}, lambda x: pool(x, (2, 2), (2, 2), False))
        g.layer(f"{name}_pool2d_overlapping", (7, 8, 2), {}, lambda x: pool(x, (3, 3), (2, 2), False))
        g.layer(f"{name}_pool2d_same", (7, 8, 2), {}, lambda x: pool(x, (3, 3), (2, 2), True))
        g.layer(f"{name}_pool2d_same_s1", (5, 4, 2), {}, lambda x: pool(x, (2, 2), (1, 1), True))


# ---- Ops ----

def ops():
    g = Golden("ops")

    def op(case, f, *shapes):
        g.case(case, {f"input{i}": made(f"{case}/input{i}", shape) for i, shape in enumerate(shapes)}, f)

    op("softmax_first_axis", lambda x: torch.softmax(8 * x, 0), (4, 3, 5))
    op("softmax_last_axis", lambda x: torch.softmax(8 * x, -1), (4, 3, 5))
    op("log_softmax_middle_axis", lambda x: torch.log_softmax(64 * x, 1), (4, 3, 5))
    op("log_softmax_last_axis", lambda x: torch.log_softmax(64 * x, -1), (4, 3, 5))
    op("sigmoid_cross_entropy",
       lambda z, x: F.binary_cross_entropy_with_logits(64 * x, 0.5 * z + 0.5, reduction="none"), (4, 6), (4, 6))
    # The label's gradient -x log_softmax is checked as well, so labels need not add up to 1.
    op("softmax_cross_entropy", lambda z, x: F.cross_entropy(16 * x, 0.5 * z + 0.5, reduction="none"), (4, 6), (4, 6))
    op("norm_all_axes", torch.linalg.vector_norm, (3, 4, 5))
    op("norm_two_axes", lambda x: torch.linalg.vector_norm(x, dim=(0, 2)), (3, 4, 5))
    op("norm_keepdims", lambda x: torch.linalg.vector_norm(x, dim=1, keepdim=True), (3, 4, 5))
    op("matmul", torch.matmul, (3, 4), (4, 5))
    op("matmul_batch_broadcast", torch.matmul, (2, 1, 3, 4), (3, 4, 5))
    op("matmul_transpose_a", lambda a, b: a.mT @ b, (4, 3), (4, 5))
    op("matmul_transpose_b", lambda a, b: a @ b.mT, (2, 3, 4), (5, 4))
    op("matmul_transpose_both", lambda a, b: a.mT @ b.mT, (2, 4, 3), (2, 5, 4))
    op("gather_rows", lambda x: x[[2, 0, 2, 4]], (5, 3))
    op("gather_middle_axis", lambda x: x[:, [[2, 0, 2], [1, 4, 4]]], (3, 5, 2))
    op("max_all_axes", torch.max, (4, 5))
    op("max_axes", lambda x: torch.amax(x, dim=(0, 2)), (4, 3, 5))
    op("max_keepdims", lambda x: torch.amax(x, dim=-1, keepdim=True), (4, 3, 5))
    op("conv2d_oblong", lambda x, k: conv2d(x, k, (2, 1), True), (2, 7, 6, 3), (4, 3, 3, 2))
    op("conv2d_transpose_oblong", lambda x, k: conv2d_transpose(x, k, (1, 2), True), (2, 4, 3, 2), (2, 5, 3, 2))
    op("max_pool_oblong", lambda x: max_pool(x, (3, 2), (2, 3), True), (2, 7, 8, 3))
    op("avg_pool_oblong", lambda x: avg_pool(x, (3, 2), (2, 1), True), (2, 7, 8, 3))


# ---- Networks ----

def penalty(g, case, shape, weights, critic):
    """The gradients of mean(score) + 10 mean((|d score / d input| - 1)^2): second derivatives of the critic."""
    x = made(f"{case}/input", shape).requires_grad_()
    w = {name: variable(case, name, size, 0.25).requires_grad_() for name, size in weights.items()}
    score = critic(x, w)
    slope, = torch.autograd.grad(score.sum(), x, create_graph=True)
    norms = torch.linalg.vector_norm(slope.reshape(len(slope), -1), dim=1)
    loss = score.mean() + 10 * ((norms - 1) ** 2).mean()
    g.write(f"{case}/slope", slope)
    g.write(f"{case}/loss", loss)
    for name, gradient in zip(["input", *w], torch.autograd.grad(loss, [x, *w.values()])):
        g.write(f"{case}/d.{name}", gradient)


def second_order():
    g = Golden("second_order")

    def critic(x, w):
        x = leaky_relu(conv2d(x, w["0.kernel"], (2, 2), True) + w["0.bias"])
        x = leaky_relu(conv2d(x, w["2.kernel"], (1, 1), False) + w["2.bias"])
        return x.reshape(len(x), -1) @ w["5.kernel"] + w["5.bias"]

    penalty(g, "critic", (BATCH, 8, 7, 2), {"0.kernel": (5, 5, 2, 4), "0.bias": (4,), "2.kernel": (3, 3, 4, 3),
                                            "2.bias": (3,), "5.kernel": (12, 1), "5.bias": (1,)}, critic)

    def smooth(x, w):
        x = torch.tanh(batch_norm(x @ w["0.kernel"], w["1.gamma"], w["1.beta"])).reshape(-1, 3, 4, 2)
        x = conv2d_transpose(x, w["4.kernel"], (2, 2), True)
        x = F.softplus(batch_norm(x, w["5.gamma"], w["5.beta"]))
        x = max_pool(avg_pool(x, (2, 2), (1, 1), True), (3, 3), (2, 2), False)
        return x.reshape(len(x), -1) @ w["10.kernel"] + w["10.bias"]

    penalty(g, "smooth", (BATCH, 5), {"0.kernel": (5, 24), "1.gamma": (24,), "1.beta": (24,), "4.kernel": (4, 4, 3, 2),
                                      "5.gamma": (3,), "5.beta": (3,), "10.kernel": (18, 1), "10.bias": (1,)}, smooth)


def optimizers():
    """Five steps on two variables; the learning rate halves after the third."""
    g = Golden("optimizers")

    class KerasMomentum(torch.optim.Optimizer):
        """v = momentum v - rate g; w = w + v. PyTorch's keeps the rate out of v, which tells when the rate changes."""

        @torch.no_grad()
        def step(self):
            for group in self.param_groups:
                for w in group["params"]:
                    v = self.state[w].setdefault("v", torch.zeros_like(w))
                    v.mul_(group["momentum"]).sub_(group["lr"] * w.grad)
                    w.add_(v)

    def run(case, rate, gradient_scale, make, keras_epsilon=None, beta2=None):
        w = {name: made(f"{case}/{name}", shape, 2.0**-6).requires_grad_()
             for name, shape in (("a", (3, 4)), ("b", (5,)))}
        optimizer = make(list(w.values()), lr=rate)
        group, = optimizer.param_groups
        for t in range(1, 6):
            if t == 4:
                group["lr"] = rate / 2
            if keras_epsilon:  # Keras adds epsilon before the correction of the second moment, PyTorch after it
                group["eps"] = keras_epsilon / (1 - beta2**t) ** 0.5
            for name, x in w.items():
                x.grad = made(f"{case}/g{t}.{name}", x.shape, gradient_scale)
            optimizer.step()
        for name, x in w.items():
            g.write(f"{case}/{name}", x)

    def rmsprop(**options):
        return lambda weights, lr: torch.optim.RMSprop(weights, lr=lr, **options)

    def adam(kind, betas, **options):
        return lambda weights, lr: kind(weights, lr=lr, betas=betas, **options)

    run("sgd", 0.01, 1.0, torch.optim.SGD)
    run("sgd_momentum", 0.1, 1.0, lambda weights, lr: KerasMomentum(weights, {"lr": lr, "momentum": 0.9}))
    run("rmsprop", 1e-3, 1.0, rmsprop(alpha=0.9, eps=1e-7))
    run("rmsprop_options", 5e-5, 2.0**-20, rmsprop(alpha=0.99, eps=1e-6))
    run("adam", 1e-3, 1.0, adam(torch.optim.Adam, (0.9, 0.999)), 1e-7, 0.999)
    run("adam_small_gradients", 1e-3, 2.0**-22, adam(torch.optim.Adam, (0.9, 0.999)), 1e-7, 0.999)
    run("adam_options", 2e-4, 2.0**-10, adam(torch.optim.Adam, (0.0, 0.9)), 1e-4, 0.9)
    run("adamw", 1e-3, 1.0, adam(torch.optim.AdamW, (0.9, 0.999), weight_decay=4e-3), 1e-7, 0.999)
    run("adamw_options", 1e-2, 1.0, adam(torch.optim.AdamW, (0.5, 0.99), weight_decay=0.5), 1e-3, 0.99)


GENERATOR = {"0.kernel": (100, 12544), "1.gamma": (12544,), "1.beta": (12544,),
             "4.kernel": (5, 5, 128, 256), "5.gamma": (128,), "5.beta": (128,),
             "7.kernel": (5, 5, 64, 128), "8.gamma": (64,), "8.beta": (64,), "10.kernel": (5, 5, 1, 64)}
DISCRIMINATOR = {"0.kernel": (5, 5, 1, 64), "0.bias": (64,), "3.kernel": (5, 5, 64, 128), "3.bias": (128,),
                 "7.kernel": (6272, 1), "7.bias": (1,)}


def dcgan():
    """The step of tests/contract/dual_tape_step.c: one forward pass, two losses, Adam(1e-4) for both networks."""
    g = Golden("dcgan")
    batch, rate, epsilon, beta2 = 4, 1e-4, 1e-7, 0.999
    moving = {}

    def norm(x, w, layer):
        c = x.shape[-1:]
        names = [f"generator.{layer}.moving_{name}" for name in ("mean", "variance")]
        moving.update(zip(names, moved_averages(x, *(variable("dcgan", name, c, 2.0**-4) for name in names))))
        return batch_norm(x, w[f"{layer}.gamma"], w[f"{layer}.beta"])

    def generate(z, w):
        x = leaky_relu(norm(z @ w["0.kernel"], w, 1)).reshape(-1, 7, 7, 256)
        x = leaky_relu(norm(conv2d_transpose(x, w["4.kernel"], (1, 1), True), w, 5))
        x = leaky_relu(norm(conv2d_transpose(x, w["7.kernel"], (2, 2), True), w, 8))
        return torch.tanh(conv2d_transpose(x, w["10.kernel"], (2, 2), True))

    def discriminate(x, w, draw):
        x = dropout(leaky_relu(conv2d(x, w["0.kernel"], (2, 2), True) + w["0.bias"]), 0.3, SEED, draw)
        x = dropout(leaky_relu(conv2d(x, w["3.kernel"], (2, 2), True) + w["3.bias"]), 0.3, SEED, draw + 1)
        return x.reshape(len(x), -1) @ w["7.kernel"] + w["7.bias"]

    def cross_entropy(label, logits):
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))

    networks = {name: {path: variable("dcgan", f"{name}.{path}", shape, 2.0**-4).requires_grad_()
                       for path, shape in shapes.items()}
                for name, shapes in (("generator", GENERATOR), ("discriminator", DISCRIMINATOR))}
    generated = generate(made("dcgan/noise", (batch, 100), 2.0), networks["generator"])
    real_output = discriminate(made("dcgan/images", (batch, 28, 28, 1)), networks["discriminator"], 0)
    fake_output = discriminate(generated, networks["discriminator"], 2)
    losses = {"generator": cross_entropy(1.0, fake_output),
              "discriminator": cross_entropy(1.0, real_output) + cross_entropy(0.0, fake_output)}
    for name, tensor in (("generated", generated), ("real_output", real_output), ("fake_output", fake_output)):
        g.write(f"dcgan/{name}", tensor)
    for name, weights in networks.items():
        g.write(f"dcgan/{name}.loss", losses[name])
        gradients = torch.autograd.grad(losses[name], list(weights.values()), retain_graph=True)
        for x, gradient in zip(weights.values(), gradients):
            x.grad = gradient
    for name, weights in networks.items():
        before = {path: x.detach().clone() for path, x in weights.items()}
        torch.optim.Adam(weights.values(), lr=rate, betas=(0.9, beta2), eps=epsilon / (1 - beta2) ** 0.5).step()
        for path, x in weights.items():
            g.write(f"dcgan/d.{name}.{path}", x.grad)
            g.write(f"dcgan/{name}.{path}", x)
            g.write(f"dcgan/step.{name}.{path}", (x - before[path]) / rate)
    for name, average in moving.items():
        g.write(f"dcgan/{name}", average)


if __name__ == "__main__":
    layers()
    ops()
    second_order()
    optimizers()
    dcgan()
