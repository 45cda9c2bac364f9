"""No shape of the built-in models for training is among those for testing."""

import numpy as np
from scenegen.assets.sources.builtin import make_model, recipes
from scenegen.core.fingerprint import SAME_SHAPE, distances, fingerprint
from scenegen.core.scene.classes import object_class


def test_no_built_in_shape_is_in_both_splits() -> None:
    """All models of both presets. Ground is left out: the slabs of both splits have the street's standard sizes."""
    shapes: dict[str, dict[str, np.ndarray]] = {"train": {}, "test": {}}
    for recipe in {*recipes("studio"), *recipes("street")}:
        if not object_class(recipe.class_name).is_ground:
            model = make_model(recipe)
            shapes[recipe.split][recipe.name] = fingerprint(model.vertices, model.faces)
    assert min(len(of_split) for of_split in shapes.values()) > 70
    train = np.stack(list(shapes["train"].values()))
    nearest = {name: float(distances(shape, train).min()) for name, shape in shapes["test"].items()}
    assert {name: far for name, far in nearest.items() if far < SAME_SHAPE} == {}
