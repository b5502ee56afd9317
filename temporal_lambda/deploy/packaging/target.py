"""What a zip is made for: a Python version and an architecture of Lambda."""

from __future__ import annotations

import platform
from dataclasses import dataclass

from temporal_lambda.deploy.errors import PackageError

PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
"""Runtimes of Lambda that this package supports."""

ARCHITECTURES = ("x86_64", "arm64")
"""Architectures as Lambda names them."""

AMAZON_LINUX_2 = ("3.10", "3.11")
"""Runtimes on Amazon Linux 2 (glibc 2.26); later ones are on Amazon Linux 2023 (glibc 2.34)."""


@dataclass(frozen=True)
class Target:
    """Where a zip is to run.

    Args:
        python: A version as in the runtime's name, e.g. ``3.13``.
        arch: ``x86_64`` or ``arm64``.

    Raises:
        PackageError: Lambda has no such runtime or architecture.

    Example:
        >>> Target("3.13", "arm64").platform
        'aarch64-manylinux_2_34'
        >>> Target("3.13", "arm64").runtime
        'python3.13'
    """

    python: str
    arch: str

    def __post_init__(self) -> None:
        if self.python not in PYTHONS:
            raise PackageError(
                f"Python {self.python!r} is none that can be packaged for: choose "
                f"{', '.join(PYTHONS)}"
            )
        if self.arch not in ARCHITECTURES:
            raise PackageError(
                f"architecture {self.arch!r} is none of Lambda's: choose "
                f"{' or '.join(ARCHITECTURES)}"
            )

    @property
    def runtime(self) -> str:
        """Lambda's name of the runtime."""
        return f"python{self.python}"

    @property
    def machine(self) -> str:
        """The architecture as Linux names it."""
        return "aarch64" if self.arch == "arm64" else "x86_64"

    @property
    def platform(self) -> str:
        """The platform as uv names it: the newest glibc that the runtime can be sure of."""
        glibc = "2_17" if self.python in AMAZON_LINUX_2 else "2_34"
        return f"{self.machine}-manylinux_{glibc}"

    @property
    def runs_here(self) -> bool:
        """Whether this machine can run the target's binaries."""
        return platform.system() == "Linux" and platform.machine() == self.machine
