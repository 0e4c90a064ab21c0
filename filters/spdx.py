"""SPDX licence expressions, such as `MIT` and `(Apache-2.0 OR MIT) AND BSD-3-Clause`.

Grammar: SPDX specification 3.0, annex B. Deprecated ids are written as their successors
(`GPL-2.0` is `GPL-2.0-only`), known ids in their own case.
"""

from __future__ import annotations

import re
from collections.abc import Callable

# An id, or (operator, operands) with the operator AND or OR.
Expression = str | tuple[str, tuple["Expression", ...]]

# Blue Oak Council, permissive licence list, version 15 (https://blueoakcouncil.org/list,
# published as @blueoak/list 15.0.0 under CC0-1.0): model, gold, silver and bronze.
_PERMISSIVE = """
BlueOak-1.0.0 BSD-2-Clause-Patent ADSL Apache-2.0 APAFML BSD-1-Clause BSD-2-Clause
BSD-2-Clause-FreeBSD BSD-2-Clause-NetBSD BSD-2-Clause-Views BSL-1.0 DSDP ECL-1.0 ECL-2.0 hdparm
ImageMagick Intel-ACPI ISC Linux-OpenIB MIT MIT-Modern-Variant MIT-testregex MIT-Wu MS-PL
MulanPSL-1.0 Mup PostgreSQL SHL-0.5 Spencer-99 UPL-1.0 Xerox Xfig 0BSD AFL-1.1 AFL-1.2 AFL-2.0
AFL-2.1 AFL-3.0 AMDPLPA AML AMPAS ANTLR-PD ANTLR-PD-fallback Apache-1.0 Apache-1.1 Artistic-2.0
Bahyph Barr bcrypt-Solar-Designer BSD-3-Clause BSD-3-Clause-Attribution BSD-3-Clause-Clear
BSD-3-Clause-HP BSD-3-Clause-LBNL BSD-3-Clause-Modification BSD-3-Clause-No-Nuclear-License-2014
BSD-3-Clause-No-Nuclear-Warranty BSD-3-Clause-Open-MPI BSD-3-Clause-Sun BSD-4-Clause
BSD-4-Clause-Shortened BSD-4-Clause-UC BSD-Source-Code bzip2-1.0.5 bzip2-1.0.6 CC0-1.0 CFITSIO
Clips CNRI-Jython CNRI-Python CNRI-Python-GPL-Compatible Cube curl eGenix Entessa FTL fwlw
HPND-Fenneberg-Livingston HPND-sell-regexpr HTMLTIDY IBM-pibs ICU Info-ZIP Intel JasPer-2.0
Libpng libpng-2.0 libtiff LPPL-1.3c LZMA-SDK-9.22 MIT-0 MIT-advertising MIT-CMU MIT-enna MIT-feh
MIT-open-group MITNFA MTLL MulanPSL-2.0 Multics Naumen NCSA Net-SNMP NetCDF NICTA-1.0
NIST-Software NTP OGL-Canada-2.0 OLDAP-2.0 OLDAP-2.0.1 OLDAP-2.1 OLDAP-2.2 OLDAP-2.2.1
OLDAP-2.2.2 OLDAP-2.3 OLDAP-2.4 OLDAP-2.5 OLDAP-2.6 OLDAP-2.7 OLDAP-2.8 OML OpenSSL PHP-3.0
PHP-3.01 Plexus PSF-2.0 Python-2.0 Ruby Saxpath SGI-B-2.0 SMLNJ SunPro SWL Symlinks TCL
TCP-wrappers UCAR Unicode-DFS-2015 Unicode-DFS-2016 UnixCrypt Unlicense VSL-1.0 W3C X11
XFree86-1.1 xlock Xnet xpp Zlib zlib-acknowledgement ZPL-2.0 ZPL-2.1
"""
# Permissive in the council's words too, but rated lead: legally weak texts.
_LEAD = """
AAL Adobe-2006 Afmparse Artistic-1.0 Artistic-1.0-cl8 Artistic-1.0-Perl Beerware blessing Borceux
BSD-2-Clause-Darwin CECILL-B ClArtistic Condor-1.1 DOC EFL-1.0 EFL-2.0 Fair FSFAP FSFUL FSFULLR
HPND HPND-export-US IJG Jam Leptonica LPL-1.02 MirOS mpich2 NAIST-2003 NASA-1.3 OLDAP-1.4 Qhull
Spencer-94 Vim W3C-20150513 WTFPL Zed Zend-2.0 ZPL-1.1
"""
# Known, and neither permissive nor copyleft: content, data, non-commercial, source-available.
_OTHER = """
BUSL-1.1 CC-BY-1.0 CC-BY-2.0 CC-BY-2.5 CC-BY-3.0 CC-BY-4.0 CC-BY-NC-2.0 CC-BY-NC-3.0 CC-BY-NC-4.0
CC-BY-NC-ND-3.0 CC-BY-NC-ND-4.0 CC-BY-NC-SA-2.0 CC-BY-NC-SA-3.0 CC-BY-NC-SA-4.0 CC-BY-ND-3.0
CC-BY-ND-4.0 CC-PDDC Elastic-2.0 JSON OFL-1.0 OFL-1.1 PolyForm-Noncommercial-1.0.0 Unicode-3.0
"""
# Licences whose derived works must keep the licence, in whole or in the files it covers:
# https://blueoakcouncil.org/copyleft and the Creative Commons share-alike licences.
_COPYLEFT = """
AGPL-1.0-only AGPL-1.0-or-later AGPL-3.0-only AGPL-3.0-or-later APSL-2.0 CC-BY-SA-2.0
CC-BY-SA-2.5 CC-BY-SA-3.0 CC-BY-SA-4.0 CDDL-1.0 CDDL-1.1 CECILL-2.0 CECILL-2.1 CECILL-C CPAL-1.0
CPL-1.0 EPL-1.0 EPL-2.0 EUPL-1.1 EUPL-1.2 GFDL-1.1-only GFDL-1.1-or-later GFDL-1.2-only
GFDL-1.2-or-later GFDL-1.3-only GFDL-1.3-or-later GPL-1.0-only GPL-1.0-or-later GPL-2.0-only
GPL-2.0-or-later GPL-3.0-only GPL-3.0-or-later IPL-1.0 LGPL-2.0-only LGPL-2.0-or-later
LGPL-2.1-only LGPL-2.1-or-later LGPL-3.0-only LGPL-3.0-or-later MPL-1.0 MPL-1.1 MPL-2.0
MPL-2.0-no-copyleft-exception MS-RL NPL-1.1 ODbL-1.0 OSL-1.0 OSL-2.0 OSL-2.1 OSL-3.0 QPL-1.0
RPL-1.5 SISSL Sleepycat SPL-1.0 SSPL-1.0
"""
# Additions to a licence that only give more (SPDX license list 3.25, exceptions). What else stands
# behind WITH, such as the Commons Clause, may take away what the licence gives.
_EXCEPTIONS = """
389-exception Asterisk-exception Autoconf-exception-2.0 Autoconf-exception-3.0
Autoconf-exception-generic Autoconf-exception-macro Bison-exception-1.24 Bison-exception-2.2
Bootloader-exception Classpath-exception-2.0 CLISP-exception-2.0 cryptsetup-OpenSSL-exception
DigiRule-FOSS-exception eCos-exception-2.0 Fawkes-Runtime-exception FLTK-exception
Font-exception-2.0 freertos-exception-2.0 GCC-exception-2.0 GCC-exception-3.1
GNAT-exception gnu-javamail-exception GPL-3.0-linking-exception
GPL-3.0-linking-source-exception GPL-CC-1.0 GStreamer-exception-2005 GStreamer-exception-2008
i2p-gpl-java-exception KiCad-libraries-exception LGPL-3.0-linking-exception
libpri-OpenH323-exception Libtool-exception Linux-syscall-note LLGPL LLVM-exception LZMA-exception
mif-exception OCaml-LGPL-linking-exception OCCT-exception-1.0 OpenJDK-assembly-exception-1.0
openvpn-openssl-exception PS-or-PDF-font-exception-20170817 QPL-1.0-INRIA-2004-exception
Qt-GPL-exception-1.0 Qt-LGPL-exception-1.1 Qwt-exception-1.0 SHL-2.0 SHL-2.1 Swift-exception
u-boot-exception-2.0 Universal-FOSS-exception-1.0 vsftpd-openssl-exception
WxWindows-exception-3.1 x11vnc-openssl-exception
"""
PERMISSIVE = frozenset(_PERMISSIVE.split())
COPYLEFT = frozenset(_COPYLEFT.split())
KNOWN = PERMISSIVE | COPYLEFT | frozenset(_LEAD.split()) | frozenset(_OTHER.split())
_KNOWN_EXCEPTIONS = frozenset(_EXCEPTIONS.lower().split())
_CASE = {i.lower(): i for i in KNOWN}
_GNU = re.compile(r"((?:A|L)?GPL|GFDL)-(\d\.\d)(\+)?", re.I)
_TOKEN = re.compile(r"\s*(\(|\)|[A-Za-z0-9.+:-]+)")
_MAX_LENGTH = 1000
_MAX_DEPTH = 10


def parse(text: str) -> Expression | None:
    """The expression, its ids normalised, or None if the text is not one."""
    tokens: list[str] = []
    position = 0
    text = text.strip()
    while position < len(text) <= _MAX_LENGTH:
        match = _TOKEN.match(text, position)
        if match is None:
            return None
        tokens.append(match[1])
        position = match.end()
    if not tokens:
        return None
    found, rest = _either(tokens, 0)
    return None if rest else found


def render(expression: Expression) -> str:
    """The expression as SPDX text."""
    if isinstance(expression, str):
        return expression
    operator, operands = expression
    inner = (f"({render(o)})" if isinstance(o, tuple) else render(o) for o in operands)
    return f" {operator} ".join(inner)


def combine(operator: str, expressions: list[Expression]) -> Expression:
    """One expression of several, without doubles, in the order given."""
    unique = list(dict.fromkeys(expressions))
    return unique[0] if len(unique) == 1 else (operator, tuple(unique))


def normal_id(identifier: str) -> str:
    """The id in its own case, a deprecated GNU id as `-only` or `-or-later`."""
    gnu = _GNU.fullmatch(identifier)
    if gnu:
        return f"{gnu[1].upper()}-{gnu[2]}-{'or-later' if gnu[3] else 'only'}"
    return _CASE.get(identifier.lower(), identifier)


def judge(
    expression: Expression, leaf: Callable[[str], bool | None], *, any_of: str
) -> bool | None:
    """Whether the expression has a property that its ids have, in three-valued logic.

    Args:
        leaf: whether a single id has it, None when that is not known.
        any_of: the operator for which one operand is enough: `OR` for what a licensee may
            choose, `AND` for what binds a licensee.
    """
    if isinstance(expression, str):
        return leaf(expression)
    operator, operands = expression
    values = [judge(o, leaf, any_of=any_of) for o in operands]
    decisive = operator == any_of
    if decisive in values:
        return decisive
    return None if None in values else not decisive


def is_permissive(expression: Expression) -> bool | None:
    """Whether it can be used under permissive terms: Blue Oak Council bronze or better."""
    return judge(expression, _permissive_id, any_of="OR")


def is_copyleft(expression: Expression) -> bool | None:
    """Whether copyleft terms bind whoever uses it: no choice without them."""
    return judge(expression, _copyleft_id, any_of="AND")


def is_known(identifier: str) -> bool:
    """Whether a single id, with its exception if it has one, is one of those that are known."""
    licence, _, exception = identifier.partition(" WITH ")
    known = not exception or exception.lower() in _KNOWN_EXCEPTIONS
    return licence.rstrip("+") in KNOWN and known


def is_all_known(expression: Expression) -> bool:
    """Whether every id in an expression is known."""
    if isinstance(expression, str):
        return is_known(expression)
    return all(is_all_known(operand) for operand in expression[1])


def _permissive_id(identifier: str) -> bool | None:
    if is_known(identifier):
        return _base(identifier) in PERMISSIVE
    return None if _base(identifier) in PERMISSIVE or _base(identifier) not in KNOWN else False


def _copyleft_id(identifier: str) -> bool | None:
    return None if (base := _base(identifier)) not in KNOWN else base in COPYLEFT


def _base(identifier: str) -> str:
    """The licence of `X WITH exception` and `X+`."""
    return identifier.split(" WITH ")[0].rstrip("+")


def _either(tokens: list[str], depth: int) -> tuple[Expression | None, list[str]]:
    return _joined(tokens, "OR", lambda t: _joined(t, "AND", lambda u: _single(u, depth)))


def _joined(
    tokens: list[str],
    operator: str,
    operand: Callable[[list[str]], tuple[Expression | None, list[str]]],
) -> tuple[Expression | None, list[str]]:
    found: list[Expression] = []
    while True:
        part, tokens = operand(tokens)
        if part is None:
            return None, tokens
        found.append(part)
        if not tokens or tokens[0].upper() != operator:
            return combine(operator, found), tokens
        tokens = tokens[1:]


def _single(tokens: list[str], depth: int) -> tuple[Expression | None, list[str]]:
    if not tokens or depth > _MAX_DEPTH:
        return None, tokens
    first, tokens = tokens[0], tokens[1:]
    if first == "(":
        inner, tokens = _either(tokens, depth + 1)
        closed = bool(tokens) and tokens[0] == ")"
        return (inner, tokens[1:]) if closed else (None, tokens)
    if first == ")" or first.upper() in ("AND", "OR", "WITH"):
        return None, tokens
    found = normal_id(first)
    if len(tokens) >= 2 and tokens[0].upper() == "WITH":
        return f"{found} WITH {tokens[1]}", tokens[2:]
    return found, tokens
