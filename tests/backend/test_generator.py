import numpy as np
import pytest

import graftgrad
from graftgrad import Generator, modes
from graftgrad.errors import ConfigError, DTypeError, ShapeError


def test_a_seed_makes_it_repeatable():
    graftgrad.manual_seed(5)
    first = [graftgrad.rand(3).tolist(), graftgrad.randn(3).tolist(), graftgrad.rand(3).tolist()]
    assert graftgrad.manual_seed(5) is graftgrad.default_generator()
    again = [graftgrad.rand(3).tolist(), graftgrad.randn(3).tolist(), graftgrad.rand(3).tolist()]
    assert first == again
    assert first[0] != first[2]
    graftgrad.manual_seed(6)
    assert graftgrad.rand(3).tolist() != first[0]


def test_a_generator_of_ones_own_leaves_the_default_alone():
    graftgrad.manual_seed(5)
    expected = graftgrad.rand(3).tolist()
    graftgrad.manual_seed(5)
    own = Generator(9)
    drawn = graftgrad.rand(3, generator=own).tolist()
    assert graftgrad.rand(3).tolist() == expected
    assert graftgrad.rand(3, generator=own.manual_seed(9)).tolist() == drawn


def test_without_a_seed_each_is_another():
    assert len({tuple(graftgrad.rand(4, generator=Generator()).tolist()) for _ in range(8)}) == 8


def test_a_place_in_the_stream_can_be_kept():
    generator = Generator(1)
    graftgrad.rand(2, generator=generator)
    place = generator.state.clone()
    expected = graftgrad.rand(2, generator=generator).tolist()
    generator.state.copy_(place)
    assert graftgrad.rand(2, generator=generator).tolist() == expected


def test_shapes_types_and_places():
    x = graftgrad.randn(2, 3, dtype="float64", requires_grad=True)
    assert (x.shape, str(x.dtype), x.requires_grad, x.is_leaf) == ((2, 3), "float64", True, True)
    assert graftgrad.rand((2, 3)).shape == (2, 3)
    assert graftgrad.rand().shape == ()
    assert graftgrad.rand(2, device="meta").device.kind == "meta"
    sample = graftgrad.randn(10_000, generator=Generator(0)).numpy()
    np.testing.assert_allclose([sample.mean(), sample.std()], [0, 1], atol=0.03)


def test_replaying_draws_anew():
    heard, generator = [], Generator(3)
    with modes.taped(heard):
        x = graftgrad.rand(4, generator=generator)
    first = x.tolist()
    for one in heard:
        one.kernel.run(one.ins, one.outs, ())
    assert x.tolist() != first
    generator.manual_seed(3)
    assert graftgrad.rand(4, generator=generator).tolist() == first
    assert graftgrad.rand(4, generator=generator).tolist() == x.tolist()


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "a", None, True])
def test_bad_seeds(seed):
    with pytest.raises(ConfigError, match=r"whole number from 0 to 4294967295; got seed="):
        graftgrad.manual_seed(seed)
    with pytest.raises(ConfigError, match="whole number"):
        Generator(0).manual_seed(seed)


def test_bad_sizes():
    with pytest.raises(ShapeError, match="rand: sizes must be integers"):
        graftgrad.rand(2.5)


def test_normal_takes_means_and_deviations():
    mean = graftgrad.tensor([0.0, 100.0], "float64", requires_grad=True)
    std = graftgrad.tensor([[1.0], [2.0]], "float64", requires_grad=True)
    graftgrad.manual_seed(3)
    y = graftgrad.normal(mean, std)
    assert y.shape == (2, 2) and y.dtype == "float64"
    y.sum().backward()
    np.testing.assert_allclose(mean.grad.numpy(), [2, 2])
    z = (y - mean) / std
    np.testing.assert_allclose(std.grad.numpy(), z.detach().sum(1, keepdims=True).numpy())
    many = graftgrad.normal(3.0, 0.5, (1000,), generator=graftgrad.Generator(0))
    assert abs(many.mean().item() - 3) < 0.05 and abs(many.std().item() - 0.5) < 0.05
    assert graftgrad.normal(0.0, 1.0).shape == ()
    assert graftgrad.normal(0.0, 1.0, 0).shape == (0,)


def test_draws_by_probabilities():
    p = graftgrad.tensor([0.0, 1.0, 0.3]).broadcast_to((2000, 3))
    drawn = graftgrad.bernoulli(p, graftgrad.Generator(1))
    assert set(drawn.unique().tolist()) == {0, 1} and drawn.dtype == p.dtype
    np.testing.assert_allclose(drawn.mean(0).numpy(), [0, 1, 0.3], atol=0.04)
    weights = graftgrad.tensor([0.0, 3.0, 1.0])
    places = graftgrad.multinomial(weights, 2000, True, graftgrad.Generator(2))
    np.testing.assert_allclose(
        graftgrad.bincount(places, minlength=3).numpy() / 2000, [0, 0.75, 0.25], atol=0.04
    )
    with pytest.raises(DTypeError, match="bernoulli: p must hold real numbers"):
        graftgrad.bernoulli(graftgrad.ones(2).to("int64"))


def test_whole_numbers_like_a_tensor():
    x = graftgrad.zeros(50, dtype="float64")
    assert graftgrad.randint_like(x, 3).dtype == "float64"
    assert set(graftgrad.randint_like(x, 5, 7).tolist()) == {5, 6}


def test_the_default_stream_can_be_returned_to():
    state = graftgrad.get_rng_state()
    first = graftgrad.rand(3)
    graftgrad.set_rng_state(state)
    assert graftgrad.rand(3).tolist() == first.tolist()
    with pytest.raises(ShapeError):
        graftgrad.set_rng_state(graftgrad.ones(5))
