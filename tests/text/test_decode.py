"""Old encodings: told where that can be, said where it was a guess, refused where it cannot."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.errors import BrokenDocument, InvalidRequest
from ragsvc.text.encodings import check_encoding, decode


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("名称,数量\n螺丝刀,12\n锤子,7\n", "gbk"),
        ("仓库钥匙在前台,请联系王经理。", "gbk"),
        ("倉庫鑰匙在前台,請聯繫王經理。", "big5"),
        ("창고 열쇠는 안내 데스크에 있습니다.", "euc-kr"),
        ("倉庫の鍵は受付にあります。", "cp932"),
        ("倉庫の鍵は受付にあります。", "euc-jp"),
        ("倉庫の鍵は受付にあります。", "iso2022_jp"),
        ("Ключ от склада лежит у дежурного.", "koi8-r"),
        ("Ключ от склада лежит у дежурного.", "cp1251"),
        ("Ключ от склада лежит у дежурного.", "iso8859-5"),
        ("Ключ от склада лежит у дежурного.", "cp866"),
        ("КЛЮЧ ОТ СКЛАДА ЛЕЖИТ У ДЕЖУРНОГО.", "koi8-r"),
        ("КЛЮЧ ОТ СКЛАДА ЛЕЖИТ У ДЕЖУРНОГО.", "cp1251"),
        ("Klíč od skladu leží u vrátného, přijďte před šestou.", "iso8859-2"),
        ("Klíč od skladu leží u vrátného, přijďte před šestou.", "cp1250"),
        ("Zażółć gęślą jaźń", "iso8859-2"),
        ("Anahtar bekçide, lütfen altıdan önce gelin.", "cp1254"),
        ("Noliktavas atslēga ir pie sarga, nāciet līdz sešiem.", "cp1257"),
        ("Το κλειδί είναι στον φύλακα.", "cp1253"),
        ("המפתח נמצא אצל השומר", "cp1255"),
        ("المفتاح عند الحارس قبل السادسة", "cp1256"),
        ("Der Schlüssel hängt im Büro, größere Geräte außen.", "latin-1"),
        ("“Five” o’clock – and 20 £", "cp1252"),
        ("5° C, 10 µm ± 2", "latin-1"),
        ("naïve", "latin-1"),
    ],
)
def test_what_an_encoding_says_is_told_and_the_guess_is_said(text: str, encoding: str) -> None:
    found = decode(text.encode(encoding), "x.txt")
    assert found.text == text
    told = encoding == "iso2022_jp"
    assert [w.code for w in found.warnings] == ([] if told else ["encoding_guessed"])
    if not told:
        assert found.encoding in found.warnings[0].message


def test_utf8_with_damage_is_utf8() -> None:
    text = "“Quoted” words – and more, naïve ones."
    data = text.encode()
    for at in (3, 20, 40):
        data = data[:at] + b"\xff" + data[at:]
    found = decode(data, "x.txt")
    assert found.encoding == "utf-8" and found.text.count("\ufffd") >= 3
    assert found.text.replace("\ufffd", "") == text
    assert [w.code for w in found.warnings] == ["encoding_damaged"]


def test_what_the_user_says_goes_before_a_guess_and_after_utf8() -> None:
    assert decode("naïve".encode("cp1250", "replace") + b"\xef", "x", "cp1250").text.endswith("ď")
    assert decode("naïve".encode(), "x", "gbk").text == "naïve"
    assert decode("日本".encode("cp932"), "x", "cp932").warnings == ()
    assert check_encoding("GBK") == "gbk" and check_encoding("latin2") == "iso8859-2"
    for name in ("no-such", "base64", "rot13", ""):
        with pytest.raises(InvalidRequest):
            check_encoding(name)


def test_noise_is_refused_with_the_way_out() -> None:
    noise = random.Random(1).randbytes(3000).replace(b"\x00", b"\xff")
    with pytest.raises(BrokenDocument) as caught:
        decode(noise, "noise.txt")
    assert "--encoding" in caught.value.hint


@given(st.binary(max_size=300))
def test_any_bytes_are_text_or_refused(data: bytes) -> None:
    try:
        found = decode(data, "x")
    except BrokenDocument:
        return
    found.text.encode("utf-8", "surrogatepass")


@given(st.text(max_size=200).filter(lambda text: "\x00" not in text and "\x1b" not in text))
def test_utf8_is_never_taken_for_anything_else(text: str) -> None:
    try:
        encoded = text.encode()
        found = decode(encoded, "x")
    except (UnicodeEncodeError, BrokenDocument):
        return
    assert found.text == text.removeprefix("\ufeff") and found.warnings == ()
