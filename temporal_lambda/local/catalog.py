"""The functions of the local Lambda, each with its published versions and aliases."""

from __future__ import annotations

from collections.abc import Iterator

from temporal_lambda.local.errors import LocalStackError
from temporal_lambda.local.fleet import Fleet
from temporal_lambda.local.function import LATEST


class Catalog:
    """Finds the environments of a function by its name, alone or with a qualifier."""

    def __init__(self) -> None:
        self._fleets: dict[str, Fleet] = {}
        self._aliases: dict[str, str] = {}

    def __iter__(self) -> Iterator[Fleet]:
        return iter(self._fleets.values())

    def put(self, fleet: Fleet) -> None:
        """Add the environments of a function's version."""
        self._fleets[fleet.function.qualified_name] = fleet

    def clear(self) -> None:
        """Forget them all."""
        self._fleets.clear()
        self._aliases.clear()

    def find(self, name: str) -> Fleet | None:
        """The environments that a name stands for.

        Args:
            name: A function's name, alone for ``$LATEST``, or followed by ``:`` and a version or an
                alias. Without a ``$LATEST``, a name alone is the version added last.

        Returns:
            ``None`` if there are none.
        """
        base, _, qualifier = name.partition(":")
        if qualifier == LATEST:
            return self._fleets.get(base)
        found = self._fleets.get(name)
        if found is None and name in self._aliases:
            found = self._fleets.get(f"{base}:{self._aliases[name]}")
        if found is None and not qualifier:
            versions = [f for f in self._fleets.values() if f.function.name == base]
            found = versions[-1] if versions else None
        return found

    def alias(self, name: str, alias: str, version: str) -> None:
        """Give a version of a function another name, or move that name to it.

        Raises:
            LocalStackError: There is no such version.
        """
        if f"{name}:{version}" not in self._fleets:
            raise LocalStackError(f"function {name} has no version {version} to be alias {alias}")
        self._aliases[f"{name}:{alias}"] = version
