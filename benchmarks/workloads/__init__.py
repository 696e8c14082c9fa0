"""The rows of the table, by name; each is described in a file of its own."""

from __future__ import annotations

from . import (
    digits,
    eager,
    imports,
    lstm,
    mlp,
    one_row,
    resnet,
    resnet_inference,
    transfer,
    transformer,
)

WORKLOADS = {
    workload.name: workload
    for workload in (
        *mlp.WORKLOADS,
        digits.WORKLOAD,
        *resnet.WORKLOADS,
        *transfer.WORKLOADS,
        resnet_inference.WORKLOAD,
        lstm.WORKLOAD,
        transformer.WORKLOAD,
        one_row.WORKLOAD,
        eager.WORKLOAD,
        imports.WORKLOAD,
    )
}
