"""What torchvision, timm and Hugging Face call the layers of these networks, as data.

Each function returns names in their files -> our layers; of two names for one layer the first is
written. Names that differ by a pattern alone stand in `saving/foreign.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

Names = dict[str, str]
# The parts of an inverted residual in timm's words: of the first, unwidened block, of all others,
# of those whose first two convolutions are one, and of those that are one convolution alone.
SEPARABLE = (("conv_dw", "depthwise"), ("bn1", "depthwise_bn"),
             ("se.conv_reduce", "reduce"), ("se.conv_expand", "widen"),
             ("conv_pw", "project"), ("bn2", "project_bn"))  # fmt: skip
RESIDUAL = (("conv_pw", "expand"), ("bn1", "expand_bn"), ("conv_dw", "depthwise"),
            ("bn2", "depthwise_bn"), ("se.conv_reduce", "reduce"), ("se.conv_expand", "widen"),
            ("conv_pwl", "project"), ("bn3", "project_bn"))  # fmt: skip
FUSED = (("conv_exp", "expand"), ("bn1", "expand_bn"), ("conv_pwl", "project"),
         ("bn2", "project_bn"))  # fmt: skip
ALONE = (("conv", "project"), ("bn1", "project_bn"))
# The same in Hugging Face's EfficientNet and MobileNet v2.
EFFICIENT = (
    ("expansion.expand_conv", "expand"), ("expansion.expand_bn", "expand_bn"),
    ("depthwise_conv.depthwise_conv", "depthwise"), ("depthwise_conv.depthwise_norm",
                                                     "depthwise_bn"),
    ("squeeze_excite.reduce", "reduce"), ("squeeze_excite.expand", "widen"),
    ("projection.project_conv", "project"), ("projection.project_bn", "project_bn"),
)  # fmt: skip
MOBILE = tuple(
    (f"{theirs}.{part}", f"{ours}{end}")
    for theirs, ours in (("expand_1x1", "expand"), ("conv_3x3", "depthwise"),
                         ("reduce_1x1", "project"))
    for part, end in (("convolution", ""), ("normalization", "_bn"))
)  # fmt: skip


def language(names: Iterable[str]) -> str:
    """Tell whose names of networks of inverted residuals a file speaks.

    Returns:
        "torch", "timm", "transformers", or "" for none of them.
    """
    heads = {re.sub(r"^(timm_)?model\.", "", name).partition(".")[0] for name in names}
    if "conv_stem" in heads:
        return "timm"
    if heads & {"efficientnet", "mobilenet_v1", "mobilenet_v2"}:
        return "transformers"
    return "torch" if "features" in heads else ""


def _parts(told: Iterable[tuple[str, str]], theirs: str, ours: Mapping[str, str]) -> Names:
    return {f"{theirs}.{part}": ours[one] for part, one in told if one in ours}


def timm(blocks: Iterable[tuple[int, int, str, Mapping[str, str]]], around: Names) -> Names:
    """Return timm's names of blocks given by stage, place, kind and our layers by their parts."""
    kinds = {"separable": SEPARABLE, "residual": RESIDUAL, "fused": FUSED, "alone": ALONE}
    names = dict(around)
    for stage, place, kind, ours in blocks:
        names |= _parts(kinds[kind], f"blocks.{stage}.{place}", ours)
    return names


def transformers_efficientnet(blocks: Iterable[Mapping[str, str]]) -> Names:
    """Return Hugging Face's names of an EfficientNet, whose blocks are counted through."""
    names = {
        "efficientnet.embeddings.convolution": "stem_conv",
        "efficientnet.embeddings.batchnorm": "stem_bn",
        "efficientnet.encoder.top_conv": "top_conv",
        "efficientnet.encoder.top_bn": "top_bn",
        "classifier": "predictions",
    }
    for i, ours in enumerate(blocks):
        names |= _parts(EFFICIENT, f"efficientnet.encoder.blocks.{i}", ours)
    return names


def mobilenet_v2(counts: Iterable[int]) -> Names:
    """Return the names of a MobileNet v2: torchvision's, timm's and Hugging Face's."""
    head = "mobilenet_v2"
    names = {"features.0.0": "Conv1", "features.0.1": "bn_Conv1", "features.18.0": "Conv_1",
             "features.18.1": "Conv_1_bn", "classifier.1": "predictions"}  # fmt: skip
    other = {"conv_stem": "Conv1", "bn1": "bn_Conv1", "conv_head": "Conv_1", "bn2": "Conv_1_bn",
             "classifier": "predictions"}  # fmt: skip
    for at, first, last in (("conv_stem.first_conv", "Conv1", "bn_Conv1"),
                            ("conv_1x1", "Conv_1", "Conv_1_bn")):  # fmt: skip
        other[f"{head}.{at}.convolution"] = first
        other[f"{head}.{at}.normalization"] = last
    for i, (stage, place) in enumerate(_places(counts)):
        name = f"block_{i}_" if i else "expanded_conv_"
        ours = {"depthwise": f"{name}depthwise", "depthwise_bn": f"{name}depthwise_BN",
                "project": f"{name}project", "project_bn": f"{name}project_BN"}  # fmt: skip
        if i:
            ours |= {"expand": f"{name}expand", "expand_bn": f"{name}expand_BN"}
        listed = (["expand"] if i else []) + ["depthwise"]
        at = f"features.{i + 1}.conv"
        for j, part in enumerate(listed):
            names |= {f"{at}.{j}.0": ours[part], f"{at}.{j}.1": ours[f"{part}_bn"]}
        names |= {f"{at}.{len(listed)}": ours["project"],
                  f"{at}.{len(listed) + 1}": ours["project_bn"]}  # fmt: skip
        other |= timm([(stage, place, "residual" if i else "separable", ours)], {})
        other |= _parts(MOBILE, f"{head}.layer.{i - 1}" if i else f"{head}.conv_stem", ours)
    return names | other


def mobilenet_v1(counts: Iterable[int]) -> tuple[Names, Names]:
    """Return the names of a MobileNet with a dense head: timm's, and Hugging Face's."""
    head = "mobilenet_v1"
    names = {"conv_stem": "conv1", "bn1": "conv1_bn", "classifier": "fc"}
    other = {f"{head}.conv_stem.convolution": "conv1",
             f"{head}.conv_stem.normalization": "conv1_bn", "classifier": "fc"}  # fmt: skip
    for i, (stage, place) in enumerate(_places(counts)):
        ours = {"depthwise": f"conv_dw_{i + 1}", "depthwise_bn": f"conv_dw_{i + 1}_bn",
                "project": f"conv_pw_{i + 1}", "project_bn": f"conv_pw_{i + 1}_bn"}  # fmt: skip
        names |= timm([(stage, place, "separable", ours)], {})
        for j, part in enumerate(("depthwise", "project")):
            at = f"{head}.layer.{2 * i + j}"
            other |= {f"{at}.convolution": ours[part],
                      f"{at}.normalization": ours[f"{part}_bn"]}  # fmt: skip
    return names, other


def _places(counts: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield stage and place of every block."""
    for stage, count in enumerate(counts):
        yield from ((stage, place) for place in range(count))


def mobilenet_v3(
    counts: Iterable[int], attentive: Iterable[bool], timm_first: bool = False
) -> Names:
    """Return the names of a MobileNet v3: torchvision's and timm's.

    Args:
        counts: how many blocks each of timm's stages has.
        attentive: of every block, whether attention is squeezed in.
        timm_first: whether timm's names are written.
    """
    squeezed = list(attentive)
    last, stages = len(squeezed) + 1, tuple(counts)
    names = {"features.0.0": "conv", "features.0.1": "conv_bn", f"features.{last}.0": "conv_1",
             f"features.{last}.1": "conv_1_bn", "classifier.0": "conv_2",
             "classifier.3": "logits"}  # fmt: skip
    other = {"conv_stem": "conv", "bn1": "conv_bn", f"blocks.{len(stages)}.0.conv": "conv_1",
             f"blocks.{len(stages)}.0.bn1": "conv_1_bn", "conv_head": "conv_2",
             "classifier": "logits"}  # fmt: skip
    for i, (stage, place) in enumerate(_places(stages)):
        name = f"expanded_conv_{i}_" if i else "expanded_conv_"
        parts = (["expand"] if i else []) + ["depthwise"]
        ours = {one + end: f"{name}{one}{end}" for one in (*parts, "project")
                for end in ("", "_bn")}  # fmt: skip
        at = f"features.{i + 1}.block"
        if squeezed[i]:
            ours |= {"reduce": f"{name}squeeze_excite_conv",
                     "widen": f"{name}squeeze_excite_conv_1"}  # fmt: skip
            names |= {f"{at}.{len(parts)}.fc1": ours["reduce"],
                      f"{at}.{len(parts)}.fc2": ours["widen"]}  # fmt: skip
        where = (*enumerate(parts), (len(parts) + squeezed[i], "project"))
        for j, part in where:
            names |= {f"{at}.{j}.0": ours[part], f"{at}.{j}.1": ours[f"{part}_bn"]}
        other |= timm([(stage, place, "residual" if i else "separable", ours)], {})
    return other | names if timm_first else names | other


def xception() -> Names:
    """Return timm's names of an Xception, without the ways past the blocks, which have no names."""
    names = {"fc": "predictions", "last_linear": "predictions"}  # the latter is Cadene's
    for i in (1, 2):
        names |= {f"conv{i}": f"block1_conv{i}", f"bn{i}": f"block1_conv{i}_bn"}
        names |= separable(f"conv{i + 2}", f"bn{i + 2}", f"block14_sepconv{i}")
    for i in range(1, 13):
        begins = 0 if i == 1 else 1  # an activation comes first in all but the first block
        for j in range(3 if 4 <= i <= 11 else 2):
            at = f"block{i}.rep"
            names |= separable(f"{at}.{begins + 3 * j}", f"{at}.{begins + 3 * j + 1}",
                               f"block{i + 1}_sepconv{j + 1}")  # fmt: skip
    return names


def separable(convolution: str, normalization: str, ours: str) -> Names:
    """Return the names of a separable convolution, whose two weights are layers elsewhere."""
    return {f"{convolution}.conv1.weight": f"{ours}/depthwise_kernel",
            f"{convolution}.pointwise.weight": f"{ours}/pointwise_kernel",
            normalization: f"{ours}_bn"}  # fmt: skip


# The ways through NASNet's cells in the words of Cadene and timm, and ours.
NORMAL = {"comb_iter_0_left": "left1", "comb_iter_0_right": "right1", "comb_iter_1_left": "left2",
          "comb_iter_1_right": "right2", "comb_iter_4_left": "left5"}  # fmt: skip
REDUCTION = {"comb_iter_0_left": "left1", "comb_iter_0_right": "right1",
             "comb_iter_1_right": "right2", "comb_iter_2_right": "right3",
             "comb_iter_4_left": "left4"}  # fmt: skip


def nasnet(blocks: int) -> Names:
    """Return Cadene's names of a NASNet, which are timm's too.

    Args:
        blocks: how many cells keep rows and columns in each of the three stages.
    """
    names = {"conv0.conv": "stem_conv1", "conv0.bn": "stem_bn1", "last_linear": "predictions"}
    names |= _cell("cell_stem_0", "reduction", "stem_1", "")
    names |= _cell("cell_stem_1", "reduction", "stem_2", "halves")
    for stage in range(3):
        if stage > 0:
            names |= _cell(f"reduction_cell_{stage - 1}", "reduction", f"reduce_{stage * blocks}",
                           "projection")  # fmt: skip
        for i in range(blocks):
            place = stage * blocks + i
            theirs = f"cell_{6 * stage + i}"  # six a stage are counted, however many there are
            names |= _cell(theirs, "normal", f"{place + (stage > 0)}",
                           "projection" if i else "halves")  # fmt: skip
    return names


def _cell(theirs: str, kind: str, ours: str, adjusted: str) -> Names:
    """Return the names of one cell; `adjusted` tells how it fits the cell before to its own."""
    names = {f"{theirs}.conv_1x1.conv": f"{kind}_conv_1_{ours}",
             f"{theirs}.conv_1x1.bn": f"{kind}_bn_1_{ours}"}  # fmt: skip
    if adjusted == "halves":
        for i in (1, 2):
            names[f"{theirs}.path_{i}.conv"] = f"adjust_conv_{i}_{ours}"
        names[f"{theirs}.final_path_bn"] = f"adjust_bn_{ours}"
    elif adjusted:
        names[f"{theirs}.conv_prev_1x1.conv"] = f"adjust_conv_projection_{ours}"
        names[f"{theirs}.conv_prev_1x1.bn"] = f"adjust_bn_{ours}"
    for way, side in (NORMAL if kind == "normal" else REDUCTION).items():
        for i in (1, 2):
            at, end = f"{theirs}.{way}.separable_{i}", f"{kind}_{side}_{ours}"
            made = f"separable_conv_{i}_{end}"
            names[f"{at}.depthwise_conv2d.weight"] = f"{made}/depthwise_kernel"
            names[f"{at}.pointwise_conv2d.weight"] = f"{made}/pointwise_kernel"
            names[f"{theirs}.{way}.bn_sep_{i}"] = f"separable_conv_{i}_bn_{end}"
    return names


def resnet_v2(depths: Iterable[int]) -> Names:
    """Return timm's names of a residual network with the normalization first."""
    names = {"stem.conv": "conv1_conv", "norm": "post_bn", "head.fc": "predictions"}
    for stage, count in enumerate(depths):
        for place in range(count):
            at, ours = f"stages.{stage}.blocks.{place}", f"conv{stage + 2}_block{place + 1}"
            names |= {f"{at}.downsample.conv": f"{ours}_0_conv", f"{at}.norm1": f"{ours}_preact_bn",
                      f"{at}.norm2": f"{ours}_1_bn", f"{at}.norm3": f"{ours}_2_bn"}  # fmt: skip
            names |= {f"{at}.conv{i}": f"{ours}_{i}_conv" for i in (1, 2, 3)}
    return names
