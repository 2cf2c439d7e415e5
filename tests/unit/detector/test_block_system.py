"""Solving and marginalising in blocks agrees with dense algebra."""

import numpy as np

from inference_service.detector.block_system import BlockSystem, NodeLinks, solve
from inference_service.detector.covariance import atom_covariances

ATOMS = 12


def chain():
    """Atoms in a row, each coupled to the next, above a background of four nodes."""
    rng = np.random.default_rng(3)
    own = np.tile(np.diag([50.0, 40.0, 300.0]), (ATOMS, 1, 1))
    pairs = np.column_stack([np.arange(ATOMS - 1), np.arange(1, ATOMS)])
    blocks = rng.normal(0, 6.0, (ATOMS - 1, 3, 3))
    nodes = np.tile(np.arange(9) % 4, (ATOMS, 1))
    shares = np.full((ATOMS, 9), 1.0 / 9.0)
    levels = rng.normal(0, 1.0, (ATOMS, 3)) + np.array([0.0, 0.0, 20.0])
    stencil = np.zeros((2, 2, 9))
    stencil[..., 4] = 900.0
    return BlockSystem(own, pairs, blocks, NodeLinks(nodes, shares, levels), stencil)


def dense(system, ridge=0.03):
    matrix = np.zeros((3 * ATOMS + 4, 3 * ATOMS + 4))
    for n in range(ATOMS):
        matrix[3 * n : 3 * n + 3, 3 * n : 3 * n + 3] = system.own[n]
        for node, share in zip(system.links.nodes[n], system.links.shares[n], strict=True):
            matrix[3 * n : 3 * n + 3, 3 * ATOMS + node] += share * system.links.levels[n]
            matrix[3 * ATOMS + node, 3 * n : 3 * n + 3] += share * system.links.levels[n]
    for (p, q), block in zip(system.pairs, system.blocks, strict=True):
        matrix[3 * p : 3 * p + 3, 3 * q : 3 * q + 3] = block
        matrix[3 * q : 3 * q + 3, 3 * p : 3 * p + 3] = block.T
    matrix[-4:, -4:] += np.diag(system.stencil[..., 4].ravel() * (1 + ridge))
    return matrix


def test_the_solution_is_that_of_the_dense_system():
    system, rng = chain(), np.random.default_rng(4)
    right, right_nodes = rng.normal(size=(ATOMS, 3)), rng.normal(size=(2, 2))
    atoms, nodes = solve(system, right, right_nodes, 1e-8)
    expected = np.linalg.solve(dense(system), np.r_[right.ravel(), right_nodes.ravel()])
    assert np.allclose(np.r_[atoms.ravel(), nodes.ravel()], expected, rtol=1e-4, atol=1e-8)


def test_marginal_variances_of_positions_are_those_of_the_dense_inverse():
    system = chain()
    found = atom_covariances(system)
    exact = np.diag(np.linalg.inv(dense(system)))[: 3 * ATOMS].reshape(ATOMS, 3)
    assert np.allclose(found[:, :2], exact[:, :2], rtol=0.03)


def test_an_atom_that_cannot_be_told_from_another_is_said_to_be_unknown():
    system = chain()
    system.blocks[0] = system.own[0] * 1.01
    found = atom_covariances(system)
    assert not np.isfinite(found[0]).all() or found[0, 0] > 10 * found[5, 0]
