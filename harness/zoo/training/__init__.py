"""How the built-in models are defined and trained; needs the extra ``train``.

::

    python -m harness.zoo.training NAME --out DIR
    python -m harness.zoo.training.measure MODEL --folder DIR

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
=============  =============================  =========================  ====================

What was seen of it: the committed weights are what one run of these commands left, in 5 to 20 minutes
on two cores each. Further runs reached, beside the recorded metric: segmentation .607 and .620
(recorded .625). The classifier needs its 200,000 images: 90,000 gave .754 instead of .912.

The networks on a MobileNetV2 see the image halved (2x2 averages, part of the exported graph): a
quarter of the work, and strokes are thick enough.
"""
