"""Every network of the zoo: its card, its functions through torch.export, its hooks, its recipe in quick form."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from picozoo import data, find
from picozoo.errors import MissingTool, UsageError
from picozoo.network import artefact_path
from picozoo.zoo._card import Card, TrainResult

torch = pytest.importorskip("torch")

NAMES = find.names("zoo")
SIZES = [(name, size) for name in NAMES for size in find.load("zoo", name, "network").CARD.sizes]


def network(name: str) -> ModuleType:
    return find.load("zoo", name, "network")


class Wrap(torch.nn.Module):
    """Exports one public method, as the frontend does."""

    def __init__(self, model: torch.nn.Module, function: str) -> None:
        super().__init__()
        self.model, self.function = model, function

    def forward(self, *args: Any) -> Any:
        return getattr(self.model, self.function)(*args)


def quick(name: str, out: Path, **more: Any) -> TrainResult:
    """The quick recipe, or a skip where its data are not here."""
    try:
        result: TrainResult = network(name).train(out, quick=True, **more)
    except MissingTool as error:
        pytest.skip(str(error))
    return result


def test_cards_need_no_torch() -> None:
    code = (
        "import sys\nfrom picozoo import find\n"
        "[find.load('zoo', n, 'network').CARD for n in find.names('zoo')]\nsys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", NAMES)
def test_card(name: str) -> None:
    card: Card = network(name).CARD
    assert card.name == name
    assert card.differs_from_paper
    assert card.quick, "say what its quick recipe must at least reach"
    assert card.metric_better in ("higher", "lower")
    assert card.results or not artefact_path(name).is_file(), "say what the shipped artefact reaches"
    assert all(card.reaches(v) for v in list(card.results.values())[:1]), "its first result is that of `metric`"
    assert card.main in card.functions
    for size in card.sizes:
        assert card.at(size).precision in ("int8", "native", "float32")
        assert card.at(size).main in card.at(size).functions
    assert set(card.variants) <= set(card.sizes)
    assert set(card.board) == set(card.sizes)
    assert not {*card.board.values(), *card.boards} - set(find.names("boards") or [*card.board.values(), *card.boards])
    assert set(card.data) <= set(data.names())
    with pytest.raises(UsageError, match="must be one of"):
        network(name).build("colossal")


@pytest.mark.parametrize(("name", "size"), SIZES)
def test_functions_run_and_export(name: str, size: str) -> None:
    module = network(name)
    examples = module.examples(size)
    assert set(examples) == set(module.CARD.at(size).functions)
    for function, args in examples.items():
        model, twin = module.build(size).eval(), module.build(size).eval()
        twin.load_state_dict(model.state_dict())
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # torch warns about its own internals
            exported = torch.export.export(Wrap(model, function), args, strict=False).run_decompositions({}).module()
            chance = torch.Generator().manual_seed(1)
            for _ in range(3):  # more than once: the kept state must be kept in both
                real = [torch.randn(a.shape, generator=chance) if a.is_floating_point() else a for a in args]
                want, got = getattr(twin, function)(*real), exported(*real)
                pairs = zip(want, got, strict=True) if isinstance(want, tuple) else [(want, got)]
                assert all(torch.allclose(a, b, atol=1e-5) for a, b in pairs)


@pytest.mark.parametrize(("name", "size"), SIZES)
def test_hooks(name: str, size: str) -> None:
    module = network(name)
    if module.CARD.data and not any(data.available(d) for d in module.CARD.data):
        pytest.skip(f"none of {module.CARD.data} is here")
    x, y = module.inputs("test", 40, size=size)
    assert len(x) == len(y) == 40
    example = module.examples(size)[module.CARD.main][0]
    assert x[0].shape == tuple(example.shape)
    assert x.dtype == example.numpy().dtype
    model = module.build(size).eval()
    with torch.no_grad():
        outputs = np.stack([getattr(model, module.CARD.main)(torch.from_numpy(row)).numpy() for row in x])
    found = module.metric(outputs, y)
    assert np.isfinite(found)
    if module.CARD.at(size).metric_unit == "%":
        assert 0 <= found <= 1
    if module.CARD.streaming:
        starts = module.starts("test", 40, size=size)
        assert starts[0] == 0
        assert all(0 <= s < 40 for s in starts)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_quick_recipe_learns_and_repeats(name: str, tmp_path: Path) -> None:
    said: list[float] = []
    first = quick(name, tmp_path / "a", progress=lambda share, words: said.append(share))
    second = quick(name, tmp_path / "b")
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.metrics == second.metrics
    assert said == sorted(said)
    assert {p.suffix for p in first.path.parent.iterdir()} == {".safetensors", ".json"}
    for figure, least in network(name).CARD.quick.items():
        assert first.metrics[figure] >= least
    from safetensors.torch import load_file

    network(name).build().load_state_dict(load_file(first.path))


@pytest.mark.slow
def test_a_stopped_recipe_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    whole = quick("lenet5", tmp_path / "whole")

    def stop(share: float, words: str) -> None:
        if share > 0.4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quick("lenet5", tmp_path / "cut", progress=stop)
    told: list[str] = []
    rest = quick("lenet5", tmp_path / "cut", progress=lambda share, words: told.append(words))
    assert len(told) < 8
    assert rest.path.read_bytes() == whole.path.read_bytes()


def test_training_leaves_torch_as_it_was(tmp_path: Path) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    quick("hopfield", tmp_path, size="tiny")
    assert torch.equal(before, torch.get_rng_state())
    assert not torch.are_deterministic_algorithms_enabled()


def test_lstm_streams_as_it_was_trained() -> None:
    """`step` over a stream from a zero state gives what `sequence` gives for all of it."""
    model = network("lstm_activity").build().eval()
    x = torch.randn(50, 1, 3, generator=torch.Generator().manual_seed(3)) * 100
    with torch.no_grad():
        whole = model.sequence(x)[0]
        steps = torch.stack([model.step(row) for row in x])
    assert torch.allclose(whole, steps, atol=1e-5)


def test_lstm_excerpts_show_every_activity() -> None:
    if not data.available("human_activity"):
        pytest.skip("data set 'human_activity' is not here; set PICOZOO_DATA to a mirror")
    module = network("lstm_activity")
    _, y = module.inputs("test", 1000)
    assert np.bincount(y).tolist() == [200] * 5
    assert len(module.starts("test", 1000)) == 10
    assert module.starts("test") == (0,)
    assert len(module.starts("train")) == 5


def test_perceptron_learns_only_from_mistakes() -> None:
    model = network("perceptron").build()
    x = torch.zeros(400, dtype=torch.int8)
    x[::3] = 1
    one = torch.ones(1, dtype=torch.int32)
    assert model.learn(x, one).item() == 0  # a zero score is a mistake
    fired = int(model.w.sum())
    assert fired > 0
    assert model.forward(x).item() == fired
    before = model.w.clone()
    assert model.learn(x, one).item() == fired  # right now: nothing changes
    assert torch.equal(before, model.w)
    model.learn(x, -one)
    assert not model.w.any()


def test_perceptron_wiring_is_fixed() -> None:
    wires = network("perceptron").wiring()
    assert wires.min() >= 0
    assert wires.max() < 400
    assert all(len(set(column)) == len(column) for column in wires.T)
    assert np.array_equal(wires, network("perceptron").wiring())


@pytest.mark.parametrize("size", ["default", "tiny"])
def test_hopfield_in_torch_and_numpy_agree(size: str) -> None:
    module = network("hopfield")
    model = module.build(size)
    stored = module.patterns(size)
    for k, pattern in enumerate(stored):
        assert model.learn(torch.from_numpy(pattern)).item() == k + 1
    w = model.W.numpy()
    assert np.array_equal(w, stored.T.astype(int) @ stored)
    others = w * (1 - np.eye(len(w), dtype=w.dtype))  # a unit does not listen to itself
    chance = np.random.default_rng(0)
    noise = chance.choice(np.array([-1, 1], np.int8), (8, len(w)))
    states = np.concatenate([module.inputs("test", 8, size=size)[0], noise])
    rest = np.stack([model.recall(torch.from_numpy(s)).numpy() for s in states])
    assert np.array_equal(rest, module.settle(others.astype(np.float32), states.T).T)


def test_hopfield_damage_is_as_stated() -> None:
    module = network("hopfield")
    x, y = module.inputs("test")
    share = (x != y).mean(1)
    assert share.min() >= 0.10
    assert share.max() <= 0.20
    assert not np.array_equal(x, module.inputs("train")[0])
    with pytest.raises(UsageError, match="must be one of train, test"):
        module.inputs("valid")


def test_hopfield_theory_and_a_small_curve() -> None:
    module = network("hopfield")
    assert module.theory_overlap(0.1379) == pytest.approx(0.967, abs=0.003)
    assert module.theory_overlap(0.139) == 0.0
    found = module.capacity(units=300, loads=(0.05, 0.1, 0.25), matrices=2, probes=20)
    assert found["curve_error"] < 0.05
    assert found["overlap_at_0.25"] < 0.8


@pytest.mark.slow
def test_hopfield_digits_come_from_mnist() -> None:
    if not data.available("mnist"):
        pytest.skip("data set 'mnist' is not here; set PICOZOO_DATA to a mirror")
    module = network("hopfield")
    assert module.digit_patterns() == module.DIGITS


@pytest.mark.slow
def test_mlp_over_ten_folds_is_scikit_learns() -> None:
    """The figure of its row, and scikit-learn's network of the same size on the same folds."""
    pytest.importorskip("sklearn")
    if not data.available("german_credit"):
        pytest.skip("data set 'german_credit' is not here; set PICOZOO_DATA to a mirror")
    from picozoo.train import loop

    with loop.repeatable(0):
        found = network("mlp").folds(0, None)
    assert found["auc_ten_folds"] >= 0.78
    assert found["auc_ten_folds"] >= found["auc_ten_folds_sklearn"] - 0.01


@pytest.mark.parametrize("size", ["default", "penguins"])
def test_support_vectors_decide_as_scikit_learns(size: str, tmp_path: Path) -> None:
    """Trained on the same rows, both machines say the same of at least 99.5 % of the rows they have not seen."""
    svm = pytest.importorskip("sklearn.svm")
    result = quick("svm", tmp_path, size=size)
    module = network("svm")
    gamma, limit, _ = module.SETTINGS[size]
    (x, y), (tx, _) = module.inputs("train", size=size), module.inputs("test", size=size)
    theirs = svm.SVC(C=limit, gamma=gamma).fit(x[:, 0], y).predict(tx[:, 0])
    from safetensors.torch import load_file

    model = module.build(size)
    model.load_state_dict(load_file(result.path))
    with torch.no_grad():
        ours = torch.cat([model(torch.from_numpy(row)) for row in tx]).argmax(1).numpy()
    assert (ours == theirs).mean() >= 0.995


@pytest.mark.slow
def test_settings_were_chosen_without_the_test_set() -> None:
    """`choose` sees training examples only and finds what the files state."""
    pytest.importorskip("sklearn")
    if not all(data.available(d) for d in ("mnist", "banknote", "penguins")):
        pytest.skip("mnist, banknote and penguins are not here; set PICOZOO_DATA to a mirror")
    svm, elm = network("svm"), network("elm")
    for size, (gamma, limit, _) in svm.SETTINGS.items():
        assert svm.choose(size, repeats=1 if size == "default" else 3) == (gamma, limit)
    assert elm.choose() == elm.UNITS["default"]


@pytest.mark.parametrize("size", ["default", "penguins"])
def test_clusters_are_as_good_as_scikit_learns(size: str, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    if not (data.available("penguins") and data.available("german_credit")):
        pytest.skip("german_credit and penguins are not here; set PICOZOO_DATA to a mirror")
    found = network("clusters").train(tmp_path, size=size).metrics
    assert found["silhouette"] == pytest.approx(found["silhouette_sklearn"], abs=0.005)
    assert found["distance"] <= found["distance_sklearn"] * 1.001


def test_silhouette_is_scikit_learns() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    from picozoo.zoo import _tables

    chance = np.random.default_rng(3)
    x, groups = chance.normal(size=(80, 3)), chance.integers(0, 4, 80)
    assert _tables.silhouette(x, groups) == pytest.approx(metrics.silhouette_score(x, groups), abs=1e-12)


def test_scores_of_the_pump_and_principal_components_are_scikit_learns() -> None:
    metrics, decomposition = pytest.importorskip("sklearn.metrics"), pytest.importorskip("sklearn.decomposition")
    from picozoo.zoo import _encoders

    chance = np.random.default_rng(5)
    y, scores = chance.integers(0, 2, 300), chance.normal(size=300).round(1)  # rounded: there are ties
    assert network("ae").metric(scores, y) == pytest.approx(metrics.roc_auc_score(y, scores), abs=1e-12)
    known, x = chance.normal(size=(80, 12)), chance.normal(size=(9, 12))
    theirs = decomposition.PCA(4).fit(known)
    want = theirs.inverse_transform(theirs.transform(x))
    assert np.allclose(_encoders.principal(known, x, 4), want, atol=1e-9)
    r2 = metrics.r2_score(x, want, multioutput="variance_weighted")
    assert _encoders.explained(want, x) == pytest.approx(max(0.0, r2))


def test_the_pump_learns_from_healthy_moments_of_other_experiments() -> None:
    if not data.available("skab"):
        pytest.skip("data set 'skab' is not here; set PICOZOO_DATA to a mirror")
    module = network("ae")
    rows, seen = module.healthy(), module.experiments("train")
    assert len(rows) == sum(int((labels.max(1) == 0).sum()) for _, labels in seen) < sum(len(w) for w, _ in seen)
    x, y = module.inputs("test", size="pump")
    assert not {row.tobytes() for row in rows} & {row.tobytes() for row in x}
    assert set(y.tolist()) == {0, 1}


def test_every_function_of_the_auto_encoder_is_int8(tmp_path: Path) -> None:
    """Functions that take other inputs have calibration of their own: what the parts give is what the whole gives."""
    import picozoo as pz

    net = pz.load("ae")
    assert net.calibration is not None
    assert net.calibration.others == ("encode",)
    assert [c.function for c in net.calibration.more] == ["decode"]
    fw = pz.compile(net, board="host")
    assert fw.precision == "int8"
    x = net.calibration.inputs[0][0].astype(np.float32)
    with fw.session() as s, pz.compile(net, board="host", precision="float32").session() as exact:
        code = s.call_real("encode", x)[0]
        parts, whole = s.call_real("decode", code)[0], exact.call_real("forward", x)[0]
        assert np.abs(code - exact.call_real("encode", x)[0]).max() < 0.05 * np.abs(code).max()
    assert np.abs(parts - whole).mean() < 0.01


def test_damage_is_as_stated() -> None:
    module = network("dae")
    x, y = module.inputs("test", 200)
    inked = y > 0
    assert ((x == y) | (x == 0)).all()
    assert (x == y)[inked].mean() == pytest.approx(1 - module.LOST, abs=0.02)
    assert np.array_equal(module.inputs("test", 50)[0], x[:50])
    assert np.array_equal(module.inputs("test", 50, lost=0.0)[0], y[:50])


def test_few_units_of_the_sparse_auto_encoder_speak() -> None:
    from picozoo.network import load
    from picozoo.train.weights import trained
    from picozoo.zoo import _encoders

    module = network("sae")
    model = trained(load("sae"))
    x = module.inputs("test", 300)[0][:, 0]
    with torch.no_grad():
        code, made = model.encode(torch.from_numpy(x)), model(torch.from_numpy(x))
    assert ((code != 0).sum(1) == module.ACTIVE).all()
    parts, paper = module.strokes()
    assert np.allclose(made.numpy(), code.numpy() @ parts + paper, atol=1e-4)
    assert module.metric(made.numpy(), x) > module.metric(np.clip(_encoders.principal(x, x, module.ACTIVE), 0, 1), x)


class Layers:
    """The dense layers of a shipped `vae`, batch normalisation folded, with what `bound` asks of a model."""

    def __init__(self, name: str) -> None:
        from picozoo.network import load
        from picozoo.passes import pipeline
        from picozoo.specs import Target

        program = pipeline.run(load(name).program, pipeline.FLOAT, Target())
        self.of = {
            f.name: [
                [torch.from_numpy(program.constants[r].copy()) for r in n.inputs[1:]]
                for n in f.nodes
                if n.op == "linear"
            ]
            for f in program.public()
        }

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        first, mean, log_variance = self.of["encode"]
        h = torch.relu(torch.nn.functional.linear(x, *first))
        return torch.nn.functional.linear(h, *mean), torch.nn.functional.linear(h, *log_variance)

    def drawn(self, code: torch.Tensor) -> torch.Tensor:
        for layer in self.of["decode"][:-1]:
            code = torch.relu(torch.nn.functional.linear(code, *layer))
        return torch.nn.functional.linear(code, *self.of["decode"][-1])


def test_elbo_is_below_the_likelihood_by_numerical_integration() -> None:
    """Codes of two numbers can be integrated over, which gives the likelihood of the shipped network itself."""
    module, model = network("vae"), Layers("vae:plane")
    x = torch.from_numpy(module.inputs("test", 40, size="plane")[0][:, 0])
    steps = torch.linspace(-4.5, 4.5, 181)
    codes = torch.cartesian_prod(steps, steps)
    prior = -0.5 * codes.square().sum(1) - np.log(2 * np.pi) + 2 * np.log(float(steps[1] - steps[0]))
    with torch.no_grad():
        odds = model.drawn(codes)
        each = x @ odds.T - torch.nn.functional.softplus(odds).sum(1)  # log p(x | code): (pictures, codes)
        exact = torch.logsumexp((each + prior).double(), 1)
        chance = torch.Generator().manual_seed(0)
        elbo = -sum(sum(module.bound(model, x, chance)) for _ in range(50)) / 50
    gap = exact - elbo
    assert 0 < float(gap.mean()) < 12
    assert float(gap.min()) > -1  # the mean of 50 draws is not exact for a single picture
