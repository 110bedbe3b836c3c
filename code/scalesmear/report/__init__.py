"""The report: what was derived, whether data and simulation agree now, and what it was made from.

Nothing here reads a file: `cli.report` reads, this package turns frozen results into figures, tables,
a page and a plain-text summary.
"""
