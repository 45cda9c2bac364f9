"""Labelled 3D rooms and streets: layout, labels and data sets.

The public names are loaded when they are first used, so `import scenegen` is quick and needs neither bpy nor torch,
numba or numpy:

    from scenegen import Dataset, BoxGrid, FrustumGrid, voxelize
"""

TYPE_CHECKING = False  # type checkers take it for True; importing typing would take most of the time
if TYPE_CHECKING:
    from scenegen.core.dataset.reading import Dataset
    from scenegen.core.labels.grids import BoxGrid, FrustumGrid
    from scenegen.core.labels.voxelize import voxelize

__all__ = ["BoxGrid", "Dataset", "FrustumGrid", "__version__", "voxelize"]

__version__ = "0.1.0"

_MODULES = {
    "BoxGrid": "scenegen.core.labels.grids",
    "Dataset": "scenegen.core.dataset.reading",
    "FrustumGrid": "scenegen.core.labels.grids",
    "voxelize": "scenegen.core.labels.voxelize",
}

if not TYPE_CHECKING:  # so that a type checker refuses any other name

    def __getattr__(name: str) -> object:
        """Import a public name when it is first used."""
        import importlib

        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value: object = getattr(importlib.import_module(_MODULES[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
