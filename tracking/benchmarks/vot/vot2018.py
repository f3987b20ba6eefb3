"""VOT2018 (short term, with restarts), which shares its sequences and constants with VOT2017.

Source: Kristan et al., The sixth Visual Object Tracking VOT2018 challenge results; the bounds of the expected average overlap, 100 and
356 frames, and 15 repetitions are those of vot-toolkit, stack/vot2018/shortterm.yaml.
"""

from tracking.benchmarks.vot.supervised import Supervised

VOT2018 = Supervised("vot2018", low=100, high=356)
