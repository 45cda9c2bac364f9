"""Buildings of a street: houses, shops, flats and offices of 2 to 6 storeys. Their facades face -Y."""

from __future__ import annotations

import random

from scenegen.core.rng import choose, integer, uniform
from scenegen.parametric.shapes.shapes import Families, Model, join
from scenegen.parametric.street.building_parts import (
    BuildingPlan,
    flat_roof,
    gable_roof,
    hipped_roof,
    materials,
    storeys,
)
from scenegen.parametric.street.building_unseen import curtain_wall, gabled_row, mansard


def apartments(rng: random.Random) -> Model:
    """Rendered flats with balconies under a flat roof."""
    count = integer(rng, 4, 6)
    bays = integer(rng, 4, 6)
    plan = BuildingPlan(
        width=bays * uniform(rng, 2.9, 3.3), depth=uniform(rng, 10.0, 12.0), storeys=count,
        ground=uniform(rng, 3.0, 3.4), storey=uniform(rng, 2.8, 3.0), bays=bays,
        pane=(uniform(rng, 1.3, 1.8), 1.45), door=integer(rng, 1, bays - 2),
        balconies=tuple(range(0, bays, choose(rng, (2, 3)))), surround=False, band=rng.random() < 0.4,
        bars=choose(rng, ("two", "one")), top=0.5,
    )  # fmt: skip
    return join([*storeys(rng, plan), *flat_roof(rng, plan)], materials(rng, "plaster"), 30)


def townhouse(rng: random.Random) -> Model:
    """Brick house of three or four storeys, its ridge along the street, with stone bands and chimneys."""
    bays = integer(rng, 3, 4)
    plan = BuildingPlan(
        width=bays * uniform(rng, 2.5, 2.9), depth=uniform(rng, 8.5, 10.5), storeys=integer(rng, 2, 4), ground=3.3,
        storey=uniform(rng, 2.9, 3.2), bays=bays, pane=(uniform(rng, 1.05, 1.25), uniform(rng, 1.6, 1.85)),
        door=choose(rng, (0, bays - 1)), surround=True, band=True, bars="cross", cornice=True, sides=True,
    )  # fmt: skip
    return join([*storeys(rng, plan), *gable_roof(rng, plan, uniform(rng, 0.7, 0.95))], materials(rng, "brick"), 30)


def shops(rng: random.Random) -> Model:
    """Shops with boards and awnings, flats above, a cornice at the top."""
    bays = integer(rng, 4, 7)
    plan = BuildingPlan(
        width=bays * uniform(rng, 2.5, 2.9), depth=uniform(rng, 9.0, 12.0), storeys=integer(rng, 3, 5), ground=4.0,
        storey=uniform(rng, 3.0, 3.3), bays=bays, pane=(uniform(rng, 1.1, 1.3), uniform(rng, 1.7, 1.95)),
        door=bays // 2, shops=True, surround=True, band=rng.random() < 0.6, bars="cross", cornice=True, top=0.7,
        balconies=choose(rng, ((), (), (bays // 2,), (0, bays - 1))),
    )  # fmt: skip
    return join(
        [*storeys(rng, plan), *flat_roof(rng, plan)], materials(rng, choose(rng, ("plaster", "ashlar", "brick"))), 30
    )


def detached(rng: random.Random) -> Model:
    """House of two or three storeys under a hipped roof, with windows all round and a porch."""
    bays = integer(rng, 3, 5)
    plan = BuildingPlan(
        width=max(8.0, bays * uniform(rng, 2.7, 3.0)), depth=uniform(rng, 8.0, 10.0), storeys=integer(rng, 2, 3),
        ground=3.2, storey=2.9, bays=bays, pane=(uniform(rng, 1.2, 1.5), uniform(rng, 1.35, 1.6)), door=bays // 2,
        porch=True,
        surround=rng.random() < 0.6, bars=choose(rng, ("cross", "two")), sides=True, plinth=True,
    )  # fmt: skip
    return join(
        [*storeys(rng, plan), *hipped_roof(rng, plan, uniform(rng, 0.5, 0.75))],
        materials(rng, choose(rng, ("plaster", "ashlar"))),
        30,
    )


def offices(rng: random.Random) -> Model:
    """Concrete office block with ribbons of windows between parapets and an open ground floor of glass."""
    bays = integer(rng, 6, 9)
    plan = BuildingPlan(
        width=bays * uniform(rng, 2.0, 2.2), depth=uniform(rng, 10.0, 12.0), storeys=integer(rng, 3, 6), ground=3.9,
        storey=uniform(rng, 3.2, 3.5), bays=bays, pane=(0.0, uniform(rng, 1.5, 1.9)), door=bays // 2, shops=True,
        boards=False, bars="two", top=0.8, sides=True, ribbon=True,
    )  # fmt: skip
    return join(
        [*storeys(rng, plan), *flat_roof(rng, plan, plant=True)], materials(rng, choose(rng, ("concrete", "brick"))), 30
    )


TRAIN_FAMILIES: Families = {
    "apartments": apartments,
    "townhouse": townhouse,
    "shops": shops,
    "detached": detached,
    "offices": offices,
}
TEST_FAMILIES: Families = {"curtain-wall": curtain_wall, "gabled-row": gabled_row, "mansard": mansard}
