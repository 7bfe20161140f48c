"""Dense values: a number at every pixel, such as depth, or two, such as optical flow."""
