import dataclasses

import pytest
from test_measure import NANO, measured  # noqa: F401

from latency_tables.networks import draw
from latency_tables.remeasure import check_at_hand, measure_networks
from supernet.families import FAMILIES
