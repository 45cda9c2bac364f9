"""Tables: dining, desk, coffee and side tables whose tops are flat. Long side along X, a desk's sitter at -Y."""

from __future__ import annotations

from scenegen.parametric.furniture.table_mixed import desk, folding, glass_metal, pedestal_round, sled
from scenegen.parametric.furniture.table_unseen import drum, gateleg, hairpin, tripod, waterfall
from scenegen.parametric.furniture.table_wood import coffee_shelf, four_leg, oval, round_splayed, trestle
from scenegen.parametric.shapes.shapes import Families

TRAIN_FAMILIES: Families = {
    "four-leg": four_leg,
    "round-pedestal": pedestal_round,
    "round-splayed": round_splayed,
    "trestle": trestle,
    "glass-metal": glass_metal,
    "folding": folding,
    "desk": desk,
    "coffee-shelf": coffee_shelf,
    "oval": oval,
    "sled": sled,
}
TEST_FAMILIES: Families = {
    "waterfall": waterfall,
    "tripod": tripod,
    "hairpin": hairpin,
    "gateleg": gateleg,
    "drum": drum,
}
