"""What picozoo's networks cost against the figures to reach, against other tools, and against its own past."""
