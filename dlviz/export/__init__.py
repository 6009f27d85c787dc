"""Notebooks and widgets as self-contained pages: executed lessons and the gallery.

>>> from dlviz.export.markdown import markdown_to_html
>>> markdown_to_html("**bold**")
'<p><strong>bold</strong></p>\\n'
"""
