"""VOT2019 (short term, with restarts).

Source: Kristan et al., The Seventh Visual Object Tracking VOT2019 Challenge Results; the bounds of the expected average overlap, 46 and
291 frames, and 15 repetitions are those of vot-toolkit, stack/vot2019/shortterm.yaml.
"""

from tracking.benchmarks.vot.supervised import Supervised

VOT2019 = Supervised("vot2019", low=46, high=291)
