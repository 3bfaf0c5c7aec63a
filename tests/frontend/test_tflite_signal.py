"""Custom operators for sound, against TensorFlow Lite Micro, and its published results without the package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from picozoo.errors import PicozooError
from picozoo.frontend import tflite
from picozoo.ir.interp import Interpreter
from picozoo.ops._tflite import custom

from .tflite_models import Micro, Net, T, compare_micro

KINDS = {"int16": 7, "int32": 2, "float32": 0}  # how options name element types


@pytest.fixture(params=range(3))
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    return np.random.default_rng(request.param)


@pytest.mark.parametrize("shift", [0, 12, 15])
def test_window(rng: np.random.Generator, shift: int) -> None:
    net = Net()
    w = net.const(rng.integers(-32768, 32768, 9).astype(np.int16))
    net.op(custom("SignalWindow"), [net.input((2, 9), "int16"), w], [T((2, 9), "int16")], shift=shift)
    compare_micro(net, rng)


@pytest.mark.parametrize("bits", [0, 3, 9, 15])
def test_auto_scale(rng: np.random.Generator, bits: int) -> None:
    net = Net()
    net.op(custom("SignalFftAutoScale"), [net.input((16,), "int16")], [T((16,), "int16"), T((), "int32")])
    x = rng.integers(-(1 << bits) + 1, 1 << bits, 16).astype(np.int16)
    Micro(net).check([x], Interpreter(tflite.from_bytes(net.bytes(), "case")).call("forward", x))


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("n", [4, 8, 16, 64, 128, 512])
@pytest.mark.parametrize("dtype", ["int16", "int32", "float32"])
def test_transforms(n: int, dtype: str, back: bool) -> None:
    rng = np.random.default_rng(n)
    values = {"T": KINDS[dtype], "fft_length": n}
    net = Net()
    if back:
        net.op(custom("SignalIrfft"), [net.input((2, n + 2), dtype)], [T((2, n), dtype)], **values)
    else:
        net.op(custom("SignalRfft"), [net.input((2, n - 1), dtype)], [T((2, n + 2), dtype)], **values)
    machine, program = Micro(net), Interpreter(tflite.from_bytes(net.bytes(), "case"))
    for _ in range(2):
        shape, wide = net.tensors[net.inputs[0]].shape, dtype == "float32"
        high = 3 if wide else np.iinfo(dtype).max // 2
        x = (rng.uniform(-high, high, shape) if wide else rng.integers(-high, high, shape)).astype(dtype)
        machine.check([x], program.call("forward", x))


def test_energy(rng: np.random.Generator) -> None:
    net = Net()
    net.op(custom("SignalEnergy"), [net.input((18,), "int16")], [T((9,), "uint32")], start_index=0, end_index=9)
    compare_micro(net, rng)


def bank(rng: np.random.Generator, net: Net) -> list[int]:
    widths = rng.integers(0, 4, 6)
    first = np.concatenate([[0], np.cumsum(widths)[:-1]])
    tables = [rng.integers(0, 4096, widths.sum()), rng.integers(0, 4096, widths.sum()), first, first, widths]
    return [net.const(t.astype(np.int16)) for t in tables]


def sound(window: bool) -> Net:
    """From samples to logarithms of channels."""
    rng, net, n = np.random.default_rng(0), Net(), 32
    x = net.input((1, 16), "int16")
    values = {"frame_size": 24, "frame_step": 16, "prefill": True}
    y, valid = net.op(custom("SignalFramer"), [x], [T((1, 1, 24), "int16"), T((), "bool")], **values)
    if window:
        w = net.const((4096 * np.hanning(24)).astype(np.int16))
        (y,) = net.op(custom("SignalWindow"), [y, w], [T((1, 1, 24), "int16")], shift=12)
    (y,) = net.op("RESHAPE", [y], [T((24,), "int16")], "ReshapeOptions", newShape=[24])
    y, bits = net.op(custom("SignalFftAutoScale"), [y], [T((24,), "int16"), T((), "int32")])
    (y,) = net.op(custom("SignalRfft"), [y], [T((n + 2,), "int16")], T=7, fft_length=n)
    (y,) = net.op(custom("SignalEnergy"), [y], [T((n // 2 + 1,), "uint32")], start_index=1, end_index=16)
    (y,) = net.op(custom("SignalFilterBank"), [y, *bank(rng, net)], [T((5,), "uint64")], num_channels=5)
    (y,) = net.op(custom("SignalFilterBankSquareRoot"), [y, bits], [T((5,), "uint32")])
    values = {"input_correction_bits": 3, "output_scale": 1600}
    (y,) = net.op(custom("SignalFilterBankLog"), [y], [T((5,), "int16")], **values)
    net.outputs = [y, valid]
    return net


def test_filter_bank(rng: np.random.Generator) -> None:
    net = Net()
    ins = [net.input((20,), "uint32"), *bank(rng, net)]
    net.op(custom("SignalFilterBank"), ins, [T((5,), "uint64")], num_channels=5)
    compare_micro(net, rng)


def test_square_root(rng: np.random.Generator) -> None:
    net = Net()
    bits = net.const(np.array(int(rng.integers(0, 8)), np.int32))
    net.op(custom("SignalFilterBankSquareRoot"), [net.input((40,), "uint64"), bits], [T((40,), "uint32")])
    compare_micro(net, rng)


@pytest.mark.parametrize("clamping", [False, True])
def test_spectral_subtraction(rng: np.random.Generator, clamping: bool) -> None:
    net = Net()
    names = ("smoothing", "one_minus_smoothing", "alternate_smoothing", "alternate_one_minus_smoothing")
    values = dict(zip(names, (655, 15729, 1311, 15073), strict=True)) | {"min_signal_remaining": 819}
    values |= {"num_channels": 8, "smoothing_bits": 10, "spectral_subtraction_bits": 14, "clamping": clamping}
    outs = [T((8,), "uint32"), T((8,), "uint32")]
    net.op(custom("SignalFilterBankSpectralSubtraction"), [net.input((8,), "uint32")], outs, **values)
    compare_micro(net, rng, calls=5)


def test_pcan(rng: np.random.Generator) -> None:
    net = Net()
    ins = [
        net.input((30,), "uint32"),
        net.input((30,), "uint32"),
        net.const(rng.integers(0, 32768, 125).astype(np.int16)),
    ]
    net.op(custom("SignalPCAN"), ins, [T((30,), "uint32")], snr_shift=int(rng.integers(0, 20)))
    compare_micro(net, rng)


def test_log(rng: np.random.Generator) -> None:
    net = Net()
    values = {"input_correction_bits": int(rng.integers(0, 5)), "output_scale": int(rng.choice([64, 1600, 65536]))}
    net.op(custom("SignalFilterBankLog"), [net.input((60,), "uint32")], [T((60,), "int16")], **values)
    compare_micro(net, rng)


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_overlap_add(rng: np.random.Generator, dtype: str) -> None:
    net, (frames, size) = Net(), rng.integers(1, 6, 2)
    step = int(rng.integers(1, size + 1))
    x = net.input((1, int(frames), int(size)), dtype)
    net.op(custom("SignalOverlapAdd"), [x], [T((1, int(frames) * step), dtype)], T=KINDS[dtype], frame_step=step)
    compare_micro(net, rng, calls=4)


def test_delay(rng: np.random.Generator) -> None:
    net, length = Net(), int(rng.choice([1, 4, 9]))
    net.op(custom("SignalDelay"), [net.input((2, 5), "int16")], [T((2, 5), "int16")], delay_length=length)
    compare_micro(net, rng, calls=5)


@pytest.mark.parametrize(("size", "step", "frames"), [(7, 3, 1), (6, 3, 2), (3, 3, 2), (2, 4, 1), (8, 2, 1)])
@pytest.mark.parametrize("prefill", [False, True])
def test_framer(rng: np.random.Generator, size: int, step: int, frames: int, prefill: bool) -> None:
    net = Net()
    outs = [T((1, frames, size), "int16"), T((), "bool")]
    values = {"frame_size": size, "frame_step": step, "prefill": prefill}
    net.op(custom("SignalFramer"), [net.input((1, frames * step), "int16")], outs, **values)
    if prefill and size < step:
        with pytest.raises(PicozooError, match="frames of 2"):
            tflite.checked(net.bytes(), "case", "case.tflite")
    else:
        assert compare_micro(net, rng, 7, valid=1) >= 4


@pytest.mark.parametrize(("left", "right", "step"), [(1, 1, 2), (3, 2, 1), (0, 0, 1), (2, 0, 3), (0, 2, 2)])
def test_stacker(rng: np.random.Generator, left: int, right: int, step: int) -> None:
    net, c = Net(), 3
    names = ("num_channels", "stacker_left_context", "stacker_right_context", "stacker_step")
    outs = [T((c * (left + right + 1),), "int16"), T((), "bool")]
    values = dict(zip(names, (c, left, right, step), strict=True))
    net.op(custom("SignalStacker"), [net.input((c,), "int16")], outs, **values)
    assert compare_micro(net, rng, 9, valid=1) >= 3


def test_a_front_end_on_a_board(tmp_path: Path) -> None:
    """From samples to logarithms of channels: the board gives what the interpreter gives."""
    import picozoo as pz

    net, rng = sound(window=True), np.random.default_rng(1)
    path = tmp_path / "sound.tflite"
    path.write_bytes(net.bytes())
    machine, fw = Interpreter(tflite.read(path)), pz.compile(path, board="nano33ble")
    with fw.session() as s:
        for _ in range(4):
            v = rng.integers(-3000, 3000, (1, 16)).astype(np.int16)
            for got, want in zip(s.call("forward", v), machine.call("forward", v), strict=True):
                np.testing.assert_array_equal(got, want)
    assert machine.call("forward", v)[0].any()


def test_unsigned_numbers_are_only_for_sound() -> None:
    net = Net()
    net.op("NEG", [net.input((3,), "uint32")], [T((3,), "uint32")], "NegOptions")
    with pytest.raises(PicozooError, match="uint32"):
        tflite.checked(net.bytes(), "case", "case.tflite")
