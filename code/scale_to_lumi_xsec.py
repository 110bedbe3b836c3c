#!/usr/bin/env python3
"""Scale a histogram to cross section times luminosity: the script of the RECAST scaling lesson.

::

    python code/scale_to_lumi_xsec.py -i selected.root -o scaled.root -p plot.pdf \
        -c 44.837 -s 6813.0258 -k 1 -f 1 -l 140.1 -g h_mjj

It is the same as ``scalesmear scale-histogram``; docs/scaling.md explains the flags.
"""

import sys

from scalesmear.cli import main

if __name__ == "__main__":
    sys.exit(main(["scale-histogram", *sys.argv[1:]]))
