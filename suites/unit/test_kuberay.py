"""The example for KubeRay: pods as Kubernetes knows them, the rest as KubeRay does, and our own words right."""

from __future__ import annotations

import copy
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from quantgate.fleet.ray_nodes import SPEED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "ci" / "kuberay.yaml").read_text("utf-8")
JOB: dict[str, Any] = yaml.safe_load(TEXT)
SCHEMA = json.loads((Path(__file__).parent / "formats" / "rayjob.schema.json").read_text("utf-8"))


def groups(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the group of the head, then those of workers."""
    cluster = job["spec"]["rayClusterSpec"]
    yield cluster["headGroupSpec"]
    yield from cluster["workerGroupSpecs"]


def check(job: dict[str, Any]) -> None:
    """Validate a job: what is KubeRay's, and each pod as one of Kubernetes."""
    jsonschema.validate(job["spec"], SCHEMA)
    for group in groups(job):
        named = {"metadata": {"name": "pod"}} | group["template"]
        pod = {"apiVersion": "v1", "kind": "Pod"} | named
        pod["metadata"] = {"name": "pod"} | pod["metadata"]
        kubernetes_validate.validate(pod, kubernetes_validate.latest_version(), strict=True)


def test_the_example_is_valid() -> None:
    """Every key of every table is known, and of its type."""
    assert (JOB["apiVersion"], JOB["kind"]) == ("ray.io/v1", "RayJob")
    check(JOB)


def _key_of_a_group(job: dict[str, Any]) -> None:
    job["spec"]["rayClusterSpec"]["workerGroupSpecs"][1]["rayStartParameters"] = {}


def _number_as_parameter(job: dict[str, Any]) -> None:
    job["spec"]["rayClusterSpec"]["headGroupSpec"]["rayStartParams"]["num-cpus"] = 0


def _no_replicas(job: dict[str, Any]) -> None:
    del job["spec"]["rayClusterSpec"]["workerGroupSpecs"][0]["maxReplicas"]


def _key_of_a_pod(job: dict[str, Any]) -> None:
    next(groups(job))["template"]["spec"]["nodeSelectors"] = {}


def _port_of_a_container(job: dict[str, Any]) -> None:
    next(groups(job))["template"]["spec"]["containers"][0]["ports"] = [{"containerPort": "ssh"}]


@pytest.mark.parametrize(
    "plant",
    [_key_of_a_group, _number_as_parameter, _no_replicas, _key_of_a_pod, _port_of_a_container],
)
def test_a_mistake_in_it_is_found(plant: Callable[[dict[str, Any]], None]) -> None:
    """A key that is not there, a value of another type, and one that is missing: KubeRay's and Kubernetes' own."""
    job = copy.deepcopy(JOB)
    plant(job)
    with pytest.raises((jsonschema.ValidationError, kubernetes_validate.ValidationError)):
        check(job)


def test_one_group_alone_judges_speed() -> None:
    """By the resource that the fleet looks for, one pod a host, in cores of its own; all run one image and one Ray."""
    resources = [group["rayStartParams"].get("resources") for group in groups(JOB)]
    declared = [json.loads(json.loads(said)) for said in resources if said]
    (speed,) = (group for group in groups(JOB) if group["rayStartParams"].get("resources"))
    own = speed["template"]["spec"]
    (apart,) = own["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    containers = [one for group in groups(JOB) for one in group["template"]["spec"]["containers"]]

    assert declared == [{SPEED: 1}]
    assert apart["labelSelector"]["matchLabels"] == speed["template"]["metadata"]["labels"]
    assert apart["topologyKey"] == "kubernetes.io/hostname"
    for container in containers:
        assert container["resources"]["requests"] == container["resources"]["limits"]
        assert int(container["resources"]["limits"]["cpu"]) >= 2
    assert len({one["image"] for one in containers}) == 1
    assert f"rayproject/ray:{JOB['spec']['rayClusterSpec']['rayVersion']}-" in TEXT


def test_what_its_command_reads_and_writes_is_mounted() -> None:
    """The manifest and its images on every pod, and a folder for reports on the one that writes them."""
    words = shlex.split(JOB["spec"]["entrypoint"])
    mounted = [
        {one["mountPath"]: one.get("readOnly", False) for one in container["volumeMounts"]}
        for group in groups(JOB)
        for container in group["template"]["spec"]["containers"]
    ]

    assert words[:3] == ["quantgate", "gate", "/data/models.toml"]
    assert words[-2:] == ["--reports", "/reports"]
    assert mounted == [{"/data": True, "/reports": False}, {"/data": True}, {"/data": True}]
