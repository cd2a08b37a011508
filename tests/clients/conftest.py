from tests.runtime.conftest import make_platform

__all__ = ["make_platform"]
