"""The corpus of the `asked` questions: shipped texts, and real ones of this machine.

    python -m benchmarks.asked_corpus FOLDER

What nobody here wrote is not copied into the repository but made anew: the reference pages, help texts and
sources of the standard library. Logs, lists and host files are made by rule, so that they are long; what is
asked of them is set into them.
"""

from __future__ import annotations

import importlib
import inspect
import os
import pydoc
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ROOT / "tests" / "golden" / "asked"
QUESTIONS = ROOT / "tests" / "golden" / "asked.jsonl"
NAME = "asked"

REFERENCE = (
    "abc", "argparse", "array", "base64", "bisect", "calendar", "cmd", "colorsys", "contextlib", "copy",
    "csv", "dataclasses", "datetime", "difflib", "dis", "fileinput", "fnmatch", "fractions", "functools",
    "getopt", "getpass", "gettext", "glob", "graphlib", "gzip", "hashlib", "heapq", "hmac", "html",
    "http.cookies", "itertools", "json", "keyword", "linecache", "locale", "math", "mimetypes", "operator",
    "os.path", "pathlib", "pickle", "platform", "plistlib", "pprint", "queue", "quopri", "random", "re",
    "reprlib", "sched", "secrets", "select", "shelve", "shlex", "shutil", "stat", "statistics", "string",
    "stringprep", "struct", "subprocess", "tarfile", "tempfile", "textwrap", "timeit", "token", "tokenize",
    "trace", "traceback", "unicodedata", "uuid", "venv", "warnings", "weakref", "webbrowser", "zipfile",
    "zlib", "zoneinfo",
)  # fmt: skip
SOURCES = (
    "bisect", "cmd", "colorsys", "fnmatch", "getopt", "glob", "graphlib", "heapq", "imaplib", "linecache",
    "poplib", "quopri", "reprlib", "sched", "secrets", "shlex", "smtplib", "stat", "textwrap", "timeit",
)  # fmt: skip
HELP: Mapping[str, tuple[str, ...]] = {
    "python": ("--help",),
    "calendar": ("-m", "calendar", "--help"),
    "compileall": ("-m", "compileall", "--help"),
    "http.server": ("-m", "http.server", "--help"),
    "json.tool": ("-m", "json.tool", "--help"),
    "tarfile": ("-m", "tarfile", "--help"),
    "timeit": ("-m", "timeit", "--help"),
    "unittest": ("-m", "unittest", "--help"),
    "venv": ("-m", "venv", "--help"),
    "zipfile": ("-m", "zipfile", "--help"),
}
# Nothing is asked of these, which are not on every machine; they stand in the way.
TOOLS = ("cp", "curl", "find", "git", "grep", "ls", "sort", "tar")

# Day of May 2024 -> what is asked of the log, among lines that mean nothing.
EVENTS: Mapping[int, tuple[str, ...]] = {
    7: (
        "03:12:44,102 WARN  monitor: disk /var at 91 % on node-3",
        "03:40:02,871 ERROR backup: rsync to vault-b exited with code 23",
        "11:05:31,440 ERROR db: deadlock detected, order 558213 rolled back",
        "18:22:09,015 WARN  auth: 5 failed logins for m.keller from 203.0.113.44, account locked",
    ),
    8: (
        "09:00:00,002 INFO  deploy: orders 4.18.2 started (was 4.18.1)",
        "09:03:17,633 ERROR orders: ArithmeticError in PriceRounding, 41 requests failed",
        "09:11:50,208 INFO  deploy: rollback to 4.18.1 finished in 48 s",
        "22:15:03,990 WARN  cache: evicted 18230 keys in 60 s",
    ),
    9: (
        "14:02:06,317 ERROR payments: TLS handshake with pay-proxy failed: certificate has expired",
        "14:02:41,884 CRITICAL checkout: circuit opened after 20 failures",
        "14:49:55,120 INFO  payments: certificate renewed, serial 7A:19:C4",
        "14:51:12,006 INFO  checkout: circuit closed",
    ),
    10: (
        "02:30:00,001 INFO  cron: vacuum of orders started",
        "02:47:21,512 INFO  cron: vacuum of orders finished, 3.1 GB freed",
        "16:44:19,770 ERROR mail: smtp timeout after 30 s, 17 mails queued",
    ),
    11: (
        "07:55:02,318 WARN  node-2: clock skew 4.7 s against ntp-1",
        "12:31:40,045 ERROR search: index shard 3 unassigned, replicas 0",
    ),
    12: (
        "05:05:05,500 INFO  node-1: kernel updated to 6.1.90, reboot",
        "20:10:33,929 ERROR catalog: image 88412 too large (52 MB, limit 40 MB)",
    ),
}
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_PATHS = ("/", "/cart", "/api/orders/list", "/api/catalog/search", "/img/logo.svg", "/healthz", "/account")
_ROLES = ("web", "db", "cache", "build")
_PARTS = ("hex bolt", "hex nut", "washer", "wood screw", "threaded rod", "dowel pin")
_FINISHES = ("zinc", "A2 stainless", "A4 stainless", "brass", "plain")


def write(folder: Path) -> list[str]:
    """Make the corpus anew in a folder whose name is that of the corpus.

    :return: ids that its documents get when the folder is ingested, ascending.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(SHIPPED, folder)
    for name, text in made():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    return sorted(path.relative_to(folder.parent).as_posix() for path in folder.rglob("*") if path.is_file())


def made() -> Iterator[tuple[str, str]]:
    """Names and texts of what is not shipped."""
    for name in REFERENCE:
        text = pydoc.render_doc(importlib.import_module(name), renderer=pydoc.plaintext)
        # Where the library lies and what address a function has differ from run to run, and nobody asks.
        yield f"reference/{name}.txt", _ADDRESS.sub("", text.partition("\nFILE\n")[0]) + "\n"
    for name in SOURCES:
        source = inspect.getsourcefile(importlib.import_module(name))
        if source is None:
            raise SystemExit(f"the source of {name} is not on this machine; install Python with its library")
        yield f"sources/{name}.py", Path(source).read_text("utf-8")
    for name, arguments in HELP.items():
        yield f"help/{name}.txt", _output(sys.executable, *arguments)
    for name in TOOLS:
        if shutil.which(name):
            yield f"help/tool-{name}.txt", _output(name, "--help")
    for day in EVENTS:
        yield f"logs/shop-2024-05-{day:02}.log", _log(day)
    for number in range(1, 13):
        yield f"hosts/node-{number:02}.conf", _host(number)
    for quarter in range(1, 5):
        yield f"prices/fasteners-2023-q{quarter}.csv", _prices(quarter)


def _output(*command: str) -> str:
    """What a program prints of its use; its end is not asked for, since some call that an error."""
    environment = os.environ | {"COLUMNS": "80", "NO_COLOR": "1", "LC_ALL": "C.UTF-8", "PAGER": "cat"}
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL, timeout=60
    )
    return (done.stdout or done.stderr).replace(sys.executable, "python3")


def _log(day: int) -> str:
    chance = random.Random(day)
    start = datetime(2024, 5, day)
    lines = [f"{start:%Y-%m-%d} {event}" for event in EVENTS[day]]
    for _ in range(150):
        at = start + timedelta(milliseconds=int(chance.random() * 86_400_000))
        path = _PATHS[int(chance.random() * len(_PATHS))]
        status = (200, 200, 200, 304, 404)[int(chance.random() * 5)]
        spent = int(3 + chance.random() * 240)
        node = int(1 + chance.random() * 3)
        stamp = f"{at:%Y-%m-%d %H:%M:%S},{at.microsecond // 1000:03}"
        lines.append(f"{stamp} INFO  web: node-{node} GET {path} {status} {spent} ms")
    return "\n".join(sorted(lines)) + "\n"


def _host(number: int) -> str:
    cores, ram = (4, 8, 16, 32)[number * 5 % 4], (16, 32, 64, 96, 128)[number * 3 % 5]
    rows = {
        "hostname": f"node-{number:02}.dc2.example",
        "role": _ROLES[number % 4],
        "rack": f"{'ABCD'[number % 4]}{10 + number * 7 % 23}",
        "cpu_cores": cores,
        "ram_gb": ram,
        "disk": f"{(480, 960, 1920)[number % 3]} GB SSD, {('raid1', 'raid10')[number % 2]}",
        "mgmt_ip": f"10.9.{number % 3}.{20 + number * 11}",
        "os": ("Debian 12", "Debian 11", "Rocky 9")[number * 2 % 3],
        "installed": f"2022-{1 + number % 12:02}-{3 + number * 2:02}",
        "warranty_until": f"2027-{1 + number % 12:02}",
        "owner": ("platform", "data", "shop")[number % 3],
        "patch_window": f"{('Mon', 'Tue', 'Wed', 'Thu')[number % 4]} {1 + number % 5:02}:30",
    }
    return "".join(f"{key} = {value}\n" for key, value in rows.items())


def _prices(quarter: int) -> str:
    lines = [f"# fasteners, Q{quarter} 2023, net, EUR per pack", "article;description;pack;price;min_order"]
    for number in range(1001, 1061):
        size = (4, 5, 6, 8, 10, 12)[number % 6]
        part, finish = _PARTS[number // 2 % 6], _FINISHES[number % 5]
        pack = (50, 100, 200)[number % 3]
        cents = 420 + number * 37 % 1900 + 15 * (quarter - 1)
        lines.append(
            f"AX-{number};{part} M{size} {finish};{pack};{cents // 100},{cents % 100:02};{1 + number % 4}"
        )
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the corpus, as for a look at it."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    print(f"{len(write(Path(sys.argv[1])))} documents in {sys.argv[1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
