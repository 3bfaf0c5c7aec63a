"""The Frechet distance, and what gan and dbn do between training and artefact, against SciPy and PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import picozoo as pz  # noqa: E402
from picozoo import data  # noqa: E402
from picozoo.train import boltzmann, frechet, loop  # noqa: E402
from picozoo.zoo import dbn, gan  # noqa: E402


def test_frechet_distance_is_that_of_the_formula() -> None:
    linalg = pytest.importorskip("scipy.linalg")
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6)), rng.normal(1, 2, (300, 6))
    ca, cb, gap = np.cov(a.T), np.cov(b.T), a.mean(0) - b.mean(0)
    want = gap @ gap + np.trace(ca + cb - 2 * linalg.sqrtm(ca @ cb).real)
    assert frechet.distance(a, b) == pytest.approx(want, rel=1e-9)


def test_folded_batch_norms_draw_the_same() -> None:
    torch.manual_seed(0)
    learner: Any = gan._learner()
    for norm in learner.norms:
        torch.nn.init.uniform_(norm.weight, 0.5, 2)
        torch.nn.init.uniform_(norm.bias, -0.5, 0.5)
    z = torch.randn(50, gan.CODE)
    with torch.no_grad():
        learner.train()
        learner(z)  # statistics that are not the initial ones
        plain: Any = gan.build()
        plain.load_state_dict(gan._folded(learner), strict=False)
        assert torch.allclose(learner.eval()(z), plain(z), atol=1e-5)


def test_a_seed_draws_the_same_digit_by_both_ways() -> None:
    torch.manual_seed(0)
    model: Any = gan.build()
    z = gan.codes(2014, 3)  # numbers of one stream, whose first 64 are those of the first digit
    with torch.no_grad():
        assert torch.equal(model.sample(), model(torch.from_numpy(z[:1])))
        assert torch.equal(model.sample(), model(torch.from_numpy(z[1:2])))


def test_dbn_reads_by_the_free_energy_of_its_top_machine() -> None:
    torch.manual_seed(0)
    model: Any = dbn.build()
    top = boltzmann.Machine(dbn.SECOND + dbn.LABELS, dbn.TOP, 1, 0)
    with torch.no_grad():
        for p in (model.top_bias, model.label_bias, model.thought_bias):
            p.uniform_(-1, 1)
        top.w.copy_(torch.cat([model.thought.T, model.label]))
        top.b.copy_(torch.cat([model.thought_bias, model.label_bias]))
        top.c.copy_(model.top_bias)
        x = torch.rand(1, 1, 28, 28)
        thought = model.up(x.flatten(1))
        seen = torch.cat([thought.expand(dbn.LABELS, -1), torch.eye(dbn.LABELS)], 1)
        want = -top.free_energy(seen) - thought @ model.thought_bias  # what all labels share is left out
        assert torch.allclose(model(x)[0], want, atol=1e-3)


def test_finished_stages_are_not_made_again(tmp_path: Path) -> None:
    made = loop.Stage(tmp_path, "net_a", "key").get(lambda: {"w": torch.ones(3)})
    again = loop.Stage(tmp_path, "net_a", "key").get(dict)
    other = loop.Stage(tmp_path, "net_a", "another").get(lambda: {"w": torch.zeros(1)})
    assert torch.equal(made["w"], again["w"])
    assert other["w"].shape == (1,)
    (tmp_path / "net_b.stage.pt").write_bytes(b"half")
    assert loop.Stage(tmp_path, "net_b", "key").get(lambda: made) is made


@pytest.mark.slow
def test_gan_draws_as_well_in_int8() -> None:
    """2,000 digits drawn on this machine in float and in int8, both against test digits."""
    if not data.available("mnist"):
        pytest.skip("data set 'mnist' is not here; set PICOZOO_DATA to a mirror")
    test = frechet.look(data.load("mnist", "test").x[:5000].astype(np.float32) / 255)[0]
    found = {}
    for precision in ("float32", "int8"):
        with pz.compile("gan", board="host", precision=precision).session() as s:
            drawn = np.stack([s.call_real("forward", z)[0].reshape(28, 28) for z in gan.inputs("test", 2000)[0]])
        found[precision] = frechet.distance(frechet.look(drawn)[0], test)
    assert found["int8"] < found["float32"] * 1.1


@pytest.mark.slow
def test_dbn_dreams_of_what_it_is_told_on_a_board() -> None:
    """Three dreams of each digit on the emulated board, read by LeNet-5; by chance it would be a tenth."""
    right = 0
    with pz.compile("dbn", board="stm32f746").session() as s:
        for label in [*range(10)] * 3:
            s.set_state("mind", np.zeros((1, dbn.SECOND), np.float32))
            for _ in range(dbn.SLEEP):
                dream = s.call_real("dream", np.eye(10, dtype=np.float32)[[label]])[0]
            right += int(gan.read(dream).argmax() == label)
    assert right >= 25
