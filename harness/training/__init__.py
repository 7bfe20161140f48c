"""How the built-in models are defined and trained; needs the extra ``train``.

::

    python -m harness.training NAME --out DIR
    python -m harness.training.measure MODEL --folder DIR

One command trains one model by its recorded plan: its image sizes by progress, what it starts from
(``WARM``: nothing, or a model that is built in already, whose weights are read back out of its IR) and
how many images it sees (``IMAGES``). ``--minutes`` bounds it by time instead, ``--images`` by images,
``--warm`` starts from another built-in model or a checkpoint. Scenes and weights are drawn from fixed
seeds; two workers that share their weights without locks make a training repeat within noise, not bit
for bit.

=============  =============================  =========================  ====================
name           model                          starts from                trained
=============  =============================  =========================  ====================
classifier     digits-mobilenet-v2            nothing                    everything
detector       digits-ssd-mobilenet-v2        digits-mobilenet-v2        all but four blocks
yolo           digits-yolo-v4-tiny            nothing                    everything
masks          digits-instance-segmentation   digits-ssd-mobilenet-v2    the mask head
segmentation   digits-segmentation            digits-ssd-mobilenet-v2    the segmentation head
restoration    digits-restoration             nothing                    everything
keypoints      digits-keypoints               nothing                    everything
text           digits-text                    nothing                    everything
depth          digits-depth                   nothing                    everything
embedding      digits-embedding               nothing                    everything
attributes     digits-attributes              nothing                    everything
=============  =============================  =========================  ====================

What was seen of it: the committed weights are what one run of each command left, in 1 to 20 minutes
on two cores (of ``embedding`` two runs, the second with ``--warm`` from the first's checkpoint). Run again from the same weights, masks reached AP .661 (recorded .662) and segmentation a
mean IoU of .676 (recorded .677); the others were run once so. What a training starts from matters more
than its noise: the detector reached .68 from a classifier of .84, and .72 from the recorded one.

The networks on a MobileNetV2 see the image halved (2x2 averages, part of the exported graph): a
quarter of the work, and strokes are thick enough.
"""
