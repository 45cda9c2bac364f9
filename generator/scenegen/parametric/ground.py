"""Ground that streets are laid of: flat slabs of class `ground`, their base at z = 0, their top all at one height.

An asset's `family` says what the slab is: "ground/<form>_<look>", such as "ground/road7_asphalt". Its size is exact:

    form                                  x, y, z in metres      what lies where
    road7, road10, road14                 7.0 | 10.5 | 14.0, 10.0, 0.10   2, 3 or 4 lanes of 3.5 m that run along y
    crossing7, crossing10, crossing14     7.0 | 10.5 | 14.0, 4.0, 0.10    a zebra crossing: people walk along x
    pavement3, pavement4                  3.0 | 4.0, 10.0, 0.25           the kerb is the long side at -x
    lot                                   10.0, 12.0, 0.25                grass, gravel or paving: x is 10 long, y 12 deep

Looks of the training split are asphalt, worn and concrete (roads, crossings), flags, setts and slabs (pavements), grass,
gravel and paved (lots); of the test split dark and patched, tiles and cobbles, meadow and yard. Every form has each look
of its group exactly once or more. Slabs of one look repeat along y without a visible joint.
"""
