"""What a notebook shows of what was found: a module for each sort of thing, with `html` and `text`.

Everything that comes from people, their data and their errors goes through `Markup.format`, which escapes it.
"""
