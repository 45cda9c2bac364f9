"""Where a report's scenes are in `scenegen view`: the command that serves them, and the address of each."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from scenegen.core.dataset.info import read_dataset_json
from scenegen.core.errors import ScenegenError
from scenegen.steps.viewer.runs import open_run

from scenetrain.evaluation.evaluate import SceneScore

PORT = 8123
"""Of the viewer that the addresses lead to: a page cannot know a port that is chosen when the viewer starts."""


@dataclass(frozen=True)
class ViewerLinks:
    """`command` serves the data set, with `predictions` beside the truth or without."""

    command: str
    predictions: bool

    def address(self, score: SceneScore) -> str:
        """Where the viewer shows an item: its errors where there are predictions, else its labels."""
        query = ["compare=errors"] if self.predictions else []
        if score.camera is not None:
            query.append(f"volume={score.camera}")
        return f"http://127.0.0.1:{PORT}/#/scene/{score.index}" + (f"?{'&'.join(query)}" if query else "")


def viewer_links(data: Path, runs: Sequence[Path]) -> ViewerLinks:
    """The links to the scenes of `data`, with the predictions that `evaluate --predictions` kept in `runs`."""
    kept = []
    for run in runs:
        with suppress(ScenegenError):  # without predictions of this data set the viewer shows the labels alone
            open_run(run, data, read_dataset_json(data))
            kept += ["--run", str(run)]
    return ViewerLinks(shlex.join(["scenegen", "view", str(data), *kept, "--port", str(PORT)]), bool(kept))
