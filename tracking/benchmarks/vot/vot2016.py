"""VOT2016 (short term, with restarts).

Source: Kristan et al., The Visual Object Tracking VOT2016 Challenge Results; the bounds of the expected average overlap, 108 and 371
frames, are those of pysot-toolkit.
"""

from tracking.benchmarks.vot.supervised import Supervised

VOT2016 = Supervised("vot2016", low=108, high=371)
