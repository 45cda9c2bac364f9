"""Machine code that lies on disk from before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TYPES = "from typing import NamedTuple\nclass {name}(NamedTuple):\n    value: int\ndef made():\n    return {name}(3)\n"
KERNEL = """from scenegen.core.compiled import compiled
@compiled
def twice(pair):
    return 2 * pair.value
"""
RUN = """import sys; sys.path.insert(0, ".")
import kernel, types_of_it
print(kernel.twice(types_of_it.made()), sum(kernel.twice.stats.cache_hits.values()))
"""


def test_code_for_a_type_that_is_gone_is_made_again(tmp_path: Path) -> None:
    """As after an update that moved a type and left the kernel's file alone."""
    (tmp_path / "kernel.py").write_text(KERNEL)

    def run(name: str) -> list[str]:
        (tmp_path / "types_of_it.py").write_text(TYPES.format(name=name))
        ended = subprocess.run([sys.executable, "-B", "-c", RUN], cwd=tmp_path, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.split()

    assert run("Before")[0] == "6"
    assert run("Before") == ["6", "1"]
    assert run("After") == ["6", "0"]
    assert run("After") == ["6", "1"]
