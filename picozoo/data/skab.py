"""A water pump on a test bed: eight sensors once a second; in each experiment something goes wrong at a known time."""

from __future__ import annotations

import csv
import io

import numpy as np

from picozoo.data import _store
from picozoo.data._info import File, Info, Split, check_split
from picozoo.errors import BadFile

SENSORS = (
    "Accelerometer1RMS", "Accelerometer2RMS", "Current", "Pressure", "Temperature", "Thermocouple", "Voltage",
    "Volume Flow RateRMS",
)  # fmt: skip
_HEAD = ["datetime", *SENSORS]
_BASE = "https://raw.githubusercontent.com/waico/SKAB/b2c0d46c2971dcbfe71e26087b6d231998bb91c2/data/"
# experiment, bytes, seconds, sha256
_EXPERIMENTS = (
    ("anomaly-free/anomaly-free", 814703, 9405, "7641a8742957100ef424dd97adfb3eeab27d4d180645fe2b3c49b7f7146ae9a6"),
    ("other/1", 70326, 745, "3beaf861bdfe9b4f4eff8e7567c1dd3f506fbd0ce667fc9399d04bd2dc70623d"),
    ("other/2", 73661, 780, "951c326bf36366fa7615b8f28d22f80b3878036069a690f42b3e223737a6a8d1"),
    ("other/3", 107404, 1137, "f3c19a89f74f62a475c246b9263f161f7a734dd88304de803939cebaa55c7ebd"),
    ("other/4", 112334, 1191, "56ca23f4eb61d1347d079eb9a35c60a59b8b64e160c00dd0c2ec69e0df0b2a4b"),
    ("other/5", 108203, 1155, "7347b326df3a92c0810c69add0e5621939af7a1c1cb4755081d088e72d36920f"),
    ("other/6", 107422, 1147, "eb8f05622a62c855040ea358b87be35fb1a4a3720ba0610569bab384db4b6e04"),
    ("other/7", 102054, 1090, "1bee14f49bfc817ba2c335fb427baa71153d8f8ab52e72652f15f74e4b77daec"),
    ("other/8", 107600, 1147, "12c138ed99c198e0a7ece886fe01bfd16bbdde206fad6c5d74322b6b9d6488d0"),
    ("other/9", 108481, 1144, "11c4514b0bc706acff637fea6707ad9258ac878fe9dff3d0b11d2b618d94d8ea"),
    ("other/10", 124516, 1327, "72683644f6f17689f619076a66a9ec02cbc0502bd669924c4c33951d1bdad9b0"),
    ("other/11", 112720, 1190, "98a2fff3b6516205ae2e12f2dd30d7f08465fe4321a1bd5cf823396985ecb37b"),
    ("other/12", 99534, 1048, "b0882efbcf2669223ae78bee61c9f10074a9b2375f0e86b8957ae5ce4aad1e72"),
    ("other/13", 87634, 923, "b3f1da02064d11234836a9fa1a2536bb0d3b6c6998ab60b0b71869b98e94d860"),
    ("other/14", 85828, 905, "c7f361e55397cc9efd4a76b6876111eda79b650d10aeb007342ca5972152eaef"),
    ("valve1/0", 110346, 1147, "16af3f71313a23dd33d9b7b8065d836d05c3f9257588881cc7fbe07c076d9dc8"),
    ("valve1/1", 110330, 1145, "fe4493bf805baef4e6dfb864094275d8cc2ea80a16b3735e2752b18b6aefd812"),
    ("valve1/2", 103507, 1075, "90492413469261886c8896c327241448df5da73fd7739cabfec8dd82de3c0ce4"),
    ("valve1/3", 110534, 1148, "cb6afea108eddfd8447307e405f86bbb764b8d8e9130d7849a46e1303e19b8b2"),
    ("valve1/4", 105634, 1095, "983aed9dc09991a57911091373c580e1b86d06aa983cd51678f108fd8d709654"),
    ("valve1/5", 111575, 1154, "78974991ec87b7f9b9b6b2944f4b525468a9beb36c59b06cd7650d9a15eca14a"),
    ("valve1/6", 111676, 1154, "97469c0e0c9c0e0ee5d30794f1f36c6785df5816a112a8b16c59637e8c894685"),
    ("valve1/7", 105941, 1094, "ca2c9c6d6fa302c642acec6fbedac495bd12fececeee0a755d45a54e340e0f30"),
    ("valve1/8", 110305, 1144, "0c4afb92248b5b35b4c9d734a91ed8318346901f04579074903730569e60416c"),
    ("valve1/9", 110586, 1148, "2aa1ae1b2ff505caecda24802b877dc686924bbbeeb7e7db4faa261efb5ed5bd"),
    ("valve1/10", 110623, 1146, "ee16be8e4b870c779491e3d1dc9e0ecbfaf29eb013e032abff7a33f2cbbfe2ad"),
    ("valve1/11", 110166, 1141, "89660fae4ed5c918db014409bbbc29f498fd99c7e956fab2620d18dea700a973"),
    ("valve1/12", 110061, 1140, "90adfa9bc86d4556e6a4ce734436fd5685af79c189cd9828f8df75a7f468ce07"),
    ("valve1/13", 110455, 1140, "d6cb6a97437215d3066a87e1fcc5fa4e68017629c043c5315920e3cf1060841c"),
    ("valve1/14", 110181, 1139, "5f0bb9bc33c5e6c259263e32e25915c4d24c82b0a94554d48808626da05c1d71"),
    ("valve1/15", 111352, 1150, "75cc86ab25d7091eee024739fa06d048753480d5d7d1507077231cab4f1b7a7e"),
    ("valve2/0", 109156, 1125, "a6670e7a68c7c6ba62c649bd9d350633e80db624578e9529f2b736ced5e32bde"),
    ("valve2/1", 102680, 1063, "b35d27f664eb0851ab73e5eb06633404c7eeaf532edff7e40c68eb9379f2012b"),
    ("valve2/2", 109005, 1129, "2c3005cf28b88db715b7f4694e826ff252cba4dbb1eba679b040961f80477e60"),
    ("valve2/3", 96048, 995, "86927555d5c523e587d41500bd5dee4e2468289ec1b988ac17755aeae697d7f8"),
)
TEST = tuple(name for name, *_ in _EXPERIMENTS if name[-1].isdigit() and int(name.partition("/")[2]) % 3 == 1)
TRAIN = tuple(name for name, *_ in _EXPERIMENTS if name not in TEST)
_SHARED = 598  # seconds of training experiments that a test experiment has as well
_SECONDS = {name: seconds for name, _, seconds, _ in _EXPERIMENTS}
INFO = Info(
    name="skab",
    title="Skoltech Anomaly Benchmark 0.9: 35 experiments with a water pump, eight sensors once a second",
    licence="GPL-3.0",
    home=("https://github.com/waico/SKAB", "https://doi.org/10.34740/KAGGLE/DSV/1693952"),
    folder="skab",
    files=tuple(File(f"{name}.csv", sha, nbytes, (f"{_BASE}{name}.csv",)) for name, nbytes, _, sha in _EXPERIMENTS),
    packed="skab.tar.xz",
    sizes={"train": sum(_SECONDS[n] for n in TRAIN) - _SHARED, "test": sum(_SECONDS[n] for n in TEST)},
    classes=("normal", "anomalous"),
    note=(
        "Held out are whole experiments, those whose number leaves 1 when divided by 3 (11 of 34, of every kind); this "
        "was fixed before anything was trained. Some experiments begin before the one before them has ended; seconds "
        "that a test experiment has as well are left out of the training part. Each begins with at least 100 normal "
        "seconds. Level and noise of the sensors differ between experiments: compare with its own beginning."
    ),
)


def load(split: str) -> Split:
    """The readings, experiments laid end to end.

    Args:
        split: "train" (24 experiments, one of them without a fault) or "test" (11).

    Returns:
        x float32 (seconds, 8), `SENSORS` in this order: two vibrations in g, ampere, bar, degrees Celsius of the
        motor's body and of the water, volt, litres a minute; y int64 (seconds,), 1 where the authors say that
        something is wrong; `starts`, the first second of each experiment.

    Raises:
        UsageError: another split.
        MissingTool: a file is not here; says how to get it.
        BadFile: a file is something else.
    """
    check_split(INFO, split)
    test = _read(TEST)
    if split == "test":
        return _laid(test)
    known = {row.tobytes() for x, _ in test for row in x}
    kept = []
    for x, y in _read(TRAIN):
        own = np.array([row.tobytes() not in known for row in x])
        kept.append((x[own], y[own]))
    return _laid(kept)


def _read(names: tuple[str, ...]) -> list[tuple[np.ndarray, np.ndarray]]:
    raw = _store.read_all(INFO, [f"{name}.csv" for name in names])
    return [parse(content, name, _SECONDS[name]) for name, content in zip(names, raw, strict=True)]


def _laid(parts: list[tuple[np.ndarray, np.ndarray]]) -> Split:
    starts = np.cumsum([0, *(len(y) for _, y in parts[:-1])])
    return Split(np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts]), tuple(starts.tolist()))


def parse(raw: bytes, name: str, seconds: int) -> tuple[np.ndarray, np.ndarray]:
    """One experiment: x float32 (seconds, 8) and y int64 (seconds,); a file without labels is all normal.

    Raises:
        BadFile: other columns, another length, or a word that is no finite number.
    """
    try:
        rows = list(csv.reader(io.StringIO(raw.decode("utf-8"), newline=""), delimiter=";", strict=True))
        wanted = [_HEAD, [*_HEAD, "anomaly", "changepoint"]]
        if not rows or rows[0] not in wanted or len(rows) != seconds + 1:
            raise ValueError(f"expected {seconds} rows below the columns {'; '.join(_HEAD)}")
        values = np.array([[float(v) for v in row[1:]] for row in rows[1:]])
        labels = values[:, len(SENSORS)] if values.shape[1:] == (len(rows[0]) - 1,) and len(rows[0]) > 9 else None
        if values.shape != (seconds, len(rows[0]) - 1) or not np.isfinite(values).all():
            raise ValueError("a number is missing or not finite")
        if labels is not None and set(np.unique(labels)) - {0.0, 1.0}:
            raise ValueError("a label is neither 0 nor 1")
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        raise BadFile(f"data set skab: {name} is not such an experiment ({error}); fetch it again") from None
    y = np.zeros(seconds, np.int64) if labels is None else labels.astype(np.int64)
    return values[:, : len(SENSORS)].astype(np.float32), y
