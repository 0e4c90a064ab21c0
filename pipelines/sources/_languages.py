"""Language codes: whatever a document says, as its BCP 47 primary subtag.

BCP 47 (RFC 5646, section 2.2.1) takes the shortest ISO 639 code: `en` where there is one of
two letters, else the one of three. The table is ISO 639-1 with the terminological and the
bibliographic codes of ISO 639-2.
"""

from __future__ import annotations

import re

_PAIRS = """
aar:aa abk:ab afr:af aka:ak alb:sq amh:am ara:ar arg:an arm:hy asm:as ava:av ave:ae aym:ay
aze:az bak:ba bam:bm baq:eu bel:be ben:bn bih:bh bis:bi bod:bo bos:bs bre:br bul:bg bur:my
cat:ca ces:cs cha:ch che:ce chi:zh chu:cu chv:cv cmn:zh cor:kw cos:co cre:cr cym:cy cze:cs
dan:da deu:de div:dv dut:nl dzo:dz ell:el eng:en epo:eo est:et eus:eu ewe:ee fao:fo fas:fa
fij:fj fin:fi fra:fr fre:fr fry:fy ful:ff geo:ka ger:de gla:gd gle:ga glg:gl glv:gv gre:el
grn:gn guj:gu hat:ht hau:ha heb:he her:hz hin:hi hmo:ho hrv:hr hun:hu hye:hy ibo:ig ice:is
ido:io iii:ii iku:iu ile:ie ina:ia ind:id ipk:ik isl:is ita:it jav:jv jpn:ja kal:kl kan:kn
kas:ks kat:ka kau:kr kaz:kk khm:km kik:ki kin:rw kir:ky kom:kv kon:kg kor:ko kua:kj kur:ku
lao:lo lat:la lav:lv lim:li lin:ln lit:lt ltz:lb lub:lu lug:lg mac:mk mah:mh mal:ml mao:mi
mar:mr may:ms mkd:mk mlg:mg mlt:mt mon:mn mri:mi msa:ms mya:my nau:na nav:nv nbl:nr nde:nd
ndo:ng nep:ne nld:nl nno:nn nob:nb nor:no nya:ny oci:oc oji:oj ori:or orm:om oss:os pan:pa
per:fa pli:pi pol:pl por:pt pus:ps que:qu roh:rm ron:ro rum:ro run:rn rus:ru sag:sg san:sa
sin:si slk:sk slo:sk slv:sl sme:se smo:sm sna:sn snd:sd som:so sot:st spa:es sqi:sq srd:sc
srp:sr ssw:ss sun:su swa:sw swe:sv tah:ty tam:ta tat:tt tel:te tgk:tg tgl:tl tha:th tib:bo
tir:ti ton:to tsn:tn tso:ts tuk:tk tur:tr twi:tw uig:ug ukr:uk urd:ur uzb:uz ven:ve vie:vi
vol:vo wel:cy wln:wa wol:wo xho:xh yid:yi yor:yo zha:za zho:zh zul:zu
"""
THREE_TO_TWO = dict(pair.split(":") for pair in _PAIRS.split())
TWO_LETTER = frozenset(THREE_TO_TWO.values())
# Names as book headers write them ("Language: English").
_NAMES = """
afrikaans:af albanian:sq amharic:am arabic:ar armenian:hy basque:eu bengali:bn bulgarian:bg
catalan:ca cherokee:chr chinese:zh coptic:cop croatian:hr czech:cs danish:da dutch:nl english:en
esperanto:eo estonian:et finnish:fi french:fr galician:gl german:de greek:el gujarati:gu
hebrew:he hindi:hi hungarian:hu icelandic:is irish:ga italian:it japanese:ja korean:ko latin:la
norwegian:no persian:fa polish:pl portuguese:pt romanian:ro russian:ru serbian:sr slovak:sk
slovenian:sl spanish:es swahili:sw swedish:sv syriac:syr tagalog:tl thai:th turkish:tr
ukrainian:uk vietnamese:vi welsh:cy xhosa:xh yiddish:yi zulu:zu
"""
NAMES = dict(pair.split(":") for pair in _NAMES.split())
# ISO 639-2's codes for "no one language": they say nothing about which.
_NONE = frozenset({"und", "mul", "mis", "zxx"})


def primary(tag: str | None) -> str | None:
    """`eng`, `en-US` and `EN_gb` are `en`, `English` too; None for what is no language tag.

    A code of two letters must be in ISO 639-1, one of three is taken as it is.
    """
    if not tag:
        return None
    tag = tag.strip().lower()
    if tag in NAMES:
        return NAMES[tag]
    if not re.fullmatch(r"[a-z]{2,3}([-_][a-z0-9]{1,8})*", tag):
        return None
    code = re.split("[-_]", tag)[0]
    code = THREE_TO_TWO.get(code, code)
    return None if code in _NONE or (len(code) == 2 and code not in TWO_LETTER) else code


def of_path(path: str) -> str | None:
    """The language that a folder of the path names: `pages.de/a.md`, `pt-BR/a.md`; else None.

    Only folders that are, or end after a dot in, a two-letter code with an optional region
    count; the innermost one wins.
    """
    for folder in reversed(path.split("/")[:-1]):
        match = re.fullmatch(r"(?:.*\.)?([a-z]{2})(?:[-_][A-Za-z]{2,4})?", folder)
        if match and match[1] in TWO_LETTER:
            return match[1]
    return None
