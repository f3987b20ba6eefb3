"""VOT without restarts, on the sequences of any year: the mean overlap of a tracker that is started once.

Source: vot-toolkit 0.9, experiment `unsupervised` of stack/vot2018/shortterm.yaml and stack/vot2019/shortterm.yaml.
"""

from tracking.benchmarks.vot.unsupervised import Unsupervised

VOT_UNSUPERVISED = Unsupervised()
