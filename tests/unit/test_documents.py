"""What the documents say agrees with the code and the examples."""

from __future__ import annotations

import ast
import dataclasses
import re
from pathlib import Path

import pytest

from temporal_lambda.local.temporal_server import CONTROLLER
from temporal_lambda.otel import OtelOptions
from temporal_lambda.settings.table import SETTINGS
from tests.support.documents import DOCUMENTS, ROOT, all_blocks
from tests.support.reliability import documented_faults


def test_python_in_documents_is_valid() -> None:
    for block in all_blocks():
        if block.language == "python":
            compile(block.text, block.place, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_code_quoted_from_a_file_is_that_file() -> None:
    quoted = [block for block in all_blocks() if block.mark.startswith("file: ")]
    assert quoted
    changed = [
        block.place
        for block in quoted
        if (ROOT / block.mark.removeprefix("file: ")).read_text() != block.text
    ]
    assert changed == []


def everything() -> str:
    """The text of all documents."""
    return "\n".join(document.read_text() for document in DOCUMENTS)


def test_collectors_configuration_is_that_of_the_example() -> None:
    (block,) = re.findall(
        r"^```yaml\n(.*?)^```",
        (ROOT / "docs" / "telemetry.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
    assert block == (ROOT / "examples" / "telemetry" / "collector.yaml").read_text()


def test_table_of_telemetry_options_is_complete() -> None:
    options = [option.name for option in dataclasses.fields(OtelOptions)]
    assert [name for name in options if f"\n| `{name}` | " not in everything()] == []


def test_table_of_settings_is_that_of_the_code() -> None:
    documented = [
        line
        for line in (ROOT / "docs" / "settings.md").read_text().splitlines()
        if re.match(r"\| `\w+` \| `TEMPORAL_", line)
    ]
    assert documented == [setting.table_row() for setting in SETTINGS.values()]


def test_every_fault_in_the_table_has_its_test() -> None:
    tested = {
        fault
        for path in (ROOT / "tests" / "server").glob("test_faults_*.py")
        for fault in faults_in(path)
    }
    assert set(documented_faults()) == tested


def faults_in(path: Path) -> set[str]:
    """The faults a test file names, those in a comprehension as their tests' ids make them."""
    text = path.read_text()
    named = set(re.findall(r'mark\.fault\("([^"]+)"\)', text))
    phases = re.search(r'mark\.fault\(f"([^"{]+){place}"\).*?\{(.*?)\}', text, re.DOTALL)
    if phases:
        named |= {phases[1] + place for place in re.findall(r': "([^"]+)"', phases[2])}
    return named


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{document.name}: {target}"
        for document in DOCUMENTS
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text())
        if not (document.parent / target).exists()
    ]
    assert broken == []


def test_links_to_headings_lead_somewhere() -> None:
    broken = [
        f"{document.name}: {target}#{anchor}"
        for document in DOCUMENTS
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", document.read_text())
        # A part of the benchmarks has its heading once it was measured.
        if target != "benchmarks.md"
        and anchor not in anchors(document.parent / target if target else document)
    ]
    assert broken == []


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_settings_for_another_server_are_those_of_the_local_one() -> None:
    text = (ROOT / "docs" / "local.md").read_text().replace("'", "")
    missing = [key for key, value in CONTROLLER.items() if f"{key}={value}" not in text]
    assert missing == []


def test_commands_of_make_in_documents_and_its_help_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = {
        name for names in re.findall(r"^([\w -]+):(?!=)", makefile, re.M) for name in names.split()
    }
    named = set(re.findall(r'(?:^|[`"])make ([a-z-]+)', everything() + makefile, re.M))
    assert named - targets == set()


def test_paths_that_contributing_names_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    paths = re.findall(r"`((?:temporal_lambda|tests|bench|docs|examples)/[^`\s]*)`", text)
    assert paths
    assert [path for path in paths if not list(ROOT.glob(path.rstrip("/")))] == []


QUOTED = re.compile(r"<!-- (.+?): (ours|contrib) -->\s*([\d.]+)(?: (ms|s)\b)?")
AS_IS = 1.1
"""How far a figure in the text may be from the median in the benchmarks: they are measured anew."""


def test_figures_that_documents_quote_are_those_of_the_benchmarks() -> None:
    benchmarks = (ROOT / "docs" / "benchmarks.md").read_text()
    quoted = QUOTED.findall((ROOT / "docs" / "sizing.md").read_text())
    assert quoted
    wrong = []
    for measure, column, value, unit in quoted:
        row = re.search(rf"^\| {re.escape(measure)} \| (.*?) \| (.*?) \|", benchmarks, re.M)
        assert row, f"the benchmarks have no row {measure!r}"
        cell = row[1 if column == "ours" else 2]
        measured = re.match(r"([\d.]+)(?: (ms|s)\b)?", cell)
        assert measured, cell
        ratio = float(value) / float(measured[1])
        if (unit or None) != measured[2] or not 1 / AS_IS < ratio < AS_IS:
            wrong.append(f"{measure}: {value} {unit}, measured {cell}")
    assert wrong == []


def test_costs_in_money_follow_from_the_billed_times_beside_them() -> None:
    text = (ROOT / "docs" / "sizing.md").read_text()
    billed = {
        column: float(value)
        for measure, column, value, _ in QUOTED.findall(text)
        if measure == "billed time of one 100 ms workflow, 60 s function"
    }
    (said,) = re.findall(
        r"at (\S+) USD per GB-second .*? a million workflows of the first table at 512 MB cost "
        r"(\S+) USD for the time .*?; without `idle_timeout`, (\d+) USD",
        " ".join(text.split()),
    )
    dollars = {column: ms * 1000 * 0.5 * float(said[0]) for column, ms in billed.items()}
    assert said[1:] == (f"{dollars['ours']:.2f}", f"{dollars['contrib']:.0f}")


def test_closings_that_lost_a_task_are_those_of_the_benchmarks() -> None:
    text = " ".join((ROOT / "docs" / "closing.md").read_text().split())
    (told,) = re.findall(
        r"(\d+) of (\d+) closings lost a task\. None was lost of the (\d+) closings", text
    )
    random, resonant = (lost_and_closings(part) for part in ("auto", "resonance"))
    assert (*random, *reversed(resonant)) == (*map(int, told), 0)


def lost_and_closings(part: str) -> tuple[int, int]:
    """What all rows of a part of the benchmarks say together."""
    benchmarks = (ROOT / "docs" / "benchmarks.md").read_text()
    (text,) = re.findall(rf"<!-- part: {part} -->(.*?)(?=<!-- part: )", benchmarks, re.DOTALL)
    rows = re.findall(r"stalls \((\d+) of them lost; (\d+) closings", text)
    return sum(int(lost) for lost, _ in rows), sum(int(closings) for _, closings in rows)


BY_NAME = re.compile(
    r"temporal-lambda\s*(?:\[|[=<>~!]=)"
    r"|(?:install|add|uvx|pipx)\b[^\n`]*?[ '\"]temporal[-_]lambda(?![\w./-]| [a-z])"
    r"|^\s*(?:- )?temporal[-_]lambda$",
    re.MULTILINE,
)
"""This package as a requirement without a path, in one of the ways that installers know."""

TEXT = {".json", ".md", ".py", ".tf", ".toml", ".txt", ".yaml", ".yml"}


def test_nothing_tells_to_install_the_package_by_its_name() -> None:
    """It is on no index, and who registers its name there could run code with our readers."""
    folders = ("examples", "temporal_lambda", ".github")
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.*"))]
    by_name = {
        f"{path.relative_to(ROOT)}: {found[0].strip()}"
        for path in (*DOCUMENTS, *files)
        if path.is_file() and path.suffix in TEXT
        for found in BY_NAME.finditer(path.read_text())
    }
    assert by_name == set()


@pytest.mark.parametrize(
    "text",
    [
        "pip install temporal-lambda",
        "pip install 'temporal-lambda[deploy]' -r requirements.txt",
        "uv add temporal_lambda",
        "temporal-lambda==0.1.0",
        "temporalio\ntemporal-lambda\n",
        "that has `temporal-lambda[aws]`.",
    ],
)
def test_installing_by_name_is_recognized(text: str) -> None:
    assert BY_NAME.search(text)


@pytest.mark.parametrize(
    "text",
    [
        'pip install "$CHECKOUT/dist/temporal_lambda-0.1.0-py3-none-any.whl[local]"',
        "pip install '/path/to/temporal_lambda[local]'",
        "pip install debugpy\ntemporal-lambda dev handler.py:lambda_handler --debug",
        "what the installation of temporal-lambda package needs",
    ],
)
def test_installing_from_a_path_is_no_installing_by_name(text: str) -> None:
    assert not BY_NAME.search(text)
