"""Soft inputs: they stand where placeholders are, and only what comes later sees them."""

import jax
import numpy as np
import pytest

from castor.model import decoder


@pytest.fixture(scope="module")
def setting(tiny, make_batch, draw_params):
    """A model that takes images and sounds, and a row with an image at 4 to 7."""
    config = tiny.for_data(64, {"image": 6, "audio": 3})
    params = draw_params(config)
    batch = make_batch(2, 16)
    index = np.full((2, 16), -1, np.int32)
    index[0, 4:8] = [2, 0, 1, 3]
    generator = np.random.default_rng(0)
    batch["soft_image"] = generator.normal(size=(2, 16, 6)).astype(np.float16)
    batch["soft_image_index"] = index
    return config, params, batch


forward = jax.jit(decoder.forward, static_argnums=1)


def test_swapping_an_image_changes_only_what_comes_later(setting):
    config, params, batch = setting
    before = forward(params, config, batch)[0]
    soft = batch["soft_image"].copy()
    soft[0, :4] = soft[0, 4:8]
    after = forward(params, config, batch | {"soft_image": soft})[0]
    changed = np.abs(after - before).max(axis=-1) > 0
    np.testing.assert_array_equal(changed[0], np.arange(16) >= 4)
    assert not changed[1].any()


def test_the_order_in_which_rows_are_kept_is_nothing(setting):
    config, params, batch = setting
    soft, index = batch["soft_image"].copy(), batch["soft_image_index"].copy()
    soft[0, [0, 1, 2, 3]] = soft[0, [2, 0, 1, 3]]
    index[0, 4:8] = np.arange(4)
    moved = batch | {"soft_image": soft, "soft_image_index": index}
    expected = forward(params, config, batch)[0]
    np.testing.assert_array_equal(forward(params, config, moved)[0], expected)


def test_placeholder_ids_are_not_looked_up(setting):
    config, params, batch = setting
    inputs = batch["inputs"].copy()
    inputs[0, 4:8] = 63
    expected = forward(params, config, batch)[0]
    np.testing.assert_array_equal(forward(params, config, batch | {"inputs": inputs})[0], expected)
    inputs[0, 8] = 63
    assert np.abs(forward(params, config, batch | {"inputs": inputs})[0] - expected).max() > 0


def test_the_projector_learns_and_a_modality_may_be_absent(setting):
    config, params, batch = setting

    def loss(params):
        return decoder.embed(params, config, batch).sum()

    gradient = jax.jit(jax.grad(loss))(params)["soft"]
    assert set(gradient) == {"image", "audio"}
    assert np.abs(gradient["image"]["weight"]).max() > 0
    assert np.abs(gradient["image"]["bias"]).max() > 0
    assert np.abs(gradient["audio"]["weight"]).max() == 0


def test_projection_is_linear(setting):
    config, params, batch = setting
    projector = params["soft"]["image"]
    x = decoder.embed(params, config, batch)
    expected = batch["soft_image"][0, 2].astype(np.float32) @ projector["weight"]
    np.testing.assert_allclose(x[0, 4], expected + projector["bias"], rtol=1e-5, atol=1e-6)
