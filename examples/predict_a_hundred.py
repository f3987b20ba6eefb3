"""Predict the latency of a hundred random architectures on one chip, with intervals, and list the five fastest.

    python examples/predict_a_hundred.py [PREDICTOR.json]

Without a predictor, one is fitted to a table that comes with chiptrack: the family `nano` on ONNX Runtime.
"""

import sys
from pathlib import Path

import numpy as np

from latency_tables.tables.shipped import find
from latency_tables.tables.table import LatencyTable
from predictors.fit import fit
from predictors.load import load_predictor
from supernet.catalogue import find_family

predictor = load_predictor(Path(sys.argv[1])) if sys.argv[1:] else fit(LatencyTable.load(find("nano-onnxruntime-fp32")))
family = find_family(predictor.family)
rng = np.random.default_rng(0)
architectures = [family.space.sample(rng) for _ in range(100)]
predicted = predictor.predict(architectures)
for i in np.argsort(predicted.value)[:5]:
    macs = family.counts(architectures[i], "search").macs
    interval = f"{predicted.low[i]:.3f} to {predicted.high[i]:.3f}"
    print(f"{predicted.value[i]:.3f} {predictor.unit} ({interval})  {macs / 1e6:.1f}M multiply-adds  {architectures[i].name}")
