"""Notebooks and widgets as self-contained pages: a lesson that was run, and a gallery of every widget.

>>> from dlviz.export.markdown import prose
>>> prose("**bold**")
'<p><strong>bold</strong></p>\\n'
"""
