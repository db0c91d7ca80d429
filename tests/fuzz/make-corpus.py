#!/usr/bin/env python3
"""make-corpus.py: writes corpus/, what the fuzz targets start from, made from the formats' descriptions alone.

IDX      yann.lecun.com/exdb/mnist: 0 0 type rank, big-endian sizes, values
gzip     RFC 1952
npy      numpy.org/doc/stable/reference/generated/numpy.lib.format.html
safetensors  github.com/huggingface/safetensors: little-endian length of the header, JSON, little-endian values
"""
import gzip
import json
import pathlib
import shutil
import struct

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
    }


def main():
    shutil.rmtree(CORPUS, ignore_errors=True)
    plain = idx_files()
    targets = {
        "idx": {**plain, **gzip_files(plain)},
        "gzip": plain,
        "npy": npy_files(),
        "csv": csv_files(),
        "safetensors": safetensors_files(),
    }
    for target, files in targets.items():
        (CORPUS / target).mkdir(parents=True)
        for name, content in files.items():
            assert len(content) < 2048, name
            (CORPUS / target / name).write_bytes(content)


main()
