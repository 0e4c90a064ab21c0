"""Other people's code in a repository, by its path: package folders, well-known libraries."""

from __future__ import annotations

import posixpath
import re

# Folders that package managers and Linguist's vendor.yml hold for other people's code.
FOLDERS = frozenset(
    """
    vendor vendors vendored _vendor node_modules bower_components bower-libs jspm_packages
    web_modules third_party third-party thirdparty 3rdparty 3rd_party third_parties site-packages
    dist-packages Pods Carthage Godeps extern external externals deps _deps subprojects cdn
    cdnjs.cloudflare.com .yarn .venv virtualenv
    """.split()
)
_ANY_CASE = frozenset({"thirdparty", "third_party", "third-party", "3rdparty", "3rd_party"})
# Names under which a library is copied into a project: with a version, or a distribution's.
_LIBRARIES = r"""
    jquery bootstrap angular ember backbone underscore lodash mootools prototype dojo d3 three vue
    react react-dom moment leaflet modernizr knockout handlebars mustache require requirejs
    highlight prettify codemirror ace raphael mathjax katex foundation normalize font-awesome
    fontawesome select2 chosen fancybox tinymce ckeditor html5shiv respond swfobject sizzle qunit
    jasmine mocha chai sinon zepto hammer socket\.io p5 plotly chart highcharts openlayers ol
    datatables gsap velocity popper tether slick swiper video polyfill es6-promise core-js animate
    semantic materialize bulma tailwind glyphicons uikit typeahead parsley pdf url-polyfill
    """.split()
_VARIANTS = """
    min slim pack bundle all core src dev debug latest esm umd prod production theme responsive
    markercluster full pkgd global runtime
    """.split()
_LIBRARY = re.compile(
    rf"(?:jquery[.-][\w.-]+|(?:{'|'.join(_LIBRARIES)})"
    rf"(?:[.-](?:v?\d[\w.]*|{'|'.join(_VARIANTS)}))+)\.(?:js|mjs|cjs|css|map)",
    re.I,
)
_NAMES = frozenset(
    """
    catch.hpp doctest.h sqlite3.c sqlite3.h stb_image.h stb_image_write.h stb_truetype.h
    uthash.h json.hpp miniz.c miniz.h lodepng.cpp lodepng.h tinyxml2.cpp tinyxml2.h pugixml.cpp
    pugixml.hpp cjson.c cjson.h khash.h getopt.c xxhash.h xxhash.c httplib.h cxxopts.hpp
    argparse.hpp magic_enum.hpp gtest-all.cc gmock-gtest-all.cc jquery.js jquery.min.js qunit.js
    qunit.css html5shiv.js bootstrap.css bootstrap.js normalize.css font-awesome.css ez_setup.py
    distribute_setup.py get-pip.py versioneer.py modernizr.js prettify.js respond.js sizzle.js
    require.js
    """.split()
)


def is_vendored(path: str, repository: str = "") -> bool:
    """Whether the path is that of code which others wrote and maintain elsewhere.

    Args:
        path: posix path in the repository.
        repository: its name: a library's own files are not vendored.
    """
    return folder_of(path) is not None or is_library(path, repository)


def folder_of(path: str) -> str | None:
    """The nearest folder above a file that is kept for other people's code, or None.

    What stands above it says nothing about the terms of what lies in it, not even where it is
    other people's code itself, which keeps in `node_modules` that of yet others.
    """
    steps = posixpath.dirname(path).split("/")
    last = max((k for k, step in enumerate(steps) if _is_vendor(step)), default=None)
    return None if last is None else "/".join(steps[: last + 1])


def _is_vendor(step: str) -> bool:
    return step in FOLDERS or step.lower() in _ANY_CASE


def is_library(path: str, repository: str = "") -> bool:
    """Whether the name of a file is that of a well-known library copied into a project."""
    name = posixpath.basename(path)
    own = repository.lower().split("/")[-1].removesuffix(".js")
    if own and name.lower().startswith(own):
        return False
    return name.lower() in _NAMES or _LIBRARY.fullmatch(name) is not None
