"""The house stays readable, with folders, modules and classes of a size that fits a head, and its tests quick."""

import ast
from collections import Counter
from pathlib import Path

import retraind

ROOT = Path(retraind.__file__).parent
MOST_MODULES = 15
MOST_LINES = 500
MOST_LINES_OF_A_CLASS = 300
MOST_METHODS = 20


def modules():
    return [path for path in ROOT.rglob("*.py") if path.name != "__init__.py"]


def test_no_folder_has_too_many_modules():
    counts = Counter(str(path.parent) for path in modules())
    assert {folder: count for folder, count in counts.items() if count > MOST_MODULES} == {}


def test_no_module_is_too_long():
    lengths = {str(path): len(path.read_text("utf-8").splitlines()) for path in ROOT.rglob("*.py")}
    assert {path: lines for path, lines in lengths.items() if lines > MOST_LINES} == {}


def test_no_class_is_too_large():
    large = []
    for path in ROOT.rglob("*.py"):
        text = path.read_text("utf-8")
        if len(text.splitlines()) <= MOST_LINES_OF_A_CLASS and text.count(" def ") <= MOST_METHODS:
            continue  # No class is larger than its module.
        for each in ast.walk(ast.parse(text)):
            if isinstance(each, ast.ClassDef):
                lines = (each.end_lineno or each.lineno) - each.lineno + 1
                methods = sum(isinstance(part, ast.FunctionDef) for part in each.body)
                if lines > MOST_LINES_OF_A_CLASS or methods > MOST_METHODS:
                    large.append((path.name, each.name, lines, methods))
    assert large == []


def test_of_each_kind_of_scenario_some_are_in_the_default_suite():
    by_default = {
        folder.name: any("mark.quick" in path.read_text("utf-8") for path in folder.glob("test_*.py"))
        for folder in (Path(__file__).parent / "scenarios").iterdir()
        if folder.is_dir() and folder.name not in {"__pycache__", "host"}  # `make host` runs its own
    }
    assert [name for name, some in by_default.items() if not some] == []
