"""Names of encodings, byte-order marks, and the guess of an encoding."""

from __future__ import annotations

import numpy as np
import pytest

from w2v.system.encodings import (
    BYTE_ORDER_MARKS,
    byte_order_mark,
    codec_name,
    decode_sample,
    encoding_name,
    guess_encoding,
    wide_encoding,
)

# Article 1 of the Universal Declaration of Human Rights, which is in the public domain.
TEXTS = {
    "German": (
        "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft "
        "und Gewissen begabt und sollen einander im Geiste der Brüderlichkeit begegnen."
    ),
    "French": (
        "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués "
        "de raison et de conscience et doivent agir dans un esprit de fraternité."
    ),
    "Spanish": (
        "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados como "
        "están de razón y conciencia, deben comportarse fraternalmente los unos con los otros."
    ),
    "Portuguese": (
        "Todos os seres humanos nascem livres e iguais em dignidade e em direitos. Dotados de "
        "razão e de consciência, devem agir uns para com os outros em espírito de fraternidade."
    ),
    "Swedish": (
        "Alla människor är födda fria och lika i värde och rättigheter. De har utrustats med "
        "förnuft och samvete och bör handla gentemot varandra i en anda av gemenskap."
    ),
    "Danish": (
        "Alle mennesker er født frie og lige i værdighed og rettigheder. De er udstyret med "
        "fornuft og samvittighed, og de bør handle mod hverandre i en broderskabets ånd."
    ),
    "Polish": (
        "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni "
        "obdarzeni rozumem i sumieniem i powinni postępować wobec innych w duchu braterstwa."
    ),
    "Czech": (
        "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv. Jsou nadáni "
        "rozumem a svědomím a mají spolu jednat v duchu bratrství."
    ),
    "Hungarian": (
        "Minden emberi lény szabadon születik és egyenlő méltósága és joga van. Az emberek, "
        "ésszel és lelkiismerettel bírván, egymással testvéri szellemben kell viseltessenek."
    ),
    "Turkish": (
        "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana "
        "sahiptirler ve birbirlerine karşı kardeşlik zihniyeti ile hareket etmelidirler."
    ),
    "Russian": (
        "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены "
        "разумом и совестью и должны поступать в отношении друг друга в духе братства."
    ),
    "Ukrainian": (
        "Всі люди народжуються вільними і рівними у своїй гідності та правах. Вони наділені "
        "розумом і совістю і повинні діяти у відношенні один до одного в дусі братерства."
    ),
    "Greek": (
        "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα. "
        "Είναι προικισμένοι με λογική και συνείδηση."
    ),
    "Hebrew": (
        "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם. כולם חוננו בתבונה ובמצפון, "
        "לפיכך חובה עליהם לנהוג איש ברעהו ברוח של אחווה."
    ),
    "Arabic": (
        "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق. وقد وهبوا عقلا وضميرا وعليهم أن "
        "يعامل بعضهم بعضا بروح الإخاء."
    ),
    "Thai": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ ต่างมีเหตุผลและมโนธรรม",
    "Chinese": (
        "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。"
    ),
    "Taiwanese": (
        "人人生而自由，在尊嚴和權利上一律平等。他們賦有理性和良心，並應以兄弟關係的精神相對待。"
    ),
    "Japanese": (
        "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。"
        "人間は、理性と良心とを授けられており、互いに同胞の精神をもって行動しなければならない。"
    ),
    "Korean": (
        "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. 인간은 천부적으로 "
        "이성과 양심을 부여받았으며 서로 형제애의 정신으로 행동하여야 한다."
    ),
    "English": "It’s a naïve idea – “the café” isn’t open, said Zoë.",
    "short": "Größe München schön\n",
    "one letter": "a café\n",
    "symbols": "Märkte ¤ Mädchen ¤ später\n",  # ä would be a frequent letter of Russian
}
ENCODINGS = [
    *(("German", "windows-1252"), ("French", "windows-1252"), ("Spanish", "windows-1252")),
    *(("Portuguese", "windows-1252"), ("Swedish", "windows-1252"), ("Danish", "windows-1252")),
    *(("English", "windows-1252"), ("short", "windows-1252"), ("one letter", "windows-1252")),
    ("symbols", "windows-1252"),
    *(("short", "cp850"), ("short", "mac_roman"), ("Polish", "windows-1250")),
    *(("Polish", "iso8859-2"), ("Czech", "windows-1250"), ("Hungarian", "windows-1250")),
    *(("Turkish", "windows-1254"), ("Russian", "windows-1251"), ("Russian", "koi8-r")),
    *(("Russian", "cp866"), ("Russian", "iso8859-5"), ("Ukrainian", "windows-1251")),
    *(("Greek", "windows-1253"), ("Hebrew", "windows-1255"), ("Arabic", "windows-1256")),
    *(("Thai", "cp874"), ("Chinese", "gb18030"), ("Taiwanese", "big5")),
    *(("Japanese", "shift_jis"), ("Japanese", "euc-jp"), ("Korean", "euc-kr")),
]
WIDE = [
    (language, encoding)
    for language in ("German", "Russian", "Korean")
    for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
]


@pytest.mark.parametrize(("language", "encoding"), ENCODINGS + WIDE)
def test_the_encoding_of_a_sentence_is_guessed(language, encoding):
    data = TEXTS[language].encode(encoding)
    assert guess_encoding(data) == encoding
    assert guess_encoding(data * 200) == encoding
    assert decode_sample(data, encoding) == TEXTS[language]


@pytest.mark.parametrize("seed", range(5))
def test_random_bytes_have_no_encoding(seed):
    assert guess_encoding(np.random.default_rng(seed).bytes(5_000)) is None


def test_every_guess_is_a_name_that_the_option_takes():
    for _, encoding in ENCODINGS:
        assert encoding_name(encoding) is not None


@pytest.mark.parametrize("text", ["words\0words\0", "abc\0def\0" * 50, "\0" * 400, "a b c", ""])
def test_text_with_zeros_is_not_wide(text):
    assert wide_encoding(text.encode()) is None


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("utf8", "utf-8"),
        ("UTF-8-SIG", "utf-8"),
        ("latin1", "iso8859-1"),
        ("Windows-1252", "cp1252"),
        ("sjis", "shift_jis"),
        ("gb18030", "gb18030"),
    ],
)
def test_encodings_have_a_canonical_name(name, canonical):
    assert encoding_name(name) == canonical
    assert encoding_name(canonical) == canonical


@pytest.mark.parametrize(
    "name", ["", "nonsense", "rot13", "hex", "zlib", "idna", "punycode", "a\0b", None, 5, b"utf-8"]
)
def test_other_names_are_no_encodings(name):
    assert encoding_name(name) is None


@pytest.mark.parametrize(
    ("declared", "text"),
    [
        ("latin-1", "it’s “quoted” €"),
        ("shift_jis", "①②③"),
        ("gb2312", "尊嚴"),
        ("euc-kr", "똠방각하"),
    ],
)
def test_declared_encodings_include_their_extensions(declared, text):
    data = text.encode(codec_name(declared))
    assert data.decode(declared, "replace") != text
    assert data.decode(codec_name(declared)) == text


def test_byte_order_marks_are_recognized():
    for mark, encoding in BYTE_ORDER_MARKS:
        assert byte_order_mark(mark + "ab".encode(encoding)) == (mark, encoding)
    assert byte_order_mark(b"ab") == (b"", None)
