"""The house rules that a machine can check."""

from __future__ import annotations

import ast
import importlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from ragsvc import errors

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "ragsvc"
MAX_LINES = 400
# All errors stand in one file on purpose.
LONG_ON_PURPOSE = {"ragsvc/errors.py"}
FILES = sorted(PACKAGE.rglob("*.py"))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports_of(path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each import as (module, names); relative ones are refused by a test of their own."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ".", tuple(alias.name for alias in node.names)


def test_rooms_import_only_rooms_below():
    tool = Path(sys.executable).with_name("lint-imports")
    command = str(tool) if tool.exists() else shutil.which("lint-imports")
    assert command, "import-linter is in the dev extra"
    done = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


MANY_FIELDS = 4


def test_domain_is_frozen_slotted_and_imports_nothing_of_ours():
    plain = []
    imports = set()
    for path in sorted((PACKAGE / "domain").glob("*.py")):
        imports |= {module for module, _ in imports_of(path) if module.startswith("ragsvc")}
        plain += list(odd_shapes(path))
    assert plain == []
    assert {module for module in imports if not module.startswith("ragsvc.domain")} == set()


def odd_shapes(path: Path) -> Iterator[str]:
    """Classes that are neither enums nor frozen; where there are many fields, their names must be written."""
    for node in ast.walk(tree_of(path)):
        if not isinstance(node, ast.ClassDef):
            continue
        bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
        fields = [item for item in node.body if isinstance(item, ast.AnnAssign)]
        more = ", kw_only=True" if len(fields) > MANY_FIELDS else ""
        wanted = f"dataclass(frozen=True, slots=True{more})"
        if "StrEnum" not in bases and wanted not in {ast.unparse(each) for each in node.decorator_list}:
            yield node.name


def test_only_the_command_line_prints():
    printing = [
        f"{name_of(path)}:{node.lineno}"
        for path in FILES
        if PACKAGE / "cli" not in path.parents
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert printing == []


def test_nothing_inside_imports_the_package_root():
    """Only its version may be taken, which needs no other module."""
    taken = []
    for path in FILES:
        if any(module == "." for module, _ in imports_of(path)):
            taken.append((name_of(path), "relative import"))
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ImportFrom) and node.module == "ragsvc":
                taken.extend((name_of(path), alias.name) for alias in node.names)
            elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "ragsvc":
                taken.append((name_of(path), node.attr))
    modules = {path.stem for path in PACKAGE.glob("*.py")} | {path.name for path in PACKAGE.iterdir()}
    assert [(path, name) for path, name in taken if name not in modules | {"__version__"}] == []


def test_room_packages_hold_only_re_exports():
    """What a package file imports, everybody pays who imports anything of that room."""
    more = []
    for path in PACKAGE.glob("*/__init__.py"):
        room = ".".join(path.relative_to(ROOT).parent.parts)
        for node in tree_of(path).body:
            own = isinstance(node, ast.ImportFrom) and (node.module or "").startswith(room)
            names = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
            text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            if not (own or names or text):
                more.append(f"{name_of(path)}:{node.lineno}")
    assert more == []


def test_every_module_says_what_it_is():
    assert [name_of(path) for path in FILES if not ast.get_docstring(tree_of(path))] == []


def test_files_are_short():
    long = {}
    for path in FILES:
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > MAX_LINES and name_of(path) not in LONG_ON_PURPOSE:
            long[name_of(path)] = lines
    assert long == {}, "split by noun"


# Words of the field that end as a gerund or a participle does, and are nouns.
NOUNS = {
    "embedding", "embeddings", "encoding", "encodings", "finding", "findings", "grounding", "heading",
    "headings", "holdings", "postings", "setting", "settings", "spelling", "warning", "warnings",
}  # fmt: skip
# Participles that do not end in -ed.
IRREGULAR = {
    "built", "done", "drawn", "found", "given", "gone", "held", "hidden", "kept", "known", "made", "said",
    "seen", "sent", "shown", "taken", "told", "written",
}  # fmt: skip


def is_no_noun(name: str) -> bool:
    """Whether the last word of a name says what something does or what was done to it, not what it is."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    last = words[-1].lower() if words else ""
    return last not in NOUNS and (last.endswith(("ing", "ings", "ed")) or last in IRREGULAR)


def classes() -> Iterator[tuple[str, str]]:
    """(file, name) of every class of the package."""
    for path in FILES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ClassDef):
                yield name_of(path), node.name


def test_modules_and_classes_are_named_by_nouns():
    """Errors are named after what happened."""
    modules = [path.parent if path.name == "__init__.py" else path.with_suffix("") for path in FILES]
    assert sorted(name_of(path) for path in modules if is_no_noun(path.name)) == []
    assert [pair for pair in classes() if pair[0] != "ragsvc/errors.py" and is_no_noun(pair[1])] == []


@pytest.mark.parametrize(
    "name", ["asking", "JobRunning", "Passing", "Skipped", "held_texts_found", "_Written"]
)
def test_gerunds_and_participles_are_noticed(name: str):
    assert is_no_noun(name)


@pytest.mark.parametrize(
    "name", ["headings", "EmbedderSpec", "MIXED_CASE_Heading", "speed_of_light", "Feedback"]
)
def test_nouns_are_not_taken_for_them(name: str):
    assert not is_no_noun(name)


def test_no_two_public_classes_share_a_name():
    public = sorted((name, path) for path, name in classes() if not name.startswith("_"))
    twice = [(one, other) for one, other in pairwise(public) if one[0] == other[0]]
    assert twice == []


SCRAP_LINES = 60
# They list what they put together, each a thing of its own: routes, commands, what the catalog is made of.
TABLES = {"ragsvc/api/app.py", "ragsvc/cli/main.py", "ragsvc/store/catalog.py"}


def importers() -> dict[Path, set[Path]]:
    """Of every module, those that import it or a name of it; packages that hand it on do not count."""
    paths = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in FILES}
    found: dict[Path, set[Path]] = {path: set() for path in FILES}
    for path in FILES:
        if path.name == "__init__.py":
            continue
        for module, names in imports_of(path):
            for wanted in (module, *(f"{module}.{name}" for name in names)):
                if wanted in paths and paths[wanted] != path:
                    found[paths[wanted]].add(path)
    return found


def test_no_module_is_a_scrap_of_its_neighbour():
    """What is short and used by one file beside it is a part of that file."""
    scraps = {}
    for path, users in importers().items():
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines < SCRAP_LINES and len(users) == 1:
            (user,) = users
            if user.parent == path.parent and name_of(user) not in TABLES:
                scraps[name_of(path)] = name_of(user)
    assert scraps == {}


def test_only_service_api_and_cli_see_the_settings():
    allowed = {PACKAGE / room for room in ("service", "api", "cli", "settings")}
    seeing = [
        name_of(path)
        for path in FILES
        if not allowed & set(path.parents)
        and any(module.startswith("ragsvc.settings") for module, _ in imports_of(path))
    ]
    assert seeing == []


def test_our_environment_variables_are_read_by_the_settings_alone():
    """Other rooms get values; what they may look at is the environment of other programs."""
    reading = [
        f"{name_of(path)}:{node.lineno}"
        for path in FILES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call | ast.Subscript)
        and ast.unparse(node).startswith(("os.environ", "os.getenv"))
        and "RAGSVC_" in ast.unparse(node)
    ]
    assert reading == []


def test_protocols_are_small():
    big = {}
    for node in tree_of(PACKAGE / "protocols.py").body:
        if isinstance(node, ast.ClassDef):
            members = [item.name for item in node.body if isinstance(item, ast.FunctionDef)]
            if len(members) > 4:
                big[node.name] = members
    assert big == {}


def test_every_protocol_has_a_contract():
    """One class of tests over all its implementations and the doubles."""
    files = {path.name: path.read_text() for path in (ROOT / "tests" / "contracts").glob("test_*.py")}
    for node in tree_of(PACKAGE / "protocols.py").body:
        if isinstance(node, ast.ClassDef):
            name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", node.name).lower()
            assert f"class Test{node.name}Contract" in files.get(f"test_{name}_contract.py", ""), node.name


def error_classes() -> list[type[errors.RagsvcError]]:
    return [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, errors.RagsvcError)
    ]


def test_error_codes_are_unique_and_drawn():
    classes = error_classes()
    codes = [error.code for error in classes]
    assert len(set(codes)) == len(codes)
    drawing = errors.__doc__ or ""
    assert [error.__name__ for error in classes if error.__name__ not in drawing] == []


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_unfinished_work(path: Path):
    text = path.read_text(encoding="utf-8")
    assert not [word for word in ("TODO", "FIXME") if word in text]
    raised = [ast.unparse(node) for node in ast.walk(tree_of(path)) if isinstance(node, ast.Raise)]
    assert not [statement for statement in raised if "NotImplementedError" in statement]


def test_public_names_of_the_root():
    root = importlib.import_module("ragsvc")
    assert sorted(root.__all__) == root.__all__
    assert all(hasattr(root, name) for name in root.__all__)
