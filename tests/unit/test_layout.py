"""The house's shape: module size, first lines, doors between slices, and tests that mirror the code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("edge", "cloud", "shared", "simulators")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
WALL_MODULE, WALL_FUNCTION = 400, 60
VAGUE = {"utils", "util", "helpers", "common", "misc", "manager", "managers"}
FRAME = {path.stem for path in (ROOT / "cloud").glob("*.py")}
# pure mathematics, of no slice: nothing of it is private
OPEN = {"kpi"}
SLICES = sorted(
    path.name for path in (ROOT / "cloud").iterdir() if (path / "__init__.py").exists() and path.name not in OPEN
)
# `caller` is what a slice offers to others' routes: who is asking; `signals` what telemetry offers to those who derive
DOORS = {"service", "schemas", "caller", "signals"}
# composition: the app mounts routes, the command line mounts commands, tables names every table, seed fills all slices
COMPOSERS = {"background", "app", "cli", "tables", "access", "seed", "seed_history", "seed_orders"}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno}: a relative import; write the whole name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_says_in_its_first_line_what_it_owns(path: Path) -> None:
    words = ast.get_docstring(tree_of(path))
    assert words, "no docstring"
    assert words.splitlines()[0].rstrip().endswith((".", ":")), "its first line is not a sentence"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_and_its_functions_stay_within_the_walls(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= WALL_MODULE
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < WALL_FUNCTION, f"{node.name} does not fit a screen"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_has_a_name_of_its_own(path: Path) -> None:
    assert path.stem not in VAGUE
    list(imports_of(path))


@pytest.mark.parametrize("path", [path for path in MODULES if path.name == "__init__.py"], ids=name_of)
def test_a_package_door_holds_a_docstring_and_at_most_a_spec(path: Path) -> None:
    for node in tree_of(path).body:
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_spec = isinstance(node, ast.Assign) and [getattr(target, "id", "") for target in node.targets] == ["SPEC"]
        assert is_docstring or is_spec or isinstance(node, ast.ImportFrom), f"line {node.lineno}"
        if isinstance(node, ast.ImportFrom):
            assert path.parent.parent == ROOT / "edge" / "drivers", "only a driver's door imports, for its SPEC"


@pytest.mark.parametrize("slice_name", SLICES)
def test_a_slice_is_entered_by_its_service_or_its_schemas_only(slice_name: str) -> None:
    for path in (ROOT / "cloud").rglob("*.py"):
        here = path.relative_to(ROOT / "cloud").parts
        if here[0] == slice_name or (len(here) == 1 and path.stem in COMPOSERS):
            continue
        for name in imports_of(path):
            parts = name.split(".")
            if parts[:2] == ["cloud", slice_name]:
                assert len(parts) > 2, f"{name_of(path)} imports {name}"
                assert parts[2] in DOORS, (
                    f"{name_of(path)} imports {name}; a slice is entered by its service or schemas"
                )


@pytest.mark.parametrize("path", [path for path in TESTS if path.is_relative_to(ROOT / "tests" / "unit")], ids=name_of)
def test_a_unit_test_stands_where_its_module_stands(path: Path) -> None:
    if path.parent == ROOT / "tests" / "unit" or not path.name.startswith("test_"):
        return
    within = path.relative_to(ROOT / "tests" / "unit")
    module = ROOT / within.with_name(within.name.removeprefix("test_"))
    package = module.with_suffix("")
    assert module.exists() or package.is_dir(), f"there is no {name_of(module)}"


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_tests_do_not_sleep_skip_or_patch(path: Path) -> None:
    for node in ast.walk(tree_of(path)):
        if not isinstance(node, ast.Call):
            continue
        words = ast.unparse(node.func)
        assert words not in {"time.sleep", "pytest.skip", "unittest.mock.patch", "mock.patch"}, f"line {node.lineno}"
        assert "mark.skip" not in words, f"line {node.lineno}"
        assert "mark.xfail" not in words, f"line {node.lineno}"


def test_every_decision_is_in_the_index_by_its_title() -> None:
    decisions = ROOT / "docs" / "decisions"
    listed = re.findall(
        r"^- \[(\d{4})\]\((\1-[\w-]+\.md)\) (.*?)(?: \((?:in part )?superseded by .*\))?$",
        (decisions / "README.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    heads = {path.name: path.read_text(encoding="utf-8").split("\n")[0] for path in decisions.glob("[0-9]*.md")}
    assert {file: f"# {number}. {title}" for number, file, title in listed} == heads, "docs/decisions/README.md"
