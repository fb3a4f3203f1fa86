"""The negative Hessian of a ranking, as a thing to solve with: standard errors and covariances. Pure numpy and scipy.

It is a graph's Laplacian plus `penalty` (one over the prior's variance) on the diagonal. Comparisons say nothing about the
common level of the strengths: only the prior holds it, with variance 1 / (n penalty), or nothing does. Strengths are told
relative to their mean, so everything here is about strengths minus their mean.
"""

from functools import cached_property
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Positions: TypeAlias = NDArray[np.intp]

# Above so many items standard errors are estimated from random probes instead of the whole inverse.
EXACT_ITEMS = 3000
PROBES = 48


class Precision(Protocol):
    """What both kinds can do."""

    def solve(self, slope: Floats, *, accuracy: float) -> Floats:
        """(n,) x with H x = slope, up to a residual of `accuracy` times the slope."""
        ...

    @property
    def variances(self) -> Floats:
        """(n,) variances of the strengths around their mean."""
        ...

    @property
    def covariance(self) -> Floats:
        """(n, n) covariance of the strengths around their mean."""
        ...

    def difference_variances(self, first: Positions, second: Positions) -> Floats:
        """(k,) variances of the differences between items."""
        ...

    def draws(self, count: int, random: np.random.Generator) -> Floats:
        """(count, n) draws from a Gaussian with this precision, around their mean."""
        ...


class DensePrecision:
    """By Cholesky factorisation of the whole matrix, to which it may add."""

    def __init__(self, matrix: Floats, penalty: float) -> None:
        self.n = len(matrix)
        # Without a prior the matrix is singular along the common level: any stiffness there makes it regular, and is
        # taken out of the inverse again.
        self._level = penalty
        if self.n and penalty == 0.0:
            self._level = max(float(np.trace(matrix)) / self.n, 1.0)
            matrix += self._level / self.n
        self._matrix = matrix

    @cached_property
    def _factor(self) -> Floats:
        from scipy.linalg.lapack import dpotrf

        # The transpose, because LAPACK wants columns in one piece; the matrix is symmetric.
        factor, info = dpotrf(self._matrix.T, lower=0, clean=0)
        if info != 0:
            raise np.linalg.LinAlgError("the Hessian is not positive definite")
        return np.asarray(factor)

    def solve(self, slope: Floats, *, accuracy: float = 0.0) -> Floats:
        """Exact, whatever accuracy is asked for."""
        from scipy.linalg.lapack import dpotrs

        return np.asarray(dpotrs(self._factor, slope, lower=0)[0]) if self.n else slope

    @property
    def log_determinant(self) -> float:
        """Of the matrix, where there is a prior."""
        return float(2 * np.log(np.diag(self._factor)).sum()) if self.n else 0.0

    def draws(self, count: int, random: np.random.Generator) -> Floats:
        """(count, n) draws from a Gaussian with this precision, around their mean."""
        from scipy.linalg.lapack import dtrtrs

        noise = random.standard_normal((count, self.n))
        drawn = np.asarray(dtrtrs(self._factor, noise.T, lower=0)[0]).T
        return drawn - drawn.mean(axis=1, keepdims=True)

    @cached_property
    def _inverse(self) -> Floats:
        """Its upper triangle; what is below means nothing."""
        from scipy.linalg.lapack import dpotri

        return np.asarray(dpotri(self._factor, lower=0)[0]) if self.n else np.zeros((0, 0))

    @cached_property
    def covariance(self) -> Floats:
        upper = np.triu(self._inverse)
        return np.asarray(upper + np.triu(upper, 1).T - 1 / (self._level * max(self.n, 1)))

    @cached_property
    def variances(self) -> Floats:
        return np.clip(np.diag(self._inverse) - 1 / (self._level * max(self.n, 1)), 0.0, None)

    def difference_variances(self, first: Positions, second: Positions) -> Floats:
        of = self.covariance
        return np.clip(of[first, first] + of[second, second] - 2 * of[first, second], 0.0, None)


class SparsePattern:
    """Which pairs were compared: laid out once for all steps of a fit."""

    def __init__(self, n: int, first: Positions, second: Positions) -> None:
        from scipy.sparse import csr_matrix

        self.n, self.first, self.second = n, first, second
        rows, columns = np.concatenate([first, second]), np.concatenate([second, first])
        pairs = np.tile(np.arange(len(first)), 2)
        self._graph = csr_matrix((pairs, (rows, columns)), (n, n))
        self._pair = self._graph.data  # which pair each stored entry belongs to

    def precision(self, weights: Floats, penalty: float) -> "SparsePrecision":
        """The matrix for the pairs' weights (m,)."""
        from scipy.sparse import csr_matrix

        graph = csr_matrix((weights[self._pair], self._graph.indices, self._graph.indptr), (self.n, self.n))
        diagonal = np.bincount(self.first, weights, self.n) + np.bincount(self.second, weights, self.n) + penalty
        return SparsePrecision(graph, np.asarray(diagonal, dtype=np.float64), penalty)


class SparsePrecision:
    """By conjugate gradients with the diagonal as preconditioner (Saad 2003, Iterative Methods, algorithm 9.1)."""

    def __init__(self, graph: Any, diagonal: Floats, penalty: float) -> None:
        self._graph = graph
        self._penalty = penalty
        # An item that nobody was compared with has no weight at all where there is no prior.
        self._diagonal = np.where(diagonal > 0, diagonal, 1.0)
        self.n = len(diagonal)

    def _times(self, x: Floats) -> Floats:
        return np.asarray(self._diagonal[:, None] * x - self._graph @ x)

    def solve(self, slope: Floats, *, accuracy: float) -> Floats:
        return self._solve(slope[:, None], accuracy)[:, 0]

    def _solve(self, slopes: Floats, accuracy: float, most: int = 2000) -> Floats:
        """(n, k) solutions for (n, k) right-hand sides, each with its own step lengths."""
        x = np.zeros_like(slopes)
        residual = slopes.copy()
        scaled = residual / self._diagonal[:, None]
        direction = scaled.copy()
        energy = np.einsum("ij,ij->j", residual, scaled)
        enough = (accuracy**2) * energy
        for _ in range(most):
            if (energy <= enough).all():
                break
            image = self._times(direction)
            step = energy / np.maximum(np.einsum("ij,ij->j", direction, image), 1e-300)
            x += step * direction
            residual -= step * image
            scaled = residual / self._diagonal[:, None]
            before, energy = energy, np.einsum("ij,ij->j", residual, scaled)
            direction = scaled + (energy / np.maximum(before, 1e-300)) * direction
        return x - x.mean(axis=0) if self._penalty == 0.0 else x

    @property
    def covariance(self) -> Floats:
        return self._dense.covariance

    def draws(self, count: int, random: np.random.Generator) -> Floats:
        return self._dense.draws(count, random)

    @cached_property
    def _dense(self) -> DensePrecision:
        return DensePrecision(np.diag(self._diagonal) - self._graph.toarray(), self._penalty)

    @cached_property
    def variances(self) -> Floats:
        """Exact up to EXACT_ITEMS; above, from random probes, good to half a percent, 99 of 100 to seven."""
        return self._dense.variances if self.n <= EXACT_ITEMS else self._probed_variances()

    def _probed_variances(self) -> Floats:
        """Hutchinson's estimate of the inverse's diagonal, of the part only that is not known already.

        With H = D - W, inverse(H) = inverse(D) + inverse(D) W inverse(D) + inverse(D) W inverse(H) W inverse(D): the first
        is known, the second has no diagonal, the third is small and smooth, and probed with signs z (Bekas, Kokiopoulou &
        Saad 2007, Applied Numerical Mathematics 57, 1214-1229).
        """
        signs = np.random.default_rng(1).choice([-1.0, 1.0], (self.n, PROBES))
        solved = self._solve(signs - (signs.mean(axis=0) if self._penalty == 0.0 else 0.0), 1e-3)
        walked = (self._graph @ signs) / self._diagonal[:, None]
        rest = np.einsum("ij,ij->i", walked, solved - signs / self._diagonal[:, None]) / PROBES
        level = 1 / (self._penalty * self.n) if self._penalty else 0.0
        return np.clip(1 / self._diagonal + np.maximum(rest, 0.0) - level, 0.0, None)

    def difference_variances(self, first: Positions, second: Positions) -> Floats:
        """One solution for each pair; by the whole covariance where that is less work."""
        if len(first) > self.n:
            return self._dense.difference_variances(first, second)
        ends = np.zeros((self.n, len(first)))
        pairs = np.arange(len(first))
        ends[first, pairs] = 1.0
        ends[second, pairs] -= 1.0
        return np.clip(np.einsum("ij,ij->j", ends, self._solve(ends, 1e-8)), 0.0, None)
