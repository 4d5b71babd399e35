"""The examples of clusters in docs/examples: by the schemas of KubeRay and Ray, and their commands.

Ray brings the packages that read YAML and check schemas.
"""

from __future__ import annotations

import copy
import json
import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest

from support import ROOT
from w2v.cli.main import main
from w2v.config import Config

ray = pytest.importorskip("ray", reason="ray is in the extra ray")
jsonschema = pytest.importorskip("jsonschema")
yaml = pytest.importorskip("yaml")

KUBERAY = ROOT / "docs" / "examples" / "kuberay.yaml"
AWS = ROOT / "docs" / "examples" / "aws.yaml"


def record(*required: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def list_of(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": 1}


def map_of(*types: str) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": {"type": list(types)}}


TEXT, COUNT, YES = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
AMOUNTS = map_of("integer", "string")
CONTAINER = record(
    "name",
    name=TEXT,
    image=TEXT,
    resources=record(requests=AMOUNTS, limits=AMOUNTS),
    volumeMounts=list_of(record("mountPath", "name", mountPath=TEXT, name=TEXT)),
)
VOLUME = record("name", name=TEXT, persistentVolumeClaim=record("claimName", claimName=TEXT))
POD = record(spec=record("containers", containers=list_of(CONTAINER), volumes=list_of(VOLUME)))
WORKERS = record(
    *("groupName", "maxReplicas", "minReplicas", "template"),
    groupName=TEXT,
    replicas=COUNT,
    minReplicas=COUNT,
    maxReplicas=COUNT,
    rayStartParams=map_of("string"),
    template=POD,
)
# The parts of KubeRay's RayJob, version ray.io/v1, that the example uses. From the definition of
# KubeRay 1.7.0 (ray-operator/config/crd/bases/ray.io_rayjobs.yaml, Apache 2.0), by the whole of
# which the example was checked too. It is much too long to be here.
RAY_JOB = record(
    "spec",
    apiVersion={"const": "ray.io/v1"},
    kind={"const": "RayJob"},
    metadata=record("name", name=TEXT),
    spec=record(
        entrypoint=TEXT,
        shutdownAfterJobFinishes=YES,
        ttlSecondsAfterFinished=COUNT,
        rayClusterSpec=record(
            "headGroupSpec",
            rayVersion=TEXT,
            headGroupSpec=record("template", rayStartParams=map_of("string"), template=POD),
            workerGroupSpecs=list_of(WORKERS),
        ),
    ),
)


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def options_of(command: str) -> dict[str, Any]:
    """Return the options of a command line of w2v, which it must accept."""
    program, name, *arguments = shlex.split(command)
    assert (program, name) == ("w2v", "train")
    with click.Context(main) as context:
        return main.commands[name].make_context(name, arguments, parent=context).params


def test_the_job_has_the_schema_of_kuberay():
    job = read(KUBERAY)
    jsonschema.validate(job, RAY_JOB)
    for wrong in ("replica", "minReplicas"):
        other = copy.deepcopy(job)
        group = other["spec"]["rayClusterSpec"]["workerGroupSpecs"][0]
        group[wrong] = "4"
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(other, RAY_JOB)


def test_the_job_keeps_all_machines_busy_and_shows_them_the_corpus():
    spec = read(KUBERAY)["spec"]
    cluster = spec["rayClusterSpec"]
    (group,) = cluster["workerGroupSpecs"]
    pods = [cluster["headGroupSpec"]["template"]["spec"], group["template"]["spec"]]
    options = options_of(spec["entrypoint"])
    (corpus,) = options["corpus"]
    for pod in pods:
        (container,) = pod["containers"]
        (mount,) = container["volumeMounts"]
        assert corpus.startswith(mount["mountPath"] + "/")
        assert [volume["name"] for volume in pod["volumes"]] == [mount["name"]]
        assert container["resources"]["requests"] == container["resources"]["limits"]
    assert len({pod["containers"][0]["image"] for pod in pods}) == 1
    cores = int(pods[1]["containers"][0]["resources"]["limits"]["cpu"])
    assert options["shards"] == group["replicas"] * cores
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"


def test_the_cluster_on_aws_has_the_schema_of_ray():
    cluster = read(AWS)
    schema = json.loads(
        (Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text(encoding="utf-8")
    )
    jsonschema.validate(cluster, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**cluster, "max_worker": 4}, schema)
    assert set(cluster["available_node_types"]) == {cluster["head_node_type"], "worker"}


def test_the_cluster_on_aws_keeps_all_machines_busy():
    cluster = read(AWS)
    workers = cluster["available_node_types"]["worker"]
    (command,) = re.findall(r"ray exec aws.yaml '(w2v .*)'", AWS.read_text(encoding="utf-8"))
    assert workers["min_workers"] == workers["max_workers"] == cluster["max_workers"]
    assert options_of(command)["shards"] == workers["min_workers"] * workers["resources"]["CPU"]


@pytest.mark.parametrize("path", [KUBERAY, AWS], ids=lambda path: path.stem)
def test_examples_stay_within_the_limits_of_w2v(path):
    for shards in re.findall(r"--shards (\d+)", path.read_text(encoding="utf-8")):
        Config(ray="auto", shards=int(shards))
