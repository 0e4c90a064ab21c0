"""What words in class, id, role and itemprop say about an element, as 64 groups.

The groups were written by hand from what web pages and their themes use, in English and a few
other languages; which group speaks for or against main text is learned, not stated here.
"""

from __future__ import annotations

import numpy as np

GROUPS = {
    "article": (
        "article articles artikel post story entry blogpost news beitrag articulo storybody "
        "hentry posting"
    ),
    "content": (
        "content body text copy inhalt contenu contenido txt richtext prose maintext "
        "fulltext texte texto conteudo"
    ),
    "main": "main primary mainbody maincontent hauptinhalt principal center",
    "comment": (
        "comment comments disqus respond reply replies kommentar kommentare commentlist "
        "livefyre comentarios comentario commentaires commentaire fbcomments remark"
    ),
    "nav": (
        "nav navigation navbar menu submenu topnav megamenu menue navi navigations menubar "
        "mainnav skip skiplink offcanvas drawer hamburger"
    ),
    "header": "header masthead head topbar kopf kopfzeile top brand branding logo siteheader",
    "footer": "footer foot bottom colophon fuss footnav fusszeile sitefooter contentinfo",
    "copyright": "copyright imprint impressum legal disclaimer terms rights datenschutz",
    "sidebar": (
        "sidebar side aside rail complementary seitenleiste secondary sidebox rightcol "
        "leftcol rightcolumn marginal"
    ),
    "widget": "widget widgets module modul block box panel portlet gadget",
    "related": (
        "related recommend recommended recommendations similar also weitere verwandte recirc "
        "recirculation outbrain taboola zergnet crosslink crosslinks ligatus plista"
    ),
    "more": (
        "more read readmore next prev previous trending popular mostread latest recent "
        "mehr suite viral newest upnext ticker"
    ),
    "teaser": "teaser teasers headlines promo promos card cards tile tiles snippet stack",
    "list": (
        "list lists grid items item feed archive listing index loop results result directory "
        "collection masonry"
    ),
    "share": (
        "share sharing social facebook twitter addthis sharedaddy pinterest whatsapp follow "
        "tweet like linkedin instagram sharebar addtoany sns bookmark bookmarks shariff"
    ),
    "advert": (
        "ad ads advert adverts advertisement adsense sponsor sponsored promoted promotion "
        "anzeige werbung commercial dfp gpt adbox adslot advertising banner banners "
        "doubleclick native pub publicidad reklama affiliate"
    ),
    "meta": (
        "meta byline dateline info infos credit credits postmeta details data infoline "
        "submitted attribution source quelle"
    ),
    "date": (
        "date time timestamp published datum pubdate updated posted modified datetime fecha "
        "entrydate"
    ),
    "author": (
        "author authors autor autoren writer bio vcard contributor reporter journalist fn "
        "byauthor auteur"
    ),
    "about": (
        "about profile company contact kontakt address boilerplate organization press member team"
    ),
    "title": (
        "title headline heading titel hed subtitle subhead subheadline überschrift headings "
        "titre titulo headlines"
    ),
    "lead": (
        "lead lede dek standfirst kicker summary excerpt description intro introduction deck "
        "abstract vorspann chapo teasertext subline synopsis entradilla"
    ),
    "caption": "caption figcaption legend bildunterschrift imagecaption credits photocredit bu",
    "image": (
        "image images photo photos img picture pictures gallery slideshow carousel media "
        "foto fotos bild bilder lightbox slider thumbnail thumb thumbnails figure swiper "
        "slide slides fotostrecke"
    ),
    "video": (
        "video videos player audio jwplayer embed podcast youtube vimeo iframe brightcove playlist"
    ),
    "newsletter": (
        "newsletter subscribe subscription signup mailchimp optin subscriber mailing abonnieren abo"
    ),
    "login": (
        "login signin register account registration user paywall premium members logout password"
    ),
    "cookie": "cookie cookies consent gdpr privacy dsgvo cmp",
    "modal": (
        "modal popup overlay dialog alert notice toast hint message warning lightboxes "
        "tooltip notification notifications"
    ),
    "tags": (
        "tag tags categories category topic topics keywords taxonomy filed schlagworte "
        "tagcloud tagged kategorie kategorien etiquetas cat"
    ),
    "breadcrumb": "breadcrumb breadcrumbs crumb crumbs breadcrumbtrail path pfad",
    "pager": (
        "pagination pager page pages paging nextpage pagelinks pagenav pagenavi navlinks postnav"
    ),
    "search": "search filter sort suche searchform searchbox recherche buscar query",
    "tools": (
        "tools toolbar actions action buttons button btn print controls icon icons utility "
        "utilities drucken tool cta link links download downloads"
    ),
    "rating": (
        "rating ratings vote votes stars counter views likes score poll survey umfrage "
        "reactions reaction"
    ),
    "quote": "quote blockquote pullquote citation quotes zitat testimonial testimonials",
    "toc": "toc contents tableofcontents inhaltsverzeichnis outline",
    "code": (
        "code highlight syntax prettyprint hljs syntaxhighlighter crayon highlighter sourcecode"
    ),
    "paragraph": (
        "paragraph para absatz paragraphs textblock bodytext richtextblock storytext "
        "articletext contentbody articlebody entrycontent postcontent postbody"
    ),
    "hidden": (
        "hidden hide sr visually screenreader offscreen invisible noprint hiddentext "
        "visuallyhidden none collapse collapsed accessibility only"
    ),
    "footnote": (
        "footnote footnotes references reflist notes bibliography endnote endnotes fussnote "
        "fussnoten ref refs"
    ),
    "forum": (
        "thread threads forum forums answer answers question questions postbit posts "
        "discussion discussions bbcode bbwrapper signature answercell postcell messagebody "
        "postbitlegacy postprofile postarea topicpost forumpost threadpost"
    ),
    "product": (
        "product products price prices shop cart buy basket sku specification specifications "
        "specs variant checkout store produkt produkte preis warenkorb offer deal"
    ),
    "review": "review reviews reviewbody bewertung bewertungen avis",
    "edit": "edit editsection mw toolbox wiki wikitable infobox navbox hatnote catlinks",
    "language": (
        "lang language languages country region locale sprache translate translation langs flag"
    ),
    "layout": (
        "container wrapper wrap layout column columns col row inner outer clearfix section "
        "area region holder group"
    ),
    "left": "left",
    "right": "right",
    "event": ("event events calendar schedule kalender termin termine weather wetter traffic"),
    "person": "avatar username reputation userinfo profilecard gravatar signature member",
    "job": "job jobs career stellenangebote classifieds immobilien",
    "form": "form input field fieldset label textarea submit checkbox captcha contactform wpcf7",
    "live": "live liveblog ticker update updates breaking",
    "table": "table tabelle infotable datatable chart graphic infographic",
    "faq": "faq accordion tabs tab toggle expand expandable",
    "app": "app apps appstore badge",
    "donate": "donate donation support spenden spende patreon contribute",
    "step": "step steps instruction instructions recipe ingredients ingredient directions zutaten",
    "start": "start home homepage front frontpage landing",
    "fact": "fact facts box factbox hintergrund sidebarbox kasten",
    "end": "end after below postfooter entryfooter",
    "begin": "before above entryheader postheader pageheader",
    "series": "series serie dossier special edition issue ausgabe chapter",
}
NAMES = tuple(GROUPS)
GROUP = {name: i for i, name in enumerate(NAMES)}
assert len(NAMES) == 64, "one bit each"

BASIS, PRIME = 2166136261, 16777619  # FNV-1a, 32 bits
SLOT_BITS = 12


def word_hash(word: str) -> int:
    """FNV-1a of the lower-case bytes, as the tokenizer computes it."""
    h = BASIS
    for byte in word.encode():
        h = (h ^ byte) * PRIME & 0xFFFFFFFF
    return h


def _slots() -> tuple[np.ndarray, np.ndarray]:
    """Open addressing: hashes uint32 and masks of groups uint64, both [2 ** SLOT_BITS]."""
    masks: dict[int, int] = {}
    for group, words in GROUPS.items():
        for word in words.split():
            h = word_hash(word)
            masks[h] = masks.get(h, 0) | 1 << GROUP[group]
    hashes = np.zeros(1 << SLOT_BITS, np.uint32)
    values = np.zeros(1 << SLOT_BITS, np.uint64)
    for h, mask in masks.items():
        slot = h >> 32 - SLOT_BITS
        while hashes[slot]:
            slot = (slot + 1) % len(hashes)
        hashes[slot], values[slot] = h, mask
    return hashes, values


WORD_HASHES, WORD_MASKS = _slots()
