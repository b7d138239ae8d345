"""The only room that speaks CUDA: memory, copies, streams, events and graphs of one GPU."""
