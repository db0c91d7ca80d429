#!/usr/bin/env python3
"""make-corpus.py: writes corpus/, what the fuzz targets start from, made from the formats' descriptions alone.

IDX      yann.lecun.com/exdb/mnist: 0 0 type rank, big-endian sizes, values
gzip     RFC 1952
npy      numpy.org/doc/stable/reference/generated/numpy.lib.format.html
PNG      RFC 2083
safetensors  github.com/huggingface/safetensors: little-endian length of the header, JSON, little-endian values
"""
import gzip
import json
import pathlib
import shutil
import struct
import zlib

CORPUS = pathlib.Path(__file__).parent / "corpus"
HUGE = 2**60


def idx(sizes, data, kind=8):
    return bytes([0, 0, kind, len(sizes)]) + b"".join(struct.pack(">I", size) for size in sizes) + data


def idx_files():
    images = idx([2, 2, 3], bytes(range(10, 22)))
    return {
        "images": images,
        "labels": idx([2], bytes([7, 9])),
        "matrix": idx([2, 2], bytes(4)),
        "truncated": images[:-1],
        "longer": images + b"\0",
        "header-alone": images[:16],
        "magic-alone": images[:4],
        "huge": idx([2**32 - 1] * 3, bytes(12)),
        "claims-2-60": idx([2**30, 2**30, 1], bytes(12)),
        "wraps-to-0": idx([2**28] * 3, bytes(12)),
        "wraps-to-12": idx([769546, 1484310, 48448661], bytes(12)),  # 3 * 2^64 + 12
        "size-0": idx([0, 2, 3], b""),
        "floats": idx([3], bytes(12), kind=0x0D),
    }


def gzip_files(plain):
    whole = gzip.compress(plain["images"], mtime=0)
    fields = whole[:3] + bytes([4 | 8 | 16]) + whole[4:10] + struct.pack("<H", 3) + b"abcname\0comment\0" + whole[10:]
    return {
        "images.gz": whole,
        "labels.gz": gzip.compress(plain["labels"], mtime=0),
        "huge.gz": gzip.compress(plain["huge"], mtime=0),
        "claims-2-60.gz": gzip.compress(plain["claims-2-60"], mtime=0),
        "truncated.gz": whole[:-9],
        "no-trailer.gz": whole[:-8],
        "wrong-checksum.gz": whole[:-8] + bytes(4) + whole[-4:],
        "wrong-length.gz": whole[:-4] + b"\xff" * 4,
        "garbage-behind.gz": whole + b"garbage",
        "two-members.gz": gzip.compress(plain["images"][:16], mtime=0) + gzip.compress(plain["images"][16:], mtime=0),
        "every-field.gz": fields,
        "shrunk-a-thousandfold.gz": gzip.compress(idx([1000, 1000], bytes(10**6)), mtime=0),
        "wrong-method.gz": whole[:2] + b"\x07" + whole[3:],
        "magic-alone.gz": whole[:2],
    }


def npy(header, data, version=1):
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header.encode() + data


def npy_header(shape, kind="<f4", order="False"):
    text = "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }" % (kind, order, shape)
    return text + " " * (-(len(text) + 11) % 64) + "\n"


def npy_files():
    floats = struct.pack("<4f", 0.5, -2, 3, 0.25)
    right = npy(npy_header("(2, 2)"), floats)
    return {
        "float32": right,
        "float64": npy(npy_header("(2,)", "<f8"), struct.pack("<2d", 0.5, 1e300)),
        "version-2": npy(npy_header("(4,)"), floats, version=2),
        "version-3": npy(npy_header("(4,)"), floats, version=3),
        "version-4": npy(npy_header("(4,)"), floats, version=4),
        "rank-4": npy(npy_header("(1, 2, 2, 1)"), floats),
        "rank-5": npy(npy_header("(1, 1, 1, 2, 2)"), floats),
        "rank-0": npy(npy_header("()"), floats[:4]),
        "nan": npy(npy_header("(4,)"), b"\x00\x00\xc0\x7f\x01\x00\x80\x7f\x00\x00\x80\xff\x00\x00\x00\x80"),
        "claims-2-60": npy(npy_header("(1152921504606846976,)"), floats),
        "wraps-to-0": npy(npy_header("(4294967296, 4294967296, 4)"), floats),
        "wraps-to-4": npy(npy_header("(4611686018427387905, 4)"), floats),  # 2^64 + 4
        "negative": npy(npy_header("(-4,)"), floats),
        "size-0": npy(npy_header("(0, 2)"), b""),
        "big-endian": npy(npy_header("(4,)", ">f4"), floats),
        "objects": npy(npy_header("(4,)", "|O"), floats),
        "fortran": npy(npy_header("(2, 2)", order="True"), floats),
        "truncated": right[:-1],
        "longer": right + b"\0",
        "header-longer-than-file": b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}",
        "descr-twice": npy("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (4,)}", floats),
    }


def csv_files():
    names = b"step,epoch,g_loss,d_loss,d_real,d_fake,accuracy,spread\n"
    return {
        "run": names + b"1,1,0.69,1.4,0.5,0.5,50,0.1\n2,1,-1e-3,nan,,0.5,inf,-inf\n",
        "names-alone": names,
        "newline": b"\n",
        "one-column": b"a\n1\n\n-2.5\n",
        "fewer-fields": b"a,b\n1\n",
        "more-fields": b"a,b\n1,2,3\n",
        "name-twice": b"a,b,a\n1,2,3\n",
        "empty-name": b"a,,b\n1,2,3\n",
        "no-number": b"a,b\n1,x\n",
        "blank": b"a,b\n 1,2\n",
        "no-newline": b"a,b\n1,2",
        "nul": b"a,b\n1,\x002\n",
        "crlf": b"a,b\r\n1,2\r\n",
        "numbers": b"a,b,c,d\n0x1p3,1e999,-nan(2),+.5e-400\n",
        "101-columns": b",".join(b"%d" % i for i in range(101)) + b"\n",
        "lines-alone": b"a,b,c,d\n" + b"\n" * 1000,
    }


def tensor(begin, end, shape, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


KERNEL = {"d.kernel": tensor(0, 8, [2, 1])}
BIAS = {"d.bias": tensor(8, 12, [1])}
DATA = struct.pack("<3f", 1.5, -2, 0.25)


def safetensors(header, data=DATA):
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data


def states():
    """What Adam keeps of the layer's weights, behind the weights, and files that have its counts of steps wrong."""
    names = ["o.kernel.moment1", "o.kernel.moment2", "o.bias.moment1", "o.bias.moment2"]
    places = [(12, 20, [2, 1]), (20, 28, [2, 1]), (28, 32, [1]), (32, 36, [1])]
    tensors = {**KERNEL, **BIAS, **{name: tensor(*place) for name, place in zip(names, places)}}
    data = DATA + struct.pack("<6f", 0.5, -0.25, 0.125, 2, -1, 3)
    right = {"__metadata__": {"o.kernel.step": "7", "o.bias.step": "7"}}
    saved = lambda steps, **more: safetensors({"__metadata__": steps, **tensors, **more}, data + bytes(4 * len(more)))
    steps = lambda kernel: saved({"o.kernel.step": kernel, "o.bias.step": "7"})
    without = {name: place for name, place in tensors.items() if name != "o.bias.moment2"}
    as_tensor = {"o.kernel.step": tensor(36, 40, [])}
    return {
        "state": steps("7"),
        "state-missing-step": saved({"o.bias.step": "7"}),
        "state-no-metadata": safetensors(tensors, data),
        "state-negative-step": steps("-7"),
        "state-step-2-63": steps(str(2**63)),
        "state-step-2-64": steps(str(2**64)),
        "state-step-no-number": steps("seven"),
        "state-step-empty": steps(""),
        "state-step-as-number": steps(7),
        "state-step-as-tensor": saved({"o.bias.step": "7"}, **as_tensor),
        "state-step-as-both": saved({"o.kernel.step": "7", "o.bias.step": "7"}, **as_tensor),
        "state-missing-moment": safetensors({**right, **without}, data[:-4]),
        "state-nan": safetensors({**right, **tensors}, data[:-4] + struct.pack("<f", float("nan"))),
    }


def safetensors_files():
    text = json.dumps({**KERNEL, **BIAS}, separators=(",", ":")).encode()
    kernel = json.dumps(KERNEL, separators=(",", ":")).encode()[1:-1]
    right = safetensors(text)
    with_bias = lambda *fields, **more: safetensors({**KERNEL, "d.bias": tensor(*fields, **more)})
    return {
        "right": right,
        "metadata": safetensors({"__metadata__": {"model": "dcgan", "empty": "", "e": "\u00e9\n"}, **KERNEL, **BIAS}),
        "metadata-numbers": safetensors({"__metadata__": {"model": 1}, **KERNEL, **BIAS}),
        "padded": safetensors(text + b" " * (-len(text) % 8)),
        "signs-and-denormals": safetensors(text, struct.pack("<3I", 0x80000000, 0x00000001, 0x807FFFFF)),
        "another-network": safetensors({**KERNEL, **BIAS, "other.0": tensor(12, 16, [2], "BF16")}, DATA + bytes(4)),
        "nan": safetensors(text, struct.pack("<3f", 1, float("nan"), 2)),
        "infinite": safetensors(text, struct.pack("<3f", 1, 2, float("-inf"))),
        "wrong-dtype": with_bias(8, 12, [1], dtype="I32"),
        "wrong-shape": with_bias(8, 12, [1, 1]),
        "claims-2-60": with_bias(8, 8 + 4 * HUGE, [HUGE]),
        "overlapping": with_bias(4, 8, [1]),
        "out-of-range": with_bias(12, 16, [1]),
        "backwards": with_bias(12, 8, [1]),
        "swapped": safetensors({"d.kernel": tensor(8, 12, [2, 1]), "d.bias": tensor(0, 8, [1])}),
        "name-twice": safetensors(b"{" + kernel + b"," + kernel + b"}"),
        "missing": safetensors(KERNEL, DATA[:8]),
        "bad-json": safetensors(text[:-1]),
        "nested": safetensors(b"{" + b'"a":' + b"[" * 1100 + b"}"),
        "nul-in-name": safetensors(text.replace(b"d.bias", b"d.bias\\u0000x")),
        "truncated": right[:-1],
        "longer": right + bytes(4),
        "header-of-2-60": struct.pack("<Q", HUGE) + text + DATA,
        **states(),
    }


NAMES = {
    "model": "ring",
    "loss": "minimax",
    "schedule": "dual-tape",
    "precision": "highest",
    "kernels": "avx2",
    "program": "0.1.0-0123456789abcdef",
}
NUMBERS = {  # right, and out of range
    "batch": ("256", "0"),
    "critic_steps": ("1", "1001"),
    "pack": ("2", "65"),
    "classes": ("0", "11"),
    "average": ("0.999", "1.5"),
    "learning_rate": ("own", "-0.1"),
    "seed": ("18446744073709551615", "-1"),
    "images": ("60000", "2147483648"),
    "steps_an_epoch": ("234", "0"),
    "epoch": ("2", "235"),
    "step": ("300", "467"),
    "steps": ("466", "299"),
    "evaluate": ("1", "2"),
    "counter": ("9223372036854775808", "18446744073709551616"),
    "generator_steps": ("300", "-1"),
    "discriminator_steps": ("300", "-1"),
}


def checkpoint_files():
    """JSON headers alone: the target puts their length before them."""
    right = {**NAMES, **{key: values[0] for key, values in NUMBERS.items()}}
    header = lambda fields: json.dumps({"__metadata__": fields}, separators=(",", ":")).encode()
    wrong = {key: {"unknown": "another", "long": "x" * 500} for key in NAMES}
    for key, (_, out_of_range) in NUMBERS.items():
        wrong[key] = {"out-of-range": out_of_range, "no-number": "1x", "nan": "nan", "huge": "9" * 30}
    files = {key + "-missing": header({other: right[other] for other in right if other != key}) for key in right}
    for key, values in wrong.items():
        files.update({key + "-" + how: header({**right, key: value}) for how, value in values.items()})
    return {
        "right": header(right),
        "points": header({**right, "images": "0", "learning_rate": "0.0003"}),
        "first-step": header({**right, "epoch": "1", "step": "1"}),
        "step-twice": header(right)[:-2] + b',"step":"0"}}',
        "number-for-text": header({**right, "step": 300}),
        "seed-twice": header(right)[:-2] + b',"seed":"0"}}',
        "leading-zeros": header({**right, "seed": "0" * 119 + "300"}),
        "no-metadata": b"{}",
        **files,
    }


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, rows, depth=8, color=0, interlaced=0, before=b"", behind=b""):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced))
    data = chunk(b"IDAT", zlib.compress(rows)) if rows is not None else b""
    return b"\x89PNG\r\n\x1a\n" + head + before + data + behind + chunk(b"IEND", b"")


def png_files():
    rows = bytes([0, 10, 20, 30]) + bytes([1, 5, 5, 5])
    right = png(3, 2, rows)
    palette = chunk(b"PLTE", bytes(range(9)))
    return {
        "grey": right,
        "every-filter": png(2, 5, b"".join(bytes([kind, 9, 200]) for kind in range(5))),
        "1-bit": png(9, 2, bytes([0, 0xAA, 0x80]) * 2, depth=1),
        "16-bit": png(1, 1, bytes([0, 0x12, 0x34]), depth=16),
        "rgb": png(1, 2, bytes([0, 255, 0, 128]) * 2, color=2),
        "grey-alpha": png(1, 2, bytes([0, 200, 100]) * 2, color=4),
        "rgb-alpha": png(1, 1, bytes([0, 1, 2, 3, 128]), color=6),
        "palette": png(3, 1, bytes([0, 0, 1, 2]), color=3, before=palette),
        "palette-alpha": png(3, 1, bytes([0, 0, 1, 2]), color=3, before=palette + chunk(b"tRNS", bytes([0, 128, 255]))),
        "palette-too-short": png(3, 1, bytes([0, 0, 1, 9]), color=3, before=palette),
        "palette-missing": png(3, 1, bytes([0, 0, 1, 2]), color=3),
        "interlaced": png(2, 2, bytes([0, 1, 0, 2, 0, 3, 4]), interlaced=1),
        "gamma": png(3, 2, rows, before=chunk(b"gAMA", struct.pack(">I", 100000))),
        "text": png(3, 2, rows, before=chunk(b"tEXt", b"a\0b"), behind=chunk(b"zTXt", b"a\0\0" + zlib.compress(b"b"))),
        "profile": png(3, 2, rows, before=chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(128)))),
        "chunk-longer-than-file": right[:33] + struct.pack(">I", 2**29) + b"zTXt" + right[33:],
        "chunk-head-alone": right[:33] + struct.pack(">I", 2**29) + b"zTXt",
        "unknown-critical": png(3, 2, rows, before=chunk(b"ABCD", b"")),
        "claims-65535": png(65535, 65535, rows),
        "claims-8192": png(8192, 8192, rows),
        "claims-2-26-and-a-row": png(1024, 65537, rows),
        "claims-2-31": png(2**31 - 1, 1, rows),
        "wraps-to-0": png(2**31, 2**31, rows),
        "size-0": png(0, 2, rows),
        "wide": png(65535, 1, bytes(65536)),
        "shrunk-a-thousandfold": png(1000, 1000, bytes(1001 * 1000)),
        "fewer-rows": png(3, 3, rows),
        "more-rows": png(3, 1, rows),
        "no-rows": png(3, 2, None),
        "wrong-filter": png(3, 1, bytes([5, 1, 2, 3])),
        "wrong-depth": png(3, 2, rows, depth=3),
        "wrong-checksum": right[:-16] + bytes(4) + right[-12:],
        "truncated": right[:-20],
        "no-end": right[:-12],
        "longer": right + b"\0",
        "signature-alone": right[:8],
    }


def main():
    shutil.rmtree(CORPUS, ignore_errors=True)
    plain = idx_files()
    targets = {
        "idx": {**plain, **gzip_files(plain)},
        "gzip": plain,
        "npy": npy_files(),
        "checkpoint": checkpoint_files(),
        "csv": csv_files(),
        "png": png_files(),
        "safetensors": safetensors_files(),
    }
    for target, files in targets.items():
        (CORPUS / target).mkdir(parents=True)
        for name, content in files.items():
            assert len(content) < 2048, name
            (CORPUS / target / name).write_bytes(content)


main()
