"""The command line of generate.py: scenes 0..N-1 in this process, or scenes on demand."""

from __future__ import annotations

import argparse
import errno
import json
import sys
import time
import traceback
from contextlib import ExitStack

import bpy
from scenegen.core.blender_protocol import MARK
from scenegen.core.dataset.checks import check_library, check_request, dataset_info
from scenegen.core.dataset.credits import write_credits
from scenegen.core.dataset.folders import finished_scenes, remove_leftovers
from scenegen.core.dataset.info import check_dataset_json, read_dataset_json
from scenegen.core.dataset.request import Request, Resources, for_blender, with_grids
from scenegen.core.dataset.run_lock import read_lock, run_lock
from scenegen.core.dataset.shards import refuse_packed
from scenegen.core.dataset.timings import append_timings
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.options import from_arguments
from scenegen.core.parent import die_with_parent
from scenegen.core.preset.preset_file import load_preset

from blender_scripts.host.process import Notify, peak_megabytes, quiet_stdout
from blender_scripts.render.cycles import QUALITIES, warm_up
from blender_scripts.serve.scene_maker import STAGES, SceneMaker

# What may go wrong with one scene (a full disk, a GPU out of memory, a broken asset) while the next one still works.
SCENE_FAILURES = (ScenegenError, OSError, RuntimeError, MemoryError, ValueError, LookupError)
OUTPUT_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO, errno.ESTALE)


def run(given: argparse.Namespace) -> int:
    """Run with the options of `serve.arguments.parse`; the exit status."""
    try:
        request, resources = from_arguments(Request, given), from_arguments(Resources, given)
    except UsageError as error:
        return _fail(error)
    notify = quiet_stdout()
    try:
        if given.warm_up:
            for note in warm_up(QUALITIES[request.quality], request.device):
                notify(note)
            return 0
        if not given.serve:
            check_request(request)
        preset = load_preset(request.preset, request.views)
        request = for_blender(request)
        with ExitStack() as stack:
            if not given.serve:
                stack.enter_context(read_lock(request.library, "generate.py"))
            assets = check_library(request.library, preset, request.split, request.preset)
            maker = stack.enter_context(SceneMaker(request, preset, assets, resources))
            for note in maker.notes:
                notify(note)
            if given.serve:
                die_with_parent()
                return _serve(maker, notify)
            stack.enter_context(run_lock(request.folder))
            return _make_missing(maker, notify, profile=given.profile)
    except ScenegenError as error:
        return _fail(error)


def _fail(error: ScenegenError) -> int:
    print(f"error: {error}", file=sys.stderr)
    return 2 if isinstance(error, UsageError) else 1


def _serve(maker: SceneMaker, notify: Notify) -> int:
    """Answer each {"index": n} line of standard input with one line; the end of the input ends it."""
    for line in sys.stdin:
        index = json.loads(line)["index"]
        answer: dict[str, object] = {"index": index, "ok": True}
        try:
            answer["seconds"] = maker.make(index)
            answer["peak_mb"] = peak_megabytes()
        except SCENE_FAILURES as error:
            answer |= {"ok": False, "error": _one_line(error), "output": _output_at_fault(error)}
        notify(MARK + json.dumps(answer))
    return 0


def _make_missing(maker: SceneMaker, notify: Notify, *, profile: bool) -> int:
    """Make the scenes that are missing; 1 when some failed, after all the others were made."""
    out, scenes = maker.request.folder, maker.request.scenes
    info = dataset_info(maker.request, maker.preset, maker.assets, bpy.app.version_string)
    refuse_packed(out)
    check_dataset_json(out, info, maker.assets)
    maker.request = with_grids(maker.request, read_dataset_json(out).grids)
    remove_leftovers(out)
    write_credits(out, maker.assets)
    there = finished_scenes(out, scenes)
    todo = int(scenes - there.sum())
    missing = (index for index in range(scenes) if not there[index])
    notify(f"{scenes - todo} of {scenes} scenes exist, {todo} to make")
    totals, failed = dict.fromkeys(STAGES, 0.0), []
    started = time.perf_counter()
    for number, index in enumerate(missing, start=1):
        try:
            seconds = maker.make(index)
        except SCENE_FAILURES as error:
            failed.append(index)
            print(f"error: scene {index}: {_one_line(error)}", file=sys.stderr)
            continue
        append_timings(out, index, seconds)
        totals = {stage: totals[stage] + seconds[stage] for stage in STAGES}
        mean = (time.perf_counter() - started) / number
        left = _duration(mean * (todo - number))
        notify(f"scene {index + 1} of {scenes}, {mean:.1f} s per scene, {left} left")
    if profile:
        _print_profile(totals, todo - len(failed), notify)
    if failed:
        numbers = ", ".join(map(str, failed))
        print(f"error: {len(failed)} scenes failed ({numbers}); the same command tries them again", file=sys.stderr)
    return 1 if failed else 0


def _output_at_fault(error: BaseException) -> bool:
    """Whether a scene failed because the place to write to is full, read-only or gone."""
    cause = error.__cause__ if isinstance(error, ScenegenError) else error
    return isinstance(cause, OSError) and cause.errno in OUTPUT_FAULTS


def _one_line(error: BaseException) -> str:
    """Describe an error in one line; an unexpected one also prints its traceback on standard error."""
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


def _print_profile(totals: dict[str, float], scenes: int, notify: Notify) -> None:
    whole = sum(totals.values())
    notify(f"{'stage':8} {'s per scene':>10} {'share':>7}")
    for stage, seconds in totals.items():
        notify(f"{stage:8} {seconds / max(scenes, 1):10.3f} {seconds / whole if whole else 0.0:7.1%}")
    notify(f"{'sum':8} {whole / max(scenes, 1):10.3f}, {peak_megabytes():.0f} MB at most")
