"""The DCGAN of gan/models/dcgan.c in PyTorch: its networks and its step, for tools that compare the two.

A way to write it is "NCHW" or "channels last", either followed by ", tuned" or not.
"""
import itertools

import torch
from torch import nn


def conv_transpose(tuned, order, inputs, outputs, stride):
    """Tuned, it is the gradient of a convolution, which oneDNN computes; PyTorch 1.13 multiplies image by image."""
    def gradients(small, large, w, *wanted):
        return torch.ops.aten.convolution_backward(small, large, w, None, [stride] * 2, [2, 2], [1, 1], False, [0, 0],
                                                   1, wanted)

    class Transposed(torch.autograd.Function):
        @staticmethod
        def forward(context, x, w):
            context.save_for_backward(x, w)
            size = len(x), outputs, x.shape[2] * stride, x.shape[3] * stride
            return gradients(x, torch.empty(size, memory_format=order), w, True, False, False)[0]

        @staticmethod
        def backward(context, g):
            x, w = context.saved_tensors
            return nn.functional.conv2d(g, w, None, stride, 2), gradients(x, g, w, False, True, False)[1]

    layer = nn.ConvTranspose2d(inputs, outputs, 5, stride, padding=2, output_padding=stride - 1, bias=False)
    if tuned:
        layer.forward = lambda x: Transposed.apply(x, layer.weight)
    return layer


def dropout(tuned, rate=0.3):
    """Tuned, it takes 16 random bits an element; PyTorch without MKL draws a double for each, in one thread."""
    def drop(x):
        bits = torch.empty(x.numel() // 4, dtype=torch.int64).random_(-2**63, None).view(torch.int16)
        kept = (bits < int((0.5 - rate) * 2**16)).to(x.dtype).div_(1 - rate)
        return x * kept.as_strided(x.size(), x.stride())

    layer = nn.Dropout(rate)
    layer.forward = drop if tuned else layer.forward
    return layer


def networks(way):
    """Generator and discriminator. At stride 2 Keras pads one pixel more at the far side, PyTorch at the near one: on
    mirrored images they compute the same."""
    last, tuned = way.startswith("channels last"), way.endswith("tuned")
    order = torch.channels_last if last else torch.contiguous_format

    def normed(norm, channels):
        return norm(channels, eps=1e-3, momentum=0.01), nn.LeakyReLU(0.3, inplace=True)

    images = nn.Unflatten(1, (256, 7, 7))
    if last:
        images.forward = lambda x: x.view(-1, 7, 7, 256).permute(0, 3, 1, 2)
    generator = nn.Sequential(
        nn.Linear(100, 7 * 7 * 256, bias=False), *normed(nn.BatchNorm1d, 7 * 7 * 256), images,
        conv_transpose(tuned, order, 256, 128, 1), *normed(nn.BatchNorm2d, 128),
        conv_transpose(tuned, order, 128, 64, 2), *normed(nn.BatchNorm2d, 64),
        conv_transpose(tuned, order, 64, 1, 2), nn.Tanh())
    discriminator = nn.Sequential(
        nn.Conv2d(1, 64, 5, 2, padding=2), nn.LeakyReLU(0.3, inplace=True), dropout(tuned),
        nn.Conv2d(64, 128, 5, 2, padding=2), nn.LeakyReLU(0.3, inplace=True), dropout(tuned),
        nn.Flatten(), nn.Linear(7 * 7 * 128, 1))
    return generator.to(memory_format=order), discriminator.to(memory_format=order)


def update(adam, gradients):
    for weight, gradient in zip(adam.param_groups[0]["params"], gradients):
        weight.grad = gradient
    adam.step()


def keras_epsilon(step, epsilon=1e-7, beta2=0.999):
    """Keras adds epsilon before the correction of the second moment, PyTorch after it."""
    return epsilon / (1 - beta2**step) ** 0.5


def training(way, bf16=False):
    """Both networks, and a step on images [N, 1, 28, 28] in [-1, 1]: one forward pass, both are updated after it."""
    generator, discriminator = networks(way)
    g_weights, d_weights = list(generator.parameters()), list(discriminator.parameters())
    g_adam, d_adam = (torch.optim.Adam(weights, lr=1e-4) for weights in (g_weights, d_weights))
    loss, steps = nn.functional.binary_cross_entropy_with_logits, itertools.count(1)

    def step(reals):
        ones, zeros = torch.ones(len(reals), 1), torch.zeros(len(reals), 1)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            fakes = generator(torch.randn(len(reals), 100))
            real_output, fake_output = discriminator(reals).float(), discriminator(fakes).float()
        d_loss = loss(real_output, ones) + loss(fake_output, zeros)
        g_gradients = torch.autograd.grad(loss(fake_output, ones), g_weights, retain_graph=True)
        d_gradients = torch.autograd.grad(d_loss, d_weights)
        g_adam.param_groups[0]["eps"] = d_adam.param_groups[0]["eps"] = keras_epsilon(next(steps))
        update(g_adam, g_gradients)
        update(d_adam, d_gradients)
    return generator, discriminator, step
