"""Track a target through a video and print its box in every frame: python examples/track_video.py MODEL VIDEO X,Y,W,H."""

import sys

from supernet.deploy.loading import load_for_tracking
from tracking.boxes import parse_box
from tracking.sources import open_source
from tracking.trackers.procedure import follow

model, video, box = sys.argv[1:]
for _, result, seconds in follow(load_for_tracking(model), open_source(video).frames(), parse_box(box)):
    print(
        *result.box.round(1),
        f"score {result.score:.2f}, {1000 * seconds:.1f} ms",
        "lost" if result.lost else "doubtful" if result.doubtful else "",
    )
