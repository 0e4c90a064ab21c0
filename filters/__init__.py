"""What is true of one document: annotators measure, policies decide, rewriters edit.

A leaf package: it imports nothing else of Castor's, and neither Beam nor JAX. Its functions
for a notebook are imported when they are first named: `castor.filters.identify_language`.
"""

import importlib
from typing import Any

if __name__ == "filters":
    raise ImportError(
        "import castor.filters, not filters: the repository root is on sys.path, so its folders"
        " are visible under a second, bare name; run from elsewhere or use the castor command"
    )

# Function -> the module that has it; loaded when it is asked for, so that `import castor.filters`
# costs nothing.
_FUNCTIONS = {
    "extract_html": "castor.filters.html.extract",
    "identify_language": "castor.filters.language.identify",
}


def __getattr__(name: str) -> Any:
    """The public function of that name (PEP 562)."""
    if name not in _FUNCTIONS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_FUNCTIONS[name]), name)


def __dir__() -> list[str]:
    """Every name of the package, those that are not loaded yet too."""
    return sorted({*globals(), *_FUNCTIONS})
