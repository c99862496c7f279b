"""The graph core: nodes, operators, shapes, lowering and compiled functions. It knows no operation by name."""
