"""From a project to a zip and its report."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from temporal_lambda.deploy.errors import PackageError
from temporal_lambda.deploy.packaging import archive, bytecode, refusals, report, version
from temporal_lambda.deploy.packaging.contents import Contents
from temporal_lambda.deploy.packaging.requirements import Requirements
from temporal_lambda.deploy.packaging.target import Target
from temporal_lambda.settings.sources import CONFIG_FILE


@dataclass(frozen=True)
class Options:
    """How a project is packaged.

    Args:
        handler: ``module.attribute``, as in Lambda's own setting.
        target: Where the zip is to run.
        requirements: What it needs.
        source: Directory of the project's own code; the project itself, or its ``src`` if the
            handler is there, if ``None``.
        include: Globs of paths that are taken whatever the rules say.
        exclude: Globs of paths that are left out.
        bytecode: Whether sources are compiled.
        interpreter: A Python of the target's version; one is looked for if ``None``.
        allow_secrets: Whether credentials are warned of, not refused.
        version: The worker deployment version, of a handler that can't be asked here.
    """

    handler: str
    target: Target
    requirements: Requirements
    source: Path | None = None
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    bytecode: bytecode.Mode = "auto"
    interpreter: str | None = None
    allow_secrets: bool = False
    version: version.Version | None = None


def package(options: Options, output: Path) -> report.Report:
    """Package a project.

    Args:
        options: How.
        output: The zip. It is replaced, and its report beside it, once both are complete.

    Returns:
        The report.

    Raises:
        PackageError: It can't be packaged, or must not be: nothing is written then.
    """
    source = options.source or _source(options)
    refusals.find_handler(source, options.handler)
    interpreter = None
    if options.bytecode != "off" or options.target.runs_here:
        interpreter = bytecode.find_interpreter(options.target, options.interpreter)
    with tempfile.TemporaryDirectory(prefix="temporal-lambda-") as scratch:
        dependencies, task = Path(scratch) / "dependencies", Path(scratch) / "task"
        (Path(scratch) / "uv").mkdir()
        dependencies.mkdir()
        options.requirements.install(dependencies, options.target, Path(scratch) / "uv")
        contents = _collect(options, dependencies, source)
        _copy(contents, task)
        warnings = [*contents.warnings, *_refuse(options, task, contents.own)]
        compiled = bytecode.compile_all(task, options.target, options.bytecode, interpreter)
        if compiled.why_not and options.bytecode != "off":
            warnings.append(f"every cold start will compile the code anew: {compiled.why_not}")
        _refuse_size(task)
        known = options.version or version.ask(
            options.handler, task, source, options.target, interpreter
        )
        if known.unknown_because:
            warnings.append(f"the handler's version is unknown: {known.unknown_because}")
        output.parent.mkdir(parents=True, exist_ok=True)
        report.report_path(output).unlink(missing_ok=True)
        written = archive.write(task, output)
        if written.size > refusals.DIRECT_LIMIT:
            warnings.append(
                f"{written.size / 1e6:.1f} MB zipped are too much for a direct upload: deploy with "
                "--bucket"
            )
        result = report.Report(
            zip=output.name,
            handler=options.handler,
            python=options.target.python,
            arch=options.target.arch,
            code_sha256=written.code_sha256,
            content_sha256=written.content_sha256,
            zipped_bytes=written.size,
            unpacked_bytes=written.unpacked,
            files=written.files,
            bytecode=asdict(compiled),
            deployment_name=known.deployment_name,
            build_id=known.build_id,
            version_unknown_because=known.unknown_because,
            requirements=options.requirements.source.name,
            packages=report.packages(dependencies),
            own=sorted(contents.own),
            largest=report.largest(task, written.zipped),
            dropped={reason: asdict(tally) for reason, tally in sorted(contents.dropped.items())},
            warnings=warnings,
        )
    result.write(report.report_path(output))
    return result


def _source(options: Options) -> Path:
    project = options.requirements.project
    top = options.handler.replace("/", ".").partition(".")[0]
    for place in (project, project / "src"):
        if (place / f"{top}.py").is_file() or (place / top).is_dir():
            return place
    raise PackageError(
        f"handler {options.handler!r} isn't in the zip: there is no {top}.py and no directory "
        f"{top} in {project} or its src; name the directory of the code with --source"
    )


def _collect(options: Options, dependencies: Path, source: Path) -> Contents:
    contents = Contents(options.include, options.exclude)
    contents.add_dependencies(dependencies)
    contents.add_project(source)
    settings = options.requirements.project / CONFIG_FILE
    if source != options.requirements.project and settings.is_file():
        contents.add_file(CONFIG_FILE, settings)
    return contents


def _copy(contents: Contents, task: Path) -> None:
    for name, path in contents.files.items():
        place = task / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, place)


def _refuse(options: Options, task: Path, own: set[str]) -> list[str]:
    """Raise for what must not be in the zip; what the user allows is a warning."""
    refusals.find_handler(task, options.handler)
    if foreign := sorted(refusals.foreign_binaries(task, options.target)):
        raise PackageError(
            f"libraries that {options.target.runtime} on {options.target.arch} can't load: "
            + "; ".join(foreign)
            + ". Remove them, or leave them out with --exclude"
        )
    if found := list(refusals.secrets(task, own)):
        text = f"credentials in the zip: {'; '.join(found)}"
        if options.allow_secrets:
            return [text]
        raise PackageError(
            f"{text}. Everybody who may read the function's code can read them: keep them in "
            "Secrets Manager or the Parameter Store, leave the files out with --exclude, or pass "
            "--allow-secrets"
        )
    return []


def _refuse_size(task: Path) -> None:
    sizes = {
        path.relative_to(task).as_posix(): path.stat().st_size
        for path in task.rglob("*")
        if path.is_file()
    }
    total = sum(sizes.values())
    if total > refusals.UNPACKED_LIMIT:
        parts = ", ".join(
            f"{part['name']} {part['unpacked_bytes'] / 1e6:.0f} MB"
            for part in report.largest(task, sizes)[:5]
        )
        raise PackageError(
            f"{total / 1e6:.0f} MB unpacked are more than the 262 MB that Lambda allows (250 MB "
            f"as it counts): the largest parts are {parts}. Leave something out with --exclude or "
            "--bytecode off, or move it to a container image"
        )
