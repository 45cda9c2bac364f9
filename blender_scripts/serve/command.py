"""The command line of generate.py: scenes 0..N-1 in this process, or scenes on request."""

from __future__ import annotations

import argparse
import errno
import json
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

import bpy
from scenegen.core.asset_library import default_library
from scenegen.core.dataset.credits import write_credits
from scenegen.core.dataset.folders import finished_indices, remove_leftovers
from scenegen.core.dataset.info import check_dataset_json
from scenegen.core.dataset.request import Parameters, check_library, check_parameters, dataset_info
from scenegen.core.dataset.run_lock import run_lock
from scenegen.core.dataset.timings import append_timings
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.look.variation import VARIATIONS, parse_variation
from scenegen.core.preset.preset_file import load_preset

from blender_scripts.host.compat import DEVICES
from blender_scripts.host.process import Say, die_with_parent, peak_megabytes, quiet_stdout
from blender_scripts.render.cycles import QUALITIES, warm_up
from blender_scripts.serve.scene_maker import STAGES, Job, SceneMaker

MARK = "@scenegen "
# What may befall one scene (a full disk, a GPU out of memory, a broken asset) and leave the next unharmed.
SCENE_FAILURES = (ScenegenError, OSError, RuntimeError, MemoryError, ValueError, LookupError)
OUTPUT_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO, errno.ESTALE)


def run(arguments: Sequence[str]) -> int:
    """Run with the arguments after `--`; the exit status."""
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as leaving:  # argparse has said why
        return int(leaving.code or 0)
    say = quiet_stdout()
    try:
        if options.warm_up:
            for note in warm_up(QUALITIES[options.quality], options.device):
                say(note)
            return 0
        job = _job(options)
        with SceneMaker(job) as maker:
            for note in maker.notes:
                say(note)
            if options.serve:
                die_with_parent()
                return _serve(maker, say)
            with run_lock(job.out):
                return _direct(maker, job, options.scenes, options.profile, say)
    except ScenegenError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="generate.py --",
        description="Generate labelled scenes in this Blender.",
        epilog="example: blender -b -P generate.py -- --scenes 8 --out data/studio",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--scenes", type=int, help="make scenes 0 to SCENES - 1; those that are there stay")
    what.add_argument("--serve", action="store_true", help="make the scenes that standard input asks for")
    what.add_argument("--warm-up", action="store_true", help="make none, only have the GPU's kernels compiled")
    parser.add_argument("--preset", default="studio", help="name, or path of a .toml (studio)")
    parser.add_argument("--out", type=Path, help="data set folder (data/<preset>)")
    parser.add_argument("--views", type=int, help="cameras a scene, of presets without fixed ones (the preset's)")
    parser.add_argument("--seed", type=int, default=0, help="data set seed (0)")
    parser.add_argument("--split", choices=("train", "test"), default="train", help="which models to show (train)")
    parser.add_argument("--quality", choices=tuple(QUALITIES), default="standard", help="(standard)")
    parser.add_argument(
        "--variation", default="all", metavar="WHAT", help=f"all, none, or {','.join(VARIATIONS)} (all)"
    )
    parser.add_argument("--device", choices=("auto", "cpu", *sorted(DEVICES)), default="auto", help="(auto)")
    parser.add_argument("--gpu", type=int, help="which GPU of several, counted round (all)")
    parser.add_argument("--assets", type=Path, default=default_library(), help="prepared library (%(default)s)")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads for Cycles; 0: all cores (0)")
    parser.add_argument("--profile", action="store_true", help="print where the time went")
    return parser


def _job(options: argparse.Namespace) -> Job:
    preset = load_preset(options.preset, options.views)
    variation = parse_variation(options.variation)
    out = (options.out or Path("data") / preset.name).absolute()
    library = options.assets.absolute()
    if not options.serve:
        check_parameters(options.scenes, options.split, out)
    if options.gpu is not None and options.gpu < 0:
        raise UsageError(f"--gpu {options.gpu}: GPUs are counted from 0")
    if options.threads < 0:
        raise UsageError(f"--threads {options.threads}: ask for 0 (all cores) or more")
    return Job(
        preset=preset,
        assets=check_library(library, preset, options.split),
        library=library,
        out=out,
        seed=options.seed,
        split=options.split,
        quality=options.quality,
        device=options.device,
        threads=options.threads,
        gpu=options.gpu,
        variation=variation,
    )


def _serve(maker: SceneMaker, say: Say) -> int:
    """Answer each {"index": n} line of standard input with one line; the end of the input ends it."""
    for line in sys.stdin:
        index = json.loads(line)["index"]
        answer: dict[str, object] = {"index": index, "ok": True}
        try:
            answer["seconds"] = maker.make(index)
            answer["peak_mb"] = peak_megabytes()
        except SCENE_FAILURES as error:
            answer |= {"ok": False, "error": _one_line(error), "output": _output_at_fault(error)}
        say(MARK + json.dumps(answer))
    return 0


def _direct(maker: SceneMaker, job: Job, scenes: int, profile: bool, say: Say) -> int:
    """Make the scenes that are missing; 1 when some failed, after all the others were made."""
    parameters = Parameters(job.preset, job.library, job.out, scenes, job.seed, job.split, job.quality, job.variation)
    check_dataset_json(job.out, dataset_info(parameters, job.assets, bpy.app.version_string))
    remove_leftovers(job.out)
    write_credits(job.out, job.assets)
    missing = sorted(set(range(scenes)) - finished_indices(job.out))
    say(f"{scenes - len(missing)} of {scenes} scenes are there, {len(missing)} to make")
    totals, failed = dict.fromkeys(STAGES, 0.0), []
    started = time.perf_counter()
    for number, index in enumerate(missing, start=1):
        try:
            seconds = maker.make(index)
        except SCENE_FAILURES as error:
            failed.append(index)
            print(f"error: scene {index}: {_one_line(error)}", file=sys.stderr)
            continue
        append_timings(job.out, index, seconds)
        totals = {stage: totals[stage] + seconds[stage] for stage in STAGES}
        mean = (time.perf_counter() - started) / number
        left = _duration(mean * (len(missing) - number))
        say(f"scene {index + 1} of {scenes}, {mean:.1f} s a scene, {left} left")
    if profile:
        _print_profile(totals, len(missing) - len(failed), say)
    if failed:
        numbers = ", ".join(map(str, failed))
        print(f"error: {len(failed)} scenes failed ({numbers}); the same command tries them again", file=sys.stderr)
    return 1 if failed else 0


def _output_at_fault(error: BaseException) -> bool:
    """Whether a scene failed because the place it goes to is full, read-only or gone."""
    cause = error.__cause__ if isinstance(error, ScenegenError) else error
    return isinstance(cause, OSError) and cause.errno in OUTPUT_FAULTS


def _one_line(error: BaseException) -> str:
    """What went wrong in one line; what nobody foresaw shows its traceback on standard error too."""
    text = " ".join(str(error).split())
    if isinstance(error, ScenegenError):
        return text
    traceback.print_exception(error)
    return f"{type(error).__name__}: {text}"


def _duration(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _print_profile(totals: dict[str, float], scenes: int, say: Say) -> None:
    whole = sum(totals.values())
    say(f"{'stage':8} {'s a scene':>10} {'share':>7}")
    for stage, seconds in totals.items():
        say(f"{stage:8} {seconds / max(scenes, 1):10.3f} {seconds / whole if whole else 0.0:7.1%}")
    say(f"{'sum':8} {whole / max(scenes, 1):10.3f}, {peak_megabytes():.0f} MB at most")
