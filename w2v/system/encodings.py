"""Character encodings: their names, byte-order marks, and a guess for text that is not UTF-8.

The guess needs no package. For each candidate, a sample is decoded, and the share of its characters
that are frequent in a language of that encoding is compared with the share in real text. It names
an encoding in an error message; a text is never decoded by a guess.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import NamedTuple

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

WIDE = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")

# Encodings that contain others. Files declared as the latter often have characters of the former;
# the Encoding Standard of the WHATWG decodes them so, too.
_SUPERSETS = {
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "tis-620": "cp874",
}

# Codecs of Python that do not decode the text of files, and one that depends on the machine.
_NOT_FOR_FILES = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs"}


def encoding_name(name: object) -> str | None:
    """Return the canonical name of an encoding, or None if it is not one for the text of files."""
    try:
        info = codecs.lookup(name) if isinstance(name, str) else None
    except (LookupError, ValueError):  # ValueError: a null character
        return None
    text = info is not None and getattr(info, "_is_text_encoding", True)
    if info is None or not text or info.incrementaldecoder is None or info.name in _NOT_FOR_FILES:
        return None
    return "utf-8" if info.name == "utf-8-sig" else info.name


def codec_name(encoding: str) -> str:
    """Return the codec for an encoding: that of a larger encoding which contains it, if any."""
    name = encoding_name(encoding) or encoding
    return _SUPERSETS.get(name, name)


def byte_order_mark(head: bytes) -> tuple[bytes, str | None]:
    """Return the byte-order mark at the beginning of a file and its encoding, or b"" and None."""
    return next(
        ((mark, name) for mark, name in BYTE_ORDER_MARKS if head.startswith(mark)), (b"", None)
    )


def describe_wide(encoding: str) -> str:
    """Return UTF-16 or UTF-32 with its byte order, in words."""
    order = "little" if encoding.endswith("le") else "big"
    return f"{encoding[:6].upper()} ({order}-endian)"


def wide_encoding(sample: bytes) -> str | None:
    """Return the encoding of UTF-16 or UTF-32 without a mark, or None for anything else."""
    zeros = sample.count(0)
    if not zeros:
        return None
    for encoding in WIDE:
        if _reads_well(sample.decode(encoding, "replace")):
            return encoding
    # ASCII characters of two bytes each, with too few spaces to read well.
    odd_zeros = sample[1::2].count(0)
    if zeros > 0.4 * len(sample) and not 0.05 < odd_zeros / zeros < 0.95:
        return "utf-16-le" if odd_zeros else "utf-16-be"
    return None


def _reads_well(text: str) -> bool:
    """Return whether some characters are white space and nearly all are printable."""
    spaces = sum(map(text.count, " \n\t"))
    printable = sum(map(str.isprintable, text)) + text.count("\n") + text.count("\r")
    return spaces > 0.01 * len(text) and printable > 0.95 * len(text)


class _Candidate(NamedTuple):
    """An encoding, and how to recognize text in it.

    Attributes:
        name: of the encoding.
        frequent: characters that are frequent in a language written with it, without ASCII.
        share: of the non-ASCII characters of real text, how many are among them.
        latin: whether its letters stand among those of ASCII; otherwise in words of their own.

    """

    name: str
    frequent: frozenset[str]
    share: float
    latin: bool = False


def _latin(name: str, letters: str) -> _Candidate:
    return _Candidate(name, frozenset(letters + letters.upper() + _PUNCTUATION), 0.97, latin=True)


def _other(name: str, letters: str, share: float) -> _Candidate:
    return _Candidate(name, frozenset(letters), share)


_PUNCTUATION = "“”„‘’‚–—…«»‹›°§€£\xa0"
_HAN = (
    "的年在一中是人有月日為大和國於以公了斯成出他上不部国行主地为作生第其克之分位會家名方到民用時後本及被與由市里文法而西特"
    "同物下加政自利于可多高新代最得德平前度建美任面事南也子球因發學拉個至要區合表立后定此所入次外能工共会北海三重时期学並个但"
    "教世州台布電道者尔小等性发四口全式通動長員二列目科理米使路这我们你說说她什么沒没那就着著看起都過过去把好想很还還给給里裡"
    "对對天心头頭手見见无無来來从從与经經开開关關問问间間様两兩"
)
_KANA = (
    "のにはをがとでたしていなるれもこかさらっあすくきよまりだそうけ一日本年月人大国会中出生者"
    "ンールスイトリアラクドレタシフマジグカプ、。・「」ー"
)
_HANGUL = (
    "이다의는에가을를은고한하로지도사인있대그과서어기자시해나정아리수일들라와부전제"
    "만여주했성상으장보공원구유게년조국면것모된스동"
)
_CYRILLIC = "оеаинтсрвлкмдпу"
_GREEK = "αοιετσνηυρπκμλςάέήίόύώγδ"
_CANDIDATES = (
    _latin("windows-1252", "äöüß"),
    _latin("windows-1252", "éèêàçùâîôûëïœ"),
    _latin("windows-1252", "áéíóúñü¿¡"),
    _latin("windows-1252", "ãõçáéíóúâêôà"),
    _latin("windows-1252", "àèéìòù"),
    _latin("windows-1252", "åäöæøé"),
    _latin("windows-1252", "ðþáéíóúýæö"),
    _latin("windows-1250", "ąćęłńóśźż"),
    _latin("windows-1250", "áčďéěíňóřšťúůýžľĺŕôä"),
    _latin("windows-1250", "áéíóöőúüű"),
    _latin("windows-1250", "čćđšž"),
    _latin("windows-1250", "ăâîşţ"),
    _latin("iso8859-2", "ąćęłńóśźż"),
    _latin("iso8859-2", "áčďéěíňóřšťúůýžľĺŕôä"),
    _latin("windows-1254", "çğıöşüâİ"),
    _latin("windows-1257", "āčēģīķļņšūž"),
    _latin("windows-1257", "ąčęėįšųūž"),
    _latin("cp850", "äöüßéèêàçùâîôûëïáíóúñ"),
    _latin("mac_roman", "äöüßéèêàçùâîôûëïáíóúñ"),
    _other("windows-1251", _CYRILLIC, 0.78),
    _other("koi8-r", _CYRILLIC, 0.78),
    _other("cp866", _CYRILLIC, 0.78),
    _other("iso8859-5", _CYRILLIC, 0.78),
    _other("windows-1253", _GREEK, 0.88),
    _other("windows-1255", "יוהלארתבמשנםחכעןקפ", 0.9),
    _other("windows-1256", "اليمونرتبهدعة", 0.85),
    _other("cp874", "านรอกเงมยลวดทสตะปบคหแจพชขใไโ่้ี็ัิืุู์ำ", 0.9),
    _other("gb18030", _HAN + "，。、", 0.5),
    _other("big5", _HAN + "，。、", 0.5),
    _other("shift_jis", _KANA, 0.6),
    _other("euc-jp", _KANA, 0.6),
    _other("euc-kr", _HANGUL, 0.5),
)
_ENOUGH = 0.5  # of the share in real text
SURE = 0.8
"""How well an encoding must fit to contradict a given one."""

MULTI_BYTE = frozenset({"gb18030", "big5", "shift_jis", "euc-jp", "euc-kr", "cp874"})
"""Encodings in which many bytes form valid UTF-8 by accident."""

_SAMPLE = 1 << 13  # characters to look at
_MOST_ERRORS = 0.02
_NON_ASCII_RUN = re.compile(r"[^\x00-\x7f]+")


def guess_encoding(sample: bytes, least: float = _ENOUGH) -> str | None:
    """Return the likely encoding of text that is not UTF-8, or None if none fits.

    Args:
        sample: a part of the text, at best lines with non-ASCII bytes.
        least: how well the encoding must fit, from 0 to 1.

    """
    wide = wide_encoding(sample)
    if wide is not None:
        return wide
    decoded: dict[str, str] = {}
    scores: dict[str, float] = {}
    for candidate in _CANDIDATES:
        name = candidate.name
        if name not in decoded:
            decoded[name] = decode_sample(sample, name)[:_SAMPLE]
        scores[name] = max(scores.get(name, 0.0), _score(decoded[name], candidate))
    best = max(scores, key=scores.__getitem__)  # the first of equals
    return best if scores[best] >= least else None


def decode_sample(sample: bytes, encoding: str) -> str:
    """Decode a part of a text, with U+FFFD for errors but not for a character cut at the end."""
    return codecs.getincrementaldecoder(codec_name(encoding))("replace").decode(sample)


def _score(text: str, candidate: _Candidate) -> float:
    """Return how well a text fits a candidate: about 1 if it is in that encoding."""
    count = good = errors = 0
    for run, in_word in _runs(text):
        count += len(run)
        errors += run.count("\ufffd")
        # é in café has a neighbor in ASCII and comes alone or in pairs; Cyrillic does neither.
        if len(run) <= 3 if candidate.latin else not in_word:
            good += sum(character in candidate.frequent for character in run)
    if not count or errors > _MOST_ERRORS * count:
        return 0.0
    return min(1.0, good / count / candidate.share)


def _runs(text: str) -> Iterator[tuple[str, bool]]:
    """Yield runs of non-ASCII characters, and whether an ASCII letter stands on either side."""
    for match in _NON_ASCII_RUN.finditer(text):
        before = text[match.start() - 1 : match.start()]
        after = text[match.end() : match.end() + 1]
        yield match[0], before.isalpha() or after.isalpha()
