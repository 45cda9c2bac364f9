"""The options of generate.py. Standard library only: any Blender can say what they are."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from scenegen.core.dataset.request import Request, Resources
from scenegen.core.errors import UsageError
from scenegen.core.options import add_arguments


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options among the arguments after `--`; SystemExit after --help or a complaint."""
    parser = _parser()
    try:
        given = parser.parse_args(arguments)
    except UsageError as error:  # from the check of one option
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    if given.scenes is None and not (given.serve or given.warm_up):
        parser.error("give --scenes N, --serve or --warm-up")
    return given


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="generate.py --",
        description="Generate labelled scenes in this Blender.",
        epilog="example: blender -b -P generate.py -- --scenes 8 --out data/studio",
    )
    parser.add_argument("--serve", action="store_true", help="make the scenes that standard input asks for")
    parser.add_argument("--warm-up", action="store_true", help="make none, only have the GPU's kernels compiled")
    add_arguments(parser, Request)
    add_arguments(parser, Resources)
    parser.add_argument("--profile", action="store_true", help="print where the time went")
    return parser
