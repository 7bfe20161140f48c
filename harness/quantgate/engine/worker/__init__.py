"""A separate process for everything that compiles, infers, quantizes or times.

Native code can crash, hang or be killed for its memory. There it takes this process alone: one model is
broken, and the run goes on with a fresh one. `client` is the side of the run, `process` the other one.
"""
