"""One small gathering for all tests of the demonstration."""

import pytest

from castor.pipelines.demo.material import Material, gather


@pytest.fixture(scope="session")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """The material of this machine, cut to a megabyte and a half; what is planted stays."""
    return gather(tmp_path_factory.mktemp("demo") / "raw", budget_mb=1.5)
