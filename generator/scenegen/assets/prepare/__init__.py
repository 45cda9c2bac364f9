"""A RawModel becomes an asset: clean mesh, upright, supports, textures within budget."""
