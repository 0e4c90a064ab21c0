"""Set-up compiles every kernel; one that is left out would be compiled by the first run."""

import pathlib
import re

from castor.pipelines import warm

ROOT = pathlib.Path(__file__).resolve().parents[2]
KERNEL = re.compile(r"^@kernel\(", re.MULTILINE)


def test_every_kernel_is_compiled():
    compiled = {m for group in warm.GROUPS for name in group for m in warm.modules_of(name)}
    with_kernels = {
        ".".join(("castor", *path.relative_to(ROOT).with_suffix("").parts))
        for folder in ("filters", "pipelines", "tokenizer", "mixtures")
        for path in (ROOT / folder).rglob("*.py")
        if KERNEL.search(path.read_text("utf-8"))
    }
    assert len(with_kernels) > 20
    assert with_kernels <= compiled
