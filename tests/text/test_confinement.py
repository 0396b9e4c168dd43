"""Worker processes hold no secrets and reach nothing but files."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import parser_doubles
import pytest

from ragsvc.domain import ParsedDocument
from ragsvc.text import seccomp
from ragsvc.text.confinement import Isolation, environment
from ragsvc.text.worker_pool import ParseLimits, ParserPool

SECRET = "to be kept"
SECRETS = {
    "RAGSVC_API_KEY": SECRET,
    "RAGSVC_GENERATOR_API_KEY": SECRET,
    "OPENAI_API_KEY": SECRET,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "HTTPS_PROXY": f"http://user:{SECRET}@proxy",
    "RAGSVC_HOME": SECRET,
}


def isolation() -> str:
    """How a process that confines itself is kept from the network on this machine."""
    script = "from ragsvc.text.confinement import confine; print(confine())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    """What a worker found out about itself."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SECRETS.items():
            patch.setenv(name, value)
        parser = f"{parser_doubles.__name__}:look_around"
        with ParserPool(1, ParseLimits(), parser=parser) as pool:
            [(_, outcome)] = pool.parse([(1, "/nowhere/a.txt")])
    assert isinstance(outcome, ParsedDocument), outcome
    found: dict[str, Any] = json.loads(outcome.text)
    return found


def test_a_worker_sees_no_secret(seen: dict[str, Any]) -> None:
    assert not SECRETS.keys() & seen["environment"].keys()
    assert SECRET not in json.dumps(seen["environment"])
    allowed = set(environment(os.environ, "/x")) | {"LC_CTYPE"}  # which Python sets by itself
    assert seen["environment"].keys() <= allowed


def test_a_worker_has_a_private_folder_of_its_own(seen: dict[str, Any]) -> None:
    folder = Path(seen["folder"])
    assert folder != Path.cwd() and folder == Path(seen["scratch"]) == Path(seen["environment"]["HOME"])
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    # Standard streams, its pipe, and the folder that is being listed.
    assert len(seen["descriptors"]) <= 5


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has these")
def test_a_worker_has_given_up_privileges_and_resources(seen: dict[str, Any]) -> None:
    assert seen["privileges"] == "1"
    assert seen["core"] == 0
    assert 0 < seen["files"] <= 1024
    assert 0 < seen["written"] <= 1 << 30


def test_a_worker_reaches_no_network_and_starts_no_program(seen: dict[str, Any]) -> None:
    kind = isolation()
    if kind == Isolation.NONE:
        pytest.skip("this system allows neither a filter of system calls nor a network namespace")
    if kind == Isolation.NAMESPACE:
        assert seen["connect"] not in ("connected", "ECONNREFUSED")
        return
    refused = {name: seen[name] for name in ("socket", "datagram", "local", "connect", "program", "fork")}
    assert set(refused.values()) == {"EPERM"}, refused
    assert seen["thread"] == "ran", "parsers use threads"


@pytest.mark.parametrize("arch", seccomp._ARCHES)
def test_every_jump_of_the_filter_lands_inside(arch: str) -> None:
    code = seccomp._compile(seccomp._ARCHES[arch])
    lines = list(seccomp.struct.iter_unpack("=HBBI", code))
    jumps = (seccomp._EQUAL, seccomp._AT_LEAST, seccomp._ANY_BIT)
    for place, (operation, yes, no, _) in enumerate(lines):
        if operation in jumps:
            assert place + 1 + max(yes, no) < len(lines)
    assert lines[-1][0] == seccomp._RETURN
