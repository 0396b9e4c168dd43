"""Which files can be read, and by whom: from the name first, then from the first bytes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath

HEAD_BYTES = 8192
OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP_MAGIC = b"PK\x03\x04"
SQLITE_MAGIC = b"SQLite format 3\x00"
PARQUET_MAGIC = b"PAR1"


class FileReader(StrEnum):
    """Who turns the bytes into text."""

    TEXT = "text"
    PDF = "pdf"
    OFFICE = "office"
    SLIDES = "slides"
    HTML = "html"
    MAIL = "mail"
    IMAGE = "image"
    TABLES = "tables"
    RECORDING = "recording"


@dataclass(frozen=True, slots=True)
class FileType:
    """How one type of file is read.

    mime: what the parser is told the bytes are. media_type: what the stored text will be.
    """

    reader: FileReader
    mime: str
    media_type: str


MARKDOWN = FileType(FileReader.TEXT, "text/markdown", "text/markdown")
PLAIN = FileType(FileReader.TEXT, "text/plain", "text/plain")
PDF = FileType(FileReader.PDF, "application/pdf", "text/plain")
NOTEBOOK = FileType(FileReader.TEXT, "application/x-ipynb+json", "text/markdown")
SUBTITLES = FileType(FileReader.TEXT, "text/vtt", "text/plain")
HTML = FileType(FileReader.HTML, "text/html", "text/markdown")
MAIL = FileType(FileReader.MAIL, "message/rfc822", "text/plain")
SQLITE = FileType(FileReader.TABLES, "application/vnd.sqlite3", "text/markdown")
PARQUET = FileType(FileReader.TABLES, "application/vnd.apache.parquet", "text/markdown")
RTF = FileType(FileReader.OFFICE, "application/rtf", "text/markdown")

_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."
_OFFICE_MIMES = {
    "docx": _OOXML + "wordprocessingml.document",
    "dotx": _OOXML + "wordprocessingml.template",
    "docm": "application/vnd.ms-word.document.macroEnabled.12",
    "doc": "application/msword",
    "odt": _ODF + "text",
    "xlsx": _OOXML + "spreadsheetml.sheet",
    "xlsm": "application/vnd.ms-excel.sheet.macroEnabled.12",
    "xlsb": "application/vnd.ms-excel.sheet.binary.macroEnabled.12",
    "xls": "application/vnd.ms-excel",
    "ods": _ODF + "spreadsheet",
    "epub": "application/epub+zip",
    "fb2": "application/x-fictionbook+xml",
}
SHEET_MIMES = frozenset({_OFFICE_MIMES["xlsx"], _OFFICE_MIMES["xlsm"]})
"""Spreadsheets whose cells are read with their number formats."""

WORD_MIMES = frozenset({_OFFICE_MIMES["docx"], _OFFICE_MIMES["dotx"], _OFFICE_MIMES["docm"]})
"""Word files that are packages of XML."""

_SLIDE_MIMES = {
    "pptx": _OOXML + "presentationml.presentation",
    "ppsx": _OOXML + "presentationml.slideshow",
    "pptm": "application/vnd.ms-powerpoint.presentation.macroEnabled.12",
    "ppt": "application/vnd.ms-powerpoint",
}
_MAIL_MIMES = {"eml": "message/rfc822", "msg": "application/vnd.ms-outlook"}
_IMAGE_MIMES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "bmp": "image/bmp",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "webp": "image/webp",
}
_RECORDING_MIMES = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "aac": "audio/aac",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "webm": "video/webm",
    "mkv": "video/x-matroska",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
}
_MARKDOWN_NAMES = ("md", "markdown", "mdown", "mkd", "mdx", "qmd", "rmd")
_PLAIN_NAMES = ("txt", "text", "log", "rst", "org", "adoc", "asciidoc", "tex", "textile", "po")
# Data and code stay as they are, so that offsets point into the file a person would open.
_CODE_MEDIA = {
    "asm": "x-asm", "bash": "x-sh", "bat": "x-bat", "bib": "x-bibtex", "c": "x-c", "cc": "x-c++",
    "cfg": "x-ini", "clj": "x-clojure", "cmake": "x-cmake", "conf": "x-ini", "cpp": "x-c++",
    "cs": "x-csharp", "css": "css", "csv": "csv", "cxx": "x-c++", "dart": "x-dart", "diff": "x-diff",
    "dtd": "xml", "erl": "x-erlang", "ex": "x-elixir", "exs": "x-elixir", "f90": "x-fortran",
    "go": "x-go", "gql": "x-graphql", "gradle": "x-groovy", "graphql": "x-graphql", "h": "x-c",
    "hpp": "x-c++", "hs": "x-haskell", "ini": "x-ini", "java": "x-java", "jl": "x-julia",
    "js": "x-javascript", "json": "x-json", "json5": "x-json", "jsx": "x-javascript", "kt": "x-kotlin",
    "less": "css", "lisp": "x-lisp", "lua": "x-lua", "m": "x-objective-c", "mjs": "x-javascript",
    "ml": "x-ocaml", "ndjson": "x-json", "nim": "x-nim", "nix": "x-nix", "patch": "x-diff",
    "php": "x-php", "pl": "x-perl", "pm": "x-perl", "properties": "x-ini", "proto": "x-protobuf",
    "ps1": "x-powershell", "py": "x-python", "pyi": "x-python", "r": "x-r", "rb": "x-ruby",
    "rs": "x-rust", "scala": "x-scala", "scss": "css", "sh": "x-sh", "sql": "x-sql", "svelte": "x-svelte",
    "swift": "x-swift", "tf": "x-hcl", "toml": "x-toml", "ts": "x-typescript", "tsv": "tab-separated-values",
    "tsx": "x-typescript", "vue": "x-vue", "wsdl": "xml", "xml": "xml", "xsd": "xml", "xsl": "xml",
    "xslt": "xml", "yaml": "x-yaml", "yml": "x-yaml", "zig": "x-zig", "zsh": "x-sh",
}  # fmt: skip
# Text by its bytes, but nothing that anybody would ask about; or a container, not a document.
_REFUSED = frozenset(
    {
        *("svg", "p7s", "p7m", "asc", "sig", "pem", "crt", "key", "lock", "map", "ico", "heic", "heif"),
        *("tar", "gz", "tgz", "bz2", "xz", "7z", "rar", "jar", "whl", "iso", "deb", "rpm"),
        *(
            "exe",
            "dll",
            "so",
            "dylib",
            "bin",
            "o",
            "a",
            "class",
            "pyc",
            "wasm",
            "ttf",
            "otf",
            "woff",
            "woff2",
        ),
        "avi",
        *("npy", "npz", "pt", "pkl", "onnx", "safetensors"),
    }
)


# What is read file by file, as a folder is.
_ARCHIVES = frozenset({"zip", "mbox"})


def _build_table() -> dict[str, FileType]:
    table = {name: MARKDOWN for name in _MARKDOWN_NAMES}
    table |= {name: PLAIN for name in _PLAIN_NAMES}
    table |= {"ipynb": NOTEBOOK, "srt": SUBTITLES, "vtt": SUBTITLES}
    table |= {name: HTML for name in ("html", "htm", "xhtml")}
    for name, subtype in _CODE_MEDIA.items():
        table[name] = FileType(FileReader.TEXT, f"text/{subtype}", f"text/{subtype}")
    for name, mime in _OFFICE_MIMES.items():
        table[name] = FileType(FileReader.OFFICE, mime, "text/markdown")
    for name, mime in _SLIDE_MIMES.items():
        table[name] = FileType(FileReader.SLIDES, mime, "text/markdown")
    for name, mime in _MAIL_MIMES.items():
        table[name] = FileType(FileReader.MAIL, mime, "text/plain")
    for name, mime in _IMAGE_MIMES.items():
        table[name] = FileType(FileReader.IMAGE, mime, "text/plain")
    table |= {"sqlite": SQLITE, "sqlite3": SQLITE, "parquet": PARQUET}
    for name, mime in _RECORDING_MIMES.items():
        table[name] = FileType(FileReader.RECORDING, mime, "text/plain")
    return table | {"pdf": PDF, "rtf": RTF}


_BY_EXTENSION = _build_table()
# Binary formats that people save under each other's names.
_WRONG_WHEN_ZIP = {"doc": "docx", "xls": "xlsx", "ppt": "pptx"}
_WRONG_WHEN_OLE = {"docx": "doc", "docm": "doc", "xlsx": "xls", "xlsm": "xls", "pptx": "ppt", "pptm": "ppt"}


def extension(path: str) -> str:
    """Lower-case extension without its dot; "" when there is none."""
    return PurePath(path).suffix[1:].lower()


def kind_by_name(path: str) -> FileType | None:
    """Kind that the name alone promises; None when it says nothing or nothing good."""
    return _BY_EXTENSION.get(extension(path))


def is_recording(path: str) -> bool:
    """Whether a file is of sound or film, by its name."""
    kind = kind_by_name(path)
    return kind is not None and kind.reader is FileReader.RECORDING


def is_archive(path: str) -> bool:
    """Whether a file holds other files, each a document of its own (by its name)."""
    return extension(path) in _ARCHIVES


def is_refused(path: str) -> bool:
    """Whether the name alone says that this is not a document."""
    return extension(path) in _REFUSED


def looks_like_text(head: bytes) -> bool:
    """Whether the first bytes of a file without a known extension read as text."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        return True
    if not head or b"\x00" in head:
        return False
    controls = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head)
    if controls * 50 > len(head):
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # The head may end inside a character; legacy one-byte text is mostly ASCII.
        return error.start >= len(head) - 3 or sum(byte > 127 for byte in head) * 3 < len(head)
    return True


def kind_of(path: str, head: bytes) -> FileType | None:
    """Kind of a file from its name and its first bytes.

    :param head: up to HEAD_BYTES from the start.
    :return: None when nothing here can read it.
    """
    if is_refused(path):
        return None
    name = extension(path)
    named = _BY_EXTENSION.get(name)
    binary = named is not None and named.reader in (FileReader.OFFICE, FileReader.SLIDES)
    if named is None or binary:
        if head.startswith(b"%PDF-"):
            return PDF
        if head.startswith(b"{\\rtf"):
            return RTF
    if named is None:
        # What is called ".db" may be a database of any kind.
        if head.startswith(SQLITE_MAGIC):
            return SQLITE
        if head.startswith(PARQUET_MAGIC):
            return PARQUET
        return PLAIN if looks_like_text(head) else None
    if binary and head.startswith(ZIP_MAGIC):
        return _BY_EXTENSION[_WRONG_WHEN_ZIP.get(name, name)]
    if binary and head.startswith(OLE_MAGIC):
        return _BY_EXTENSION[_WRONG_WHEN_OLE.get(name, name)]
    if binary and head.lstrip().lower().startswith((b"<html", b"<!doctype html")):
        return HTML
    return named
