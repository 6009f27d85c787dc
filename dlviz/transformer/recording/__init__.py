"""How attention calls are found while a module runs, and brought into one form."""
