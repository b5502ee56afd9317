"""What ``temporal-lambda dev`` is to run: where a handler's code begins, and its dotted name."""

from __future__ import annotations

from pathlib import Path

from temporal_lambda.local.errors import LocalStackError

FORMS = (
    "module:handler, file.py:handler or Lambda's own module.handler, such as "
    "app.handler:lambda_handler"
)


def locate_handler(target: str, code: Path | None = None) -> tuple[Path, str]:
    """Find a handler's code directory and Lambda's handler setting.

    Args:
        target: A dotted module (``app.handler:lambda_handler``, or in Lambda's form
            ``app.handler.lambda_handler``) below the code directory, or a file
            (``app/handler.py:lambda_handler``).
        code: The directory that imports start from. By default the working directory; for a file,
            the directory that it is in.

    Returns:
        The code directory and ``module.attribute``.

    Raises:
        LocalStackError: It has another form, or there is no such file or directory.

    Example:
        >>> locate_handler("app.handler:lambda_handler")[1]
        'app.handler.lambda_handler'
        >>> locate_handler("app.handler.lambda_handler")[1]
        'app.handler.lambda_handler'
    """
    if code is not None and not code.is_dir():
        raise LocalStackError(f"{code} is not a directory")
    module, colon, attribute = target.rpartition(":")
    if not colon and not target.endswith(".py"):
        module, _, attribute = target.rpartition(".")
    if module.endswith(".py") and attribute.isidentifier():
        return _in_file(Path(module), attribute, code)
    if not all(name.isidentifier() for name in [attribute, *module.split(".")]):
        raise LocalStackError(f"{target!r} is not {FORMS}")
    return (code or Path.cwd()).resolve(), f"{module}.{attribute}"


def _in_file(file: Path, attribute: str, code: Path | None) -> tuple[Path, str]:
    if code and not file.is_file() and (code / file).is_file():
        file = code / file
    if not file.is_file():
        raise LocalStackError(f"{file} is not a file")
    file = file.resolve()
    if code is None:
        return file.parent, f"{file.stem}.{attribute}"
    code = code.resolve()
    if not file.is_relative_to(code):
        raise LocalStackError(f"{file} is not below the code directory {code}")
    return code, ".".join([*file.relative_to(code).with_suffix("").parts, attribute])
