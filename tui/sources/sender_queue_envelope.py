"""What every answer of the sender-queue API has, in JSON or XML: read, or the reason why it cannot be. Pure; the wire
format of its lists enters, and the server, which reads questions by ``read_xml``."""

from __future__ import annotations

import re
from xml.parsers import expat

import msgspec

from tui.sources.masking import clean

MAX_NUMBER = 10**15 - 1
"""The largest number that is believed: fifteen digits."""

MAX_VALUES = 8_000_000
"""How many values one answer may have, so that 64 MiB of brackets do not become gigabytes."""

MAX_DEPTH = 64
MAX_TEXT = 200
BOM = b"\xef\xbb\xbf"
HTML = re.compile(rb"\s*<(!doctype\s+html|html|head|body)\b", re.IGNORECASE)


class AnswerError(Exception):
    """An answer that holds no numbers. The text goes on from "The answer": "is empty; …", what is wrong and what to do.

    ``code`` is the API's error and ``said`` its own words, clean but of any length, where it told them; ``shaped`` is
    false when the body is no answer of this API at all.
    """

    def __init__(self, text: str, *, code: int | str | None = None, said: str = "", shaped: bool = True) -> None:
        super().__init__(text)
        self.code = code
        self.said = said
        self.shaped = shaped


class Envelope(msgspec.Struct):
    """The parts of an answer as they came; ``None`` where one is missing."""

    error: object = None
    error_text: object = None
    data: object = None
    total_count: object = None


_decode = msgspec.json.Decoder(Envelope).decode


def read_envelope(body: bytes) -> Envelope:
    """The answer's parts, whatever its rows are; raises ``AnswerError`` for a body that is none and for an error it
    tells of."""
    body = body.removeprefix(BOM)
    if not body.strip():
        raise AnswerError("is empty; try again, and look at the server's log when it stays so", shaped=False)
    if HTML.match(body):
        raise AnswerError(f"is an HTML page, not data, perhaps a login page; {_CHECK_URL}", shaped=False)
    in_xml = body.lstrip().startswith(b"<")
    if body.count(b"<" if in_xml else b",") > MAX_VALUES:
        raise AnswerError(f"holds more than {MAX_VALUES:,} values; {_CHECK_URL}", shaped=False)
    if in_xml:
        rows, leaves = read_xml(body)
        envelope = Envelope(leaves.get("error"), leaves.get("error_text"), rows, leaves.get("total_count"))
    else:
        envelope = _read_json(body)
    refuse_error(envelope.error, envelope.error_text)
    return envelope


_CHECK_URL = "check that `url` is the address of the API and that no proxy answers in its stead"
_TOO_DEEP = f"is nested deeper than any answer of this API; {_CHECK_URL}"


def _read_json(body: bytes) -> Envelope:
    try:
        return _decode(body)
    except msgspec.ValidationError as error:
        text = f"is JSON, but no answer of this API ({_short(error)}); {_CHECK_URL}"
    except UnicodeDecodeError:
        text = "is not in UTF-8, which JSON has to be; the server, or a proxy before it, uses another character set"
    except RecursionError:
        text = _TOO_DEEP
    except msgspec.MsgspecError as error:
        text = f"is neither JSON nor XML ({_short(error)}); {_CHECK_URL}"
        if "truncated" in str(error):
            text = _breaks_off(body)
    except ValueError:  # a number of thousands of digits
        text = f"holds a number too long to read; {_CHECK_URL}"
    raise AnswerError(text, shaped=False)


def _short(error: Exception) -> str:
    return clean(str(error))[:MAX_TEXT].rstrip(".")


def _breaks_off(body: bytes) -> str:
    return f"breaks off after {len(body):,} bytes; try again, and look for a proxy that cuts it when it stays so"


def read_xml(body: bytes) -> tuple[list[object], dict[str, object]]:
    """The ``<data>`` of ``<xml>…</xml>`` as rows, and the texts of the elements beside them, by name. Read as
    defusedxml would: no document type, so no entities and nothing external, and no deep nesting. Raises
    ``AnswerError``."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    rows, leaves = _handle(parser)
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = parser.ExternalEntityRefHandler = _refuse_doctype
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        text = f"is not well-formed XML ({_short(error)}); {_CHECK_URL}"
        if error.code in _UNFINISHED:
            text = _breaks_off(body)
    except (ValueError, LookupError):
        text = "is XML in a character set that cannot be read; the server should answer in UTF-8"
    else:
        return rows, leaves
    raise AnswerError(text, shaped=False)


_UNFINISHED = {
    expat.errors.codes[kind]
    for kind in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
    )
}


def _refuse_doctype(*_: object) -> int:
    raise AnswerError(f"is XML with a document type or entities, which are never read; {_CHECK_URL}", shaped=False)


def _handle(parser: expat.XMLParserType) -> tuple[list[object], dict[str, object]]:
    """What ``<xml><data><key>text</key>…</data>…<error>text</error></xml>`` will hold once it is parsed: rows, and the
    elements beside them. What is nested deeper is skipped. Closures, since they are called ten times a row."""
    rows: list[object] = []
    leaves: dict[str, object] = {}
    row: dict[str, str] = {}
    pieces: list[str] = []
    clear, join = pieces.clear, "".join
    depth = 0

    def start(name: str, _: object) -> None:
        nonlocal depth, row
        depth += 1
        clear()
        if depth == 2:
            row = {}
        elif depth == 1 and name != "xml":
            root = clean(name)[:40]
            raise AnswerError(
                f"is XML, but no answer of this API (it begins with <{root}>); {_CHECK_URL}", shaped=False
            )
        elif depth > MAX_DEPTH:
            raise AnswerError(_TOO_DEEP, shaped=False)

    def end(name: str) -> None:
        nonlocal depth
        if depth == 3:
            row[name] = join(pieces)
        elif depth == 2:
            text = join(pieces)
            if name != "data":
                leaves[name] = text
            elif row or text.strip():
                rows.append(row or text)
        depth -= 1

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, pieces.append
    return rows, leaves


def refuse_error(error: object, error_text: object) -> None:
    """Raise ``AnswerError`` unless the API's error is 0."""
    code = _code(error)
    if code == 0:
        return
    if code is None:
        raise AnswerError(f'has no "error", which every answer of this API has; {_CHECK_URL}', shaped=False)
    said = clean(error_text).strip() if isinstance(error_text, str) else ""
    raise AnswerError(_ERRORS.get(code, _OTHER_ERROR).format(code=code), code=code, said=said)


_ERRORS: dict[int | str, str] = {
    400: "is that the question is incorrect (error 400); check `senders` in the configuration",
    401: "is that a token is required (error 401); check the token, and whether `token_in` has to be the other one of "
    '"header" and "body"',
    402: "is that the limit of the tariff is reached (error 402); ask the platform's operator to raise it",
    403: "is that the token may not do this (error 403); check the token, and ask the platform's administrator for the "
    "right",
}
_OTHER_ERROR = "is error {code}; the platform's documentation or its operator can say what that means"


def _code(error: object) -> int | str | None:
    """The API's error as a number where it is one, else as it came; ``None`` where there is none."""
    if error is None:
        return None
    if isinstance(error, str):
        error = error.strip()
        if not error:
            return None
        return int(error) if re.fullmatch(r"-?[0-9]{1,9}", error) else f'"{clean(error)[:40]}"'
    if isinstance(error, float) and error.is_integer():
        error = int(error)
    if isinstance(error, int) and not isinstance(error, bool) and abs(error) <= MAX_NUMBER:
        return error
    return "of an unknown kind"
