"""Values as requests write them: ids, dates, rich text, lists, options and formulas.

Nothing here needs the stored objects.
"""
