"""Pictures of graphs: what is in them, that nothing overlaps, that every form can be read."""

import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import graftgrad as gg
from graftgrad.drawing import Drawing
from graftgrad.drawing.folding import folded
from graftgrad.drawing.layout import BETWEEN, arrange
from graftgrad.drawing.picture import Box, Picture
from graftgrad.errors import ConfigError
from graftgrad.tensor import Tensor


def chain(length: int, width: int = 3) -> tuple[Tensor, list[Tensor]]:
    """The loss of a residual net: h + tanh(h @ w), several times."""
    h = gg.ones(2, width)
    weights = [gg.ones(width, width, requires_grad=True) for _ in range(length)]
    for w in weights:
        h = h + (h @ w).tanh()
    return (h * h).sum(), weights


def kinds(picture: Picture) -> list[tuple[str, str]]:
    return [(box.kind, box.title) for box in picture.boxes.values()]


def test_leaves_constants_functions_and_what_they_keep() -> None:
    x, f = gg.ones(2, 4), gg.ones(3, 5)
    w = gg.ones(4, 3, requires_grad=True)
    loss = ((x @ w).tanh() @ f).sum()
    picture = gg.draw(loss, names={"w": w, "x": x, "f": f, "loss": loss}).picture
    assert kinds(picture) == [
        ("frozen", "x"), ("leaf", "w"), ("function", "MatMul"), ("function", "Tanh"),
        ("frozen", "f"), ("function", "MatMul"), ("function", "Sum"), ("output", "loss"),
    ]  # fmt: skip
    titles = {key: box.title for key, box in picture.boxes.items()}
    assert [(titles[a], titles[b]) for a, b in picture.arrows] == [
        ("x", "MatMul"), ("w", "MatMul"), ("MatMul", "Tanh"), ("Tanh", "MatMul"), ("f", "MatMul"),
        ("MatMul", "Sum"), ("Sum", "loss"),
    ]  # fmt: skip
    first, second = (box for box in picture.boxes.values() if box.title == "MatMul")
    assert first.lines == ["(2, 3) float32", "keeps a (2, 4), 32 B"]  # x, for the gradient of w
    assert second.lines == ["(2, 5) float32", "keeps b (3, 5), 60 B"]  # f, for that of tanh
    assert [box.grey for box in picture.boxes.values()].count(True) == 2
    assert "4 functions; gradients for 12 numbers in 1 leaves; 116 B kept" in picture.caption
    assert next(reversed(picture.boxes.values())).lines[1] == f"{loss.item():.6g}"


def test_what_was_freed_is_said_and_nothing_saved_on_request() -> None:
    loss, _ = chain(1)
    lines = [
        line for box in gg.draw(loss, saved=False).picture.boxes.values() for line in box.lines
    ]
    assert not any(line.startswith("keeps") for line in lines)
    loss.backward()
    lines = [line for box in gg.draw(loss).picture.boxes.values() for line in box.lines]
    assert lines.count("freed by backward") == 5


def test_a_leaf_alone_and_several_results_that_share_a_past() -> None:
    w = gg.ones(3, requires_grad=True)
    assert kinds(gg.draw(w, names={"w": w}).picture) == [("leaf", "w"), ("output", "w")]
    assert kinds(gg.draw(gg.ones(2)).picture) == [("output", "result")]
    h = w.exp()
    picture = gg.draw([h.sum(), h.mean()]).picture
    assert [title for _, title in kinds(picture)].count("Exp") == 1
    assert [kind for kind, _ in kinds(picture)].count("output") == 2


def test_a_long_chain_is_walked_without_recursion() -> None:
    x = gg.ones(2, requires_grad=True)
    y = x
    for _ in range(3000):
        y = y + 1.0
    picture = gg.draw(y.sum()).picture
    # the first belongs together with the leaf that it alone uses
    assert [box.title for box in picture.boxes.values()] == [
        "leaf", "Add", "2999 × Add", "Sum", "result"
    ]  # fmt: skip


def test_repeated_blocks_fold_and_open() -> None:
    loss, _ = chain(12)
    assert len(gg.draw(loss, fold=False).picture.boxes) == 53
    picture = gg.draw(loss).picture
    (group,) = [box for box in picture.boxes.values() if box.kind == "group"]
    assert (group.times, group.title) == (11, "11 × block of 3")  # the first has no gradient for h
    assert group.inside is not None
    assert kinds(group.inside) == [
        ("port", "in"), ("leaf", "leaf"), ("function", "MatMul"), ("function", "Tanh"),
        ("function", "Add"), ("port", "out"),
    ]  # fmt: skip
    assert "11 × block of 3" in Drawing(picture).svg()
    assert ">Tanh</text>" not in Drawing(picture).svg().partition("11 ×")[2]
    assert Drawing(picture, depth=1).svg().count(">Tanh</text>") == 2


def test_blocks_of_other_shapes_do_not_fold_together() -> None:
    h = gg.ones(2, 3)
    for size in (3, 4, 5, 6, 7, 8):
        h = (h @ gg.ones(h.shape[1], size, requires_grad=True)).tanh()
    assert all(box.kind != "group" for box in folded(gg.draw(h).picture).boxes.values())


@st.composite
def pictures(draw: st.DrawFn) -> tuple[Picture, dict[str, tuple[float, float]]]:
    """Any acyclic picture, and sizes for its boxes."""
    count = draw(st.integers(1, 14))
    picture = Picture("any")
    for i in range(count):
        picture.boxes[f"b{i}"] = Box(draw(st.sampled_from(["function", "leaf"])), f"box {i}")
    pairs = list(combinations(range(count), 2))
    for a, b in draw(st.lists(st.sampled_from(pairs), max_size=24)) if pairs else []:
        if picture.boxes[f"b{b}"].kind != "leaf":  # a leaf comes from nowhere
            picture.arrow(f"b{a}", f"b{b}")
    sizes = {key: (draw(st.floats(20, 200)), draw(st.floats(10, 60))) for key in picture.boxes}
    return picture, sizes


@given(pictures())
def test_boxes_never_overlap_and_arrows_go_down(
    made: tuple[Picture, dict[str, tuple[float, float]]],
) -> None:
    picture, sizes = made
    found = arrange(picture, sizes)
    boxes = []
    for key, (wide, high) in sizes.items():
        middle, top = found.places[key]
        boxes.append((middle - wide / 2, top, middle + wide / 2, top + high))
    for a, b in combinations(boxes, 2):
        beside = a[2] + BETWEEN <= b[0] + 1e-6 or b[2] + BETWEEN <= a[0] + 1e-6
        assert beside or a[3] < b[1] or b[3] < a[1]
    assert min(box[0] for box in boxes) >= -1e-6
    assert max(box[2] for box in boxes) <= found.width + 1e-6
    assert max(box[3] for box in boxes) <= found.height + 1e-6
    for tail, head in picture.arrows:
        path = found.paths[tail, head]
        assert all(upper[1] <= lower[1] + 1e-6 for upper, lower in pairwise(path))
        assert path[0][1] == found.places[tail][1] + sizes[tail][1]
        assert path[-1] == found.places[head]


@given(pictures())
def test_folding_loses_nothing(made: tuple[Picture, dict[str, tuple[float, float]]]) -> None:
    picture, _ = made
    before = len(picture.boxes)
    result = folded(picture, most=3)

    def count(one: Picture) -> int:
        total = 0
        for box in one.boxes.values():
            inside = 1 if box.inside is None else count(box.inside)
            total += box.times * inside if box.kind != "port" else 0
        return total

    assert count(result) == before
    assert {end for arrow in result.arrows for end in arrow} <= set(result.boxes)
    arrange(result, dict.fromkeys(result.boxes, (50.0, 20.0)))  # no circle came to be


class Links(HTMLParser):
    """Where a page's links lead, and what can be led to."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.names: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of a tag."""
        found = dict(attrs)
        self.tags.add(tag)
        if tag == "a":
            self.links.append(found["href"] or "")
        if tag == "section":
            self.names.append(found["id"] or "")


def test_every_form_is_written_and_well_formed(tmp_path: Path) -> None:
    loss, _ = chain(12)
    drawing = gg.draw(loss, names={"a < b & c": loss})
    tree = ElementTree.fromstring(drawing.save(tmp_path / "g.svg").read_text(encoding="utf-8"))
    assert tree.tag == "{http://www.w3.org/2000/svg}svg"
    assert "a < b & c" in [one.text for one in tree.iter("{http://www.w3.org/2000/svg}text")]
    page = drawing.save(tmp_path / "g.html").read_text(encoding="utf-8")
    read = Links()
    read.feed(page)
    assert len(read.names) == 2
    assert {link[1:] for link in read.links} == set(read.names)
    assert "script" not in read.tags
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    text = drawing.save(tmp_path / "g.dot").read_text(encoding="utf-8")
    assert text.startswith("digraph {")
    assert text.count("{") == text.count("}")
    image = pytest.importorskip("PIL.Image")
    with image.open(drawing.save(tmp_path / "g.png")) as opened:
        assert min(opened.size) > 100
        assert len(opened.convert("RGB").getcolors(100_000)) > 5
    assert drawing._repr_svg_() == drawing.svg()
    assert "save('graph.svg')" in repr(drawing)


def test_another_ending_is_refused_and_nothing_written(tmp_path: Path) -> None:
    loss, _ = chain(1)
    with pytest.raises(
        ConfigError, match=r"draw: the file must end in \.svg, \.html, \.dot, \.png"
    ):
        gg.draw(loss).save(tmp_path / "g.jpeg")
    assert not [*tmp_path.iterdir()]
    with pytest.raises(ConfigError, match="draw: outputs must be a tensor or several; got"):
        gg.draw([])
    with pytest.raises(ConfigError, match="draw: depth must not be negative; got depth=-1"):
        gg.draw(loss, depth=-1)


def test_drawing_keeps_nothing_alive() -> None:
    loss, weights = chain(2)
    drawing = gg.draw(loss)
    node = __import__("weakref").ref(loss.grad_fn)
    del loss, weights
    assert node() is None
    assert "MatMul" in drawing.svg()


def test_the_longest_way_goes_straight() -> None:
    """Weights make room at the side, and so do arrows that pass a block by."""
    picture = Picture()
    sizes = {}

    def box(key: str, wide: float) -> None:
        picture.boxes[key] = Box("function", key)
        sizes[key] = (wide, 30.0)

    box("x", 60)
    before = "x"
    for block in range(6):
        product, bias, total = (f"{name}{block}" for name in ("product", "bias", "total"))
        for key, wide in ((f"weight{block}", 120), (bias, 100), (product, 80), (total, 60)):
            box(key, wide)
        for tail, head in (
            (before, product), (f"weight{block}", product), (product, total), (bias, total),
            (before, total),
        ):  # fmt: skip
            picture.arrow(tail, head)
        before = total
    made = arrange(picture, sizes)
    way = [made.places[key][0] for key in picture.boxes if key[0] in "pt"]
    assert max(way) - min(way) < 80
    assert made.width < 400
