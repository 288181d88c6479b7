"""php-cgi for nginx: `serve.py ADDRESS`."""

import os
import sys
from pathlib import Path

from gateway_zoo.serving.fcgiwraps import run

os.environ["PHPRC"] = str(Path(__file__).parent)  # fcgiwrap hands its environment to the programs it starts
run(sys.argv[1])
