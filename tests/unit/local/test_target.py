"""What ``dev`` is told to run: a module, a file, or Lambda's own handler setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from temporal_lambda.local.errors import LocalStackError
from temporal_lambda.local.target import locate_handler


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: a package, and a src layout."""
    (tmp_path / "src" / "shop").mkdir(parents=True)
    (tmp_path / "src" / "shop" / "handler.py").touch()
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "handler.py").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("target", "code", "folder", "handler"),
    [
        ("app.handler:run", None, "", "app.handler.run"),
        ("app.handler.run", None, "", "app.handler.run"),
        ("app/handler.py:run", None, "app", "handler.run"),
        ("shop.handler.run", "src", "src", "shop.handler.run"),
        ("shop.handler:run", "src", "src", "shop.handler.run"),
        ("src/shop/handler.py:run", "src", "src", "shop.handler.run"),
        ("shop/handler.py:run", "src", "src", "shop.handler.run"),
        ("app/handler.py:run", ".", "", "app.handler.run"),
    ],
)
def test_handler_is_found(
    target: str, code: str | None, folder: str, handler: str, project: Path
) -> None:
    found = locate_handler(target, Path(code) if code else None)
    assert found == (project / folder, handler)


@pytest.mark.parametrize(
    ("target", "code", "message"),
    [
        ("app.handler:not an identifier", None, "is not module:handler"),
        ("handler.py", None, "is not module:handler"),
        ("run", None, "is not module:handler"),
        ("nowhere.py:run", None, "nowhere.py is not a file"),
        ("app/handler.py:run", "src", "is not below the code directory"),
        ("app.handler:run", "nowhere", "nowhere is not a directory"),
    ],
)
def test_what_is_no_handler_is_one_clear_error(target: str, code: str | None, message: str) -> None:
    with pytest.raises(LocalStackError, match=message):
        locate_handler(target, Path(code) if code else None)
