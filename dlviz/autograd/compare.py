"""Two runs of a dynamic graph: which operations only one of them has."""

from difflib import SequenceMatcher

from dlviz.autograd.graph import Graph, Node


def changed(first: Graph, second: Graph) -> tuple[set[int], set[int]]:
    """Indices of the operations of each graph that have no counterpart in the other.

    Operations are matched in the order in which they were made, by name and module, as a diff matches lines.
    """
    a, b = _made(first), _made(second)
    same = SequenceMatcher(None, [_token(n) for n in a], [_token(n) for n in b], autojunk=False).get_matching_blocks()
    kept_a = {a[block.a + i].index for block in same for i in range(block.size)}
    kept_b = {b[block.b + i].index for block in same for i in range(block.size)}
    return {n.index for n in a} - kept_a, {n.index for n in b} - kept_b


def _made(graph: Graph) -> list[Node]:
    return sorted((node for node in graph.nodes if not node.is_leaf), key=lambda node: node.sequence)


def _token(node: Node) -> tuple[str, str]:
    return node.name, node.module
