"""The files around the code: versions agree, containers are safe, nothing is left unpinned."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

import ragsvc
from ragsvc.settings.settings import Settings

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    rows = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {normal(name): version for name, version in rows}


def test_versions_agree():
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert PROJECT["version"] == ragsvc.__version__
    assert compose["services"]["ragsvc"]["image"] == f"ragsvc:{ragsvc.__version__}"


def test_every_requirement_is_pinned():
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    names = {normal(re.split(r"[\[<>=~! ]", requirement)[0]) for requirement in wanted}
    assert names - set(pins()) == set()
    assert pins()["torch"] == "2.13.0"


def test_compose_follows_its_schema():
    tool = Path(sys.executable).with_name("check-jsonschema")
    command = str(tool) if tool.exists() else shutil.which("check-jsonschema")
    assert command, "check-jsonschema is in the dev extra"
    arguments = [command, "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_compose_listens_on_loopback_with_a_key_and_pinned_images():
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    for service in compose["services"].values():
        assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", []))
        assert re.fullmatch(r"[\w./-]+:[\w.-]*\d[\w.-]*", service["image"])
    assert compose["services"]["ragsvc"]["environment"]["RAGSVC_API_KEY"].startswith("${RAGSVC_API_KEY:?")


def test_the_image_is_pinned_and_not_root():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    arguments = dict(line.removeprefix("ARG ").split("=") for line in lines if line.startswith("ARG "))
    named = [line.split()[1] for line in lines if line.startswith("FROM")]
    bases = [arguments.get(name.strip("${}"), name) for name in named]
    assert bases
    assert all(re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", base) for base in bases)
    assert "USER ragsvc" in lines
    assert any(line.startswith("HEALTHCHECK") for line in lines)


def test_the_image_installs_what_is_pinned_and_checks_its_hash():
    """Run docker/lock.py when this fails: it writes the file anew."""
    locked = (ROOT / "docker" / "requirements.txt").read_text()
    rows = re.findall(r"^([\w.-]+)==(\S+) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", locked, re.M)
    found = {normal(name): version for name, version, _ in rows}
    assert found.items() <= pins().items()
    lines = [line for line in locked.splitlines() if line and not line.startswith(("#", "    --hash"))]
    assert len(lines) == len(found), "each has a hash"
    wanted = {normal(re.split(r"[\[<>=~! ]", requirement)[0]) for requirement in PROJECT["dependencies"]}
    assert wanted - set(found) == {"torch"}, "its wheels come from another index"
    assert {"setuptools"} <= set(found), "what builds the package is pinned too"


def test_the_container_has_limits():
    service = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["ragsvc"]
    assert service["mem_limit"] and service["memswap_limit"] == service["mem_limit"]
    assert 64 <= service["pids_limit"] <= 4096


def test_make_knows_its_targets():
    for target in ("install", "run", "test", "check", "bench", "clean"):
        done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_the_licence_is_whole():
    text = (ROOT / "LICENSE").read_text()
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert (ROOT / "CHANGELOG.md").read_text().startswith("# Changelog")


def test_all_tests_can_run_on_one_command_line():
    """Their folders are no packages, so each module has a name of its own and none imports a conftest."""
    files = [path for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py"]
    names = [path.stem for path in files]
    assert sorted(set(names)) == sorted(names)
    importing = re.compile(r"^\s*(?:from|import) (?:conftest|tests)\b", re.MULTILINE)
    assert [path.name for path in files if importing.search(path.read_text())] == []


def settings_table() -> str:
    """The README's table of settings, made from their definition."""
    rows = ["| variable | default | meaning |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f"`{field.default}`"
        rows.append(f"| `RAGSVC_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows)


def test_the_readme_lists_every_setting():
    readme = (ROOT / "README.md").read_text()
    _, _, rest = readme.partition("<!-- settings: begin -->\n")
    table, _, _ = rest.partition("\n<!-- settings: end -->")
    assert table == settings_table()


def test_the_readme_knows_every_command():
    readme = (ROOT / "README.md").read_text()
    for command in (
        "ingest",
        "search",
        "ask",
        "gc",
        "documents",
        "log",
        "tag",
        "rollback",
        "export",
        "import",
        "reindex",
        "corpora show",
        "mcp",
        "sessions list",
        "records list",
        "usage",
    ):
        assert f"ragsvc {command} " in readme


def named_paths(document: str) -> list[str]:
    """What a document names in code marks as files and folders of ours."""
    text = re.sub(r"^```.*?^```", "", (ROOT / document).read_text(), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([\w./-]+(?:\.(?:py|md|toml)|/))`", text)


def test_what_the_map_names_is_there():
    """Below the package where it does not say otherwise."""
    named = named_paths("docs/architecture.md")
    assert len(named) > 60
    missing = [path for path in named if not (ROOT / path).exists() and not (ROOT / "ragsvc" / path).exists()]
    assert missing == []


def test_what_the_readme_leads_to_is_there():
    named = re.findall(
        r"(?<![\w/.])(?:docs|tests|benchmarks|examples|training)/[\w./-]*\w", (ROOT / "README.md").read_text()
    )
    assert len(named) > 10
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_map_shows_every_room_and_leads_there():
    rooms = {path.name for path in (ROOT / "ragsvc").iterdir() if (path / "__init__.py").exists()}
    rooms |= {f"pipeline/{path.parent.name}" for path in (ROOT / "ragsvc" / "pipeline").glob("*/__init__.py")}
    named = set(named_paths("docs/architecture.md"))
    assert {f"{room}/" for room in rooms - {"pipeline"}} - named == set()
    assert "(docs/architecture.md)" in (ROOT / "README.md").read_text()
