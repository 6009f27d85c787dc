"""In place of a package that compiles a grammar for two seconds in every process that imports jsonschema, which does without it."""

raise ImportError(__doc__)
