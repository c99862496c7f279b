"""Sphinx configuration."""

project = "symjax"
author = "the symjax developers"
release = "0.1.0"
extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc", "myst_parser"]
autosummary_generate = True
numpydoc_show_class_members = False
html_theme = "pydata_sphinx_theme"
html_title = "symjax"
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
nitpicky = False
