"""Lets Beam build this package for its workers (``--setup_file=./setup.py``); see setup.cfg."""

import setuptools

setuptools.setup()
