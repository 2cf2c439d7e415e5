"""Where frames come from: one file per instrument or input, each a `FrameSource`."""
