"""`python -m gateway_zoo.keeper [EXHIBIT…]`: the keeper itself."""

import sys

from gateway_zoo.keeper.supervisor import main

sys.exit(main())
