"""The graph of Q = Σ (a³ − b²), step by step: built while it runs, walked from root to leaves.

python examples/first_gradient.py
"""

import graftgrad as gg

# Two leaves. requires_grad=True asks for gradients with respect to them.
a = gg.tensor([2.0, 3.0], requires_grad=True)
b = gg.tensor([6.0, 4.0], requires_grad=True)

# Every operation computes at once and leaves a node behind; nothing is compiled.
cube = a**3
square = b**2
difference = cube - square
q = difference.sum()
print("a³ =", cube)
print("b² =", square)
print("Q  =", q, "\n")

# The nodes form a directed acyclic graph: the root is Q, the leaves are a and b.
print("The graph, from the root to the leaves:")


def show(node: object, depth: int = 1) -> None:
    """Print a node and what it came from."""
    leaf = getattr(node, "variable", None)
    kept = ", ".join(name for name, _ in getattr(node, "kept_arrays", list)())
    note = f"  leaf {leaf.tolist()}" if leaf is not None else f"  keeps {kept}" if kept else ""
    print("   " * depth + str(getattr(node, "name", node)) + note)
    for parent, _ in node.next_functions:  # type: ignore[attr-defined]
        if parent is not None:
            show(parent, depth + 1)


show(q.grad_fn)

# The same graph as a picture, which a notebook shows by itself: leaves in blue, arrows forward.
print("\nThe graph as a picture:", gg.draw(q, names={"a": a, "b": b, "Q": q}).save("graph.svg"))

# backward() walks that way and adds up in .grad: dQ/da = 3a², dQ/db = −2b.
q.backward()
print("\ndQ/da = 3a² =", a.grad, " expected", (3 * a.detach() ** 2).tolist())
print("dQ/db = −2b =", b.grad, " expected", (-2 * b.detach()).tolist())

# A second backward adds to what is there, so gradients of several losses sum up.
(a**3).sum().backward()
print("\nafter another backward of Σ a³:", a.grad, "(twice 3a²)")

# Freezing is one bit: no node, nothing kept, no gradient for what nobody wants.
b.requires_grad = False
a.grad = b.grad = None
q = (a**3 - b**2).sum()
q.backward()
print("with b frozen: a.grad =", a.grad, " b.grad =", b.grad)

# Gradients are made of the same operations, so they have gradients themselves: d²Q/da² = 6a.
(first,) = gg.grad((a**3).sum(), a, create_graph=True)
(second,) = gg.grad(first.sum(), a)
print("d²Q/da² = 6a =", second, " expected", (6 * a.detach()).tolist())
