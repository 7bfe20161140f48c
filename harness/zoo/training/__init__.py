"""How the built-in models are defined and trained; needs the extra ``train``.

::

    python -m harness.zoo.training classifier --out DIR
    python -m harness.zoo.training detector --out DIR --warm DIR/digits-mobilenet-v2.pt
    python -m harness.zoo.training.measure digits-mobilenet-v2 --folder DIR

The networks see the image halved (2x2 averages, part of the exported graph): a quarter of the
work, and strokes are thick enough. The committed weights were made in several runs, each started
from the one before (``--warm``) at another image size; ``IMAGES`` in each module is their sum.
``segmentation`` and ``restoration`` are defined and can be trained; no weights of theirs are built
in yet.
"""
