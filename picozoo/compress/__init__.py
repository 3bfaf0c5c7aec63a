"""Making programs smaller: ranges from calibration data, and quantisation."""
