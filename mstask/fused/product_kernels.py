"""Compiled loops of the sparse product (`mstask.products`); importing this module needs numba.

Arrays are flat: x [rows, inputs], words [planes, rows, words per row], bit b of word q in plane p being bit p of the count
x[64 q + b]; weight [inputs, width], bias [width], out and g [rows, width]. The backward pass reads the same bits by input:
by_input [planes, tiles, inputs + 1], bit r of a word standing for row 64 tile + r; the last input is the bias, always 1.
"""

import numpy as np
from numba import njit
from numba.core.compiler import Compiler
from numba.cpython.unsafe.numbers import trailing_zeros

ZERO, ONE, TWO, THREE, FOUR, FIVE, SIX, SEVEN, EIGHT = (np.uint64(n) for n in range(9))
HALF, WORD, LIMIT = np.uint64(32), np.uint64(64), np.uint64(256)
LOW_HALF, ALL = np.uint64(2**32 - 1), np.uint64(2**64 - 1)


class DisjointArrays(Compiler):
    """A numba pipeline that promises distinct array arguments: no overlap checks."""

    def define_pipelines(self):
        self.state.flags.noalias = True
        return super().define_pipelines()


def kernel(function):
    """Compile at first use; kept on disk where numba finds a folder to write to."""
    options = {"nogil": True, "error_model": "numpy", "pipeline_class": DisjointArrays}
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:
        return njit(**options)(function)


@kernel
def pack(x, words, found, inputs, first, last):
    """Set in plane 0 the bits of inputs that aren't 0; found [rows, 2]: how many they are, and the largest of their counts.

    A row that holds anything but counts up to 255 has 256 for the largest.
    """
    per_row = (inputs + WORD - ONE) // WORD
    for i in range(first, last):
        count, largest = ZERO, ZERO
        for q in range(per_row):
            start, word, others = i * inputs + q * WORD, ZERO, ZERO
            if (q + ONE) * WORD <= inputs:
                # no branch inside, so that the loop can be vectorised
                for b in range(WORD):
                    word |= (ONE if x[start + b] != 0 else ZERO) << b
                    others |= ONE if (x[start + b] != 0) & (x[start + b] != 1) else ZERO
            else:
                for b in range(inputs - q * WORD):
                    word |= (ONE if x[start + b] != 0 else ZERO) << b
                    others |= ONE if (x[start + b] != 0) & (x[start + b] != 1) else ZERO
            words[i * per_row + q] = word
            # counts are looked at only where a word holds something other than 0 and 1
            while word != ZERO:
                if others != ZERO and largest < LIMIT:
                    value = x[start + np.uint64(trailing_zeros(word))]
                    whole = value > 0 and value < LIMIT and value == np.uint64(value)
                    largest = max(largest, np.uint64(value)) if whole else LIMIT
                word &= word - ONE
                count += ONE
        found[i * TWO], found[i * TWO + ONE] = count, max(largest, min(count, ONE))


@kernel
def split(x, words, planes, rows, inputs, first, last):
    """Spread the counts at the bits of plane 0 over all planes, which were 0."""
    per_row = (inputs + WORD - ONE) // WORD
    for i in range(first * per_row, last * per_row):
        left, own = words[i], ZERO
        start = i // per_row * inputs + i % per_row * WORD
        while left != ZERO:
            b = np.uint64(trailing_zeros(left))
            left &= left - ONE
            count = np.uint64(x[start + b])
            own |= (count & ONE) << b
            for p in range(ONE, planes):
                words[p * rows * per_row + i] |= ((count >> p) & ONE) << b
        words[i] = own


@kernel
def forward(words, planes, weight, bias, out, rows, inputs, width, first, last):
    """out = bias + sum over planes p, over inputs k of a row that are set, of 2^p weight[k]; see `products` for the order."""
    per_row = (inputs + WORD - ONE) // WORD
    at = np.empty(per_row * WORD, np.uint64)
    for i in range(first, last):
        o = i * width
        for n in range(width):
            out[o + n] = bias[n]
        for p in range(planes):
            count, scale = ZERO, out.dtype.type(ONE << p)
            for q in range(per_row):
                word = words[(p * rows + i) * per_row + q]
                # where the weights of the set inputs begin: known before the sums, several rows can be added in one pass
                while word != ZERO:
                    at[count] = (q * WORD + np.uint64(trailing_zeros(word))) * width
                    count += ONE
                    word &= word - ONE
            j = ZERO
            # eight rows a pass, so `out` is read and written once for them; the pairs are the same on any number of threads
            while j + EIGHT <= count:
                a, b, c, d = at[j], at[j + ONE], at[j + TWO], at[j + THREE]
                e, f, g, h = at[j + FOUR], at[j + FIVE], at[j + SIX], at[j + SEVEN]
                for n in range(width):
                    low = (weight[a + n] + weight[b + n]) + (weight[c + n] + weight[d + n])
                    high = (weight[e + n] + weight[f + n]) + (weight[g + n] + weight[h + n])
                    out[o + n] += scale * (low + high)
                j += EIGHT
            while j + TWO <= count:
                a, b = at[j], at[j + ONE]
                for n in range(width):
                    out[o + n] += scale * (weight[a + n] + weight[b + n])
                j += TWO
            if j < count:
                a = at[j]
                for n in range(width):
                    out[o + n] += scale * weight[a + n]


@kernel
def turn(words, by_input, rows, inputs, tiles, first, last):
    """Write tiles first..last of all planes by input: squares of 64 by 64 bits, transposed by exchanging halves."""
    per_row = (inputs + WORD - ONE) // WORD
    square = np.empty(WORD, np.uint64)
    for i in range(first, last):
        height = min(WORD, rows - i % tiles * WORD)
        source = (i // tiles * rows + i % tiles * WORD) * per_row
        o = i * (inputs + ONE)
        for q in range(per_row):
            for r in range(WORD):
                square[r] = words[source + r * per_row + q] if r < height else ZERO
            # exchange the off-diagonal quarters of the square, then of its quarters, down to single bits
            half, mask = HALF, LOW_HALF
            while half != ZERO:
                r = ZERO
                while r < WORD:
                    swap = ((square[r] >> half) ^ square[r | half]) & mask
                    square[r] ^= swap << half
                    square[r | half] ^= swap
                    r = ((r | half) + ONE) & ~half
                half >>= ONE
                mask ^= mask << half
            for b in range(min(WORD, inputs - q * WORD)):
                by_input[o + q * WORD + b] = square[b]
        by_input[o + inputs] = ALL >> (WORD - height) if i < tiles else ZERO


@kernel
def backward(by_input, planes, g, grad, inputs, width, tiles, first, last):
    """Add to grad [inputs + 1, width], for inputs first..last, the sum over planes p and rows that are set of 2^p g[row]."""
    for i in range(planes * tiles):
        scale, start = grad.dtype.type(ONE << (i // tiles)), i % tiles * WORD * width
        for k in range(first, last):
            word, o = by_input[i * (inputs + ONE) + k], k * width
            while word != ZERO:
                # one, two or four rows a pass over the sum, for the same reason as forward
                a = start + np.uint64(trailing_zeros(word)) * width
                word &= word - ONE
                if word == ZERO:
                    for n in range(width):
                        grad[o + n] += scale * g[a + n]
                    break
                b = start + np.uint64(trailing_zeros(word)) * width
                word &= word - ONE
                if word & (word - ONE) == ZERO:
                    for n in range(width):
                        grad[o + n] += scale * (g[a + n] + g[b + n])
                    continue
                c = start + np.uint64(trailing_zeros(word)) * width
                word &= word - ONE
                d = start + np.uint64(trailing_zeros(word)) * width
                word &= word - ONE
                for n in range(width):
                    grad[o + n] += scale * ((g[a + n] + g[b + n]) + (g[c + n] + g[d + n]))
