"""Sums and moments of columns: of images with channels last, for each sample and group of channels.

Blocks take a part of the rows each and leave what they find in working space; a second launch joins
the parts, in a fixed order. Moments are joined as Chan, Golub and LeVeque do (1979), so a large
mean costs no digits.
"""

from __future__ import annotations

from dataclasses import dataclass

from .launches import MOST_BLOCKS_ACROSS, THREADS, Launch, over
from .packed import entry, longs
from .reduce import ENOUGH, threads_for

AT_ONCE = 8  # rows that a thread reads before it adds them up


@dataclass(frozen=True)
class Table:
    """Rows and channels of each of some samples; neighbouring channels form groups.

    `real` is the type that is computed in.
    """

    samples: int
    rows: int
    channels: int
    groups: int
    real: str

    @property
    def wide(self) -> int:
        """Threads of a block that stand side by side."""
        return min(32, threads_for(self.channels))

    @property
    def deep(self) -> int:
        """Threads of a block that share a column."""
        return THREADS // self.wide

    @property
    def parts(self) -> int:
        """Blocks that share a column."""
        blocks = over(self.channels, self.wide) * self.samples
        most = min(ENOUGH // blocks, MOST_BLOCKS_ACROSS, 256)
        return max(1, min(over(self.rows, self.deep * AT_ONCE), most))

    @property
    def portion(self) -> int:
        """Rows that a block takes."""
        return over(self.rows, self.parts)

    @property
    def partial(self) -> int:
        """Numbers that the blocks leave: two for each part of a column."""
        return 2 * self.samples * self.parts * self.channels

    @property
    def numbers(self) -> list[object]:
        """What all kernels here are told."""
        return longs(self.samples, self.rows, self.channels, self.groups, self.portion, self.parts)

    @property
    def grid(self) -> tuple[int, int, int]:
        """Blocks along channels, parts and samples."""
        return over(self.channels, self.wide), self.parts, self.samples

    def begin(self) -> str:
        """The text with which kernels over parts of columns begin."""
        return f"""
  typedef {self.real} R;
  const int t = threadIdx.x, below = t / {self.wide};
  const long long c = (long long)blockIdx.x * {self.wide} + t % {self.wide};
  const long long n = blockIdx.z, from = blockIdx.y * portion;
  const long long until = from + portion < rows ? from + portion : rows;
  const long long group = n * groups + c / (channels / groups);
  const long long place = (n * parts + blockIdx.y) * channels + c;
  const long long half = samples * parts * channels;
  (void)group; (void)below;
"""


TOLD = (
    "long long samples, long long rows, long long channels, long long groups, long long portion, "
    "long long parts"
)

# Joins the count, mean and sum of squares of two sets of numbers.
CHAN = """
  auto chan = [](R& n, R& mean, R& squares, R m, R other, R others) {
    if (m == 0) return;
    const R all = n + m, apart = other - mean;
    mean += apart * (m / all);
    squares += others + apart * apart * (n * m / all);
    n = all;
  };
"""


def moments_of_parts(table: Table, x: str, places: tuple[int, int]) -> Launch:
    """Return the launch that leaves mean and Σ (x − mean)² of each part of a column.

    Args:
        table: how x lies.
        x: its element type.
        places: the numbers of x and of the working space.
    """
    wide, deep = table.wide, table.deep
    text = f"""{table.begin()}{CHAN}
  __shared__ R counts[{THREADS}];
  __shared__ R means[{THREADS}];
  __shared__ R squares[{THREADS}];
  R count = 0, mean = 0, square = 0;
  if (c < channels)
    for (long long r = from + below; r < until; r += {deep * AT_ONCE}) {{
      R some[{AT_ONCE}], sum = 0, around = 0;
      int have = 0;
      #pragma unroll
      for (int i = 0; i < {AT_ONCE}; ++i)
        if (r + i * {deep} < until) {{
          some[i] = widen(x[(n * rows + r + i * {deep}) * channels + c]);
          sum += some[i];
          ++have;
        }}
      const R middle = sum / (R)have;
      #pragma unroll
      for (int i = 0; i < {AT_ONCE}; ++i)
        if (i < have) around += (some[i] - middle) * (some[i] - middle);
      chan(count, mean, square, (R)have, middle, around);
    }}
  counts[t] = count; means[t] = mean; squares[t] = square;
  __syncthreads();
  for (int d = {deep // 2}; d > 0; d /= 2) {{
    if (below < d) {{
      const int other = t + d * {wide};
      chan(counts[t], means[t], squares[t], counts[other], means[other], squares[other]);
    }}
    __syncthreads();
  }}
  if (below == 0 && c < channels) {{ left[place] = means[t]; left[half + place] = squares[t]; }}
"""
    name, source = entry("moments_of_parts", f"const {x}* x, {table.real}* left, {TOLD}", text)
    return Launch(source, name, table.grid, (THREADS,), (*places, *table.numbers))


def moments(table: Table, epsilon: str, places: tuple[int, ...]) -> Launch:
    """Return the launch that joins the parts: mean, 1 / √(variance + epsilon) and the variance.

    Args:
        table: how x lies.
        epsilon: what is added to the variance, as a literal.
        places: the numbers of the working space, the means, the inverse deviations and, where they
            are wanted, the variances.
    """
    variance = len(places) > 3
    text = f"""
  typedef {table.real} R;
  {CHAN}
  __shared__ R counts[{THREADS}];
  __shared__ R means[{THREADS}];
  __shared__ R squares[{THREADS}];
  const int t = threadIdx.x, lane = t % 32;
  const long long g = (long long)blockIdx.x * {THREADS // 32} + t / 32;
  const long long n = g / groups, each = channels / groups, first = g % groups * each;
  const long long half = samples * parts * channels;
  R count = 0, mean = 0, square = 0;
  if (g < samples * groups)
    for (long long k = lane; k < parts * each; k += 32) {{
      const long long part = k / each, place = (n * parts + part) * channels + first + k % each;
      const long long begin = part * portion;
      const long long end = begin + portion < rows ? begin + portion : rows;
      if (end > begin) chan(count, mean, square, (R)(end - begin), left[place], left[half + place]);
    }}
  counts[t] = count; means[t] = mean; squares[t] = square;
  __syncthreads();
  for (int d = 16; d > 0; d /= 2) {{
    if (lane < d)
      chan(counts[t], means[t], squares[t], counts[t + d], means[t + d], squares[t + d]);
    __syncthreads();
  }}
  if (lane == 0 && g < samples * groups) {{
    const R spread = squares[t] / counts[t];
    mean_of[g] = means[t];
    inverse_std[g] = (R)1 / f_sqrt(spread + {epsilon});
    {"variance[g] = spread;" if variance else ""}
  }}
"""
    real = table.real
    parameters = f"const {real}* left, {real}* mean_of, {real}* inverse_std"
    parameters += f", {real}* variance" if variance else ""
    name, source = entry("moments", f"{parameters}, {TOLD}", text)
    grid = (over(table.samples * table.groups, THREADS // 32),)
    return Launch(source, name, grid, (THREADS,), (*places, *table.numbers))


def products_of_parts(
    table: Table, parameters: str, pull: str, hat: str, places: tuple[int, ...]
) -> Launch:
    """Return the launch that leaves Σ pull and Σ pull · hat of each part of a column.

    Args:
        table: how the operands lie.
        parameters: the operands; the last parameter is the working space, `left`.
        pull: one summand, at row r, channel c and element `at` of the operands.
        hat: what it is multiplied with.
        places: the numbers of the operands and of the working space.
    """
    wide, deep = table.wide, table.deep
    text = f"""{table.begin()}
  __shared__ R totals[{THREADS}];
  __shared__ R alongs[{THREADS}];
  R total = 0, along = 0;
  if (c < channels)
    #pragma unroll 4
    for (long long r = from + below; r < until; r += {deep}) {{
      const long long row = n * rows + r, at = row * channels + c;
      (void)row;
      const R p = {pull};
      total += p;
      along += p * ({hat});
    }}
  totals[t] = total; alongs[t] = along;
  __syncthreads();
  for (int d = {deep // 2}; d > 0; d /= 2) {{
    if (below < d) {{ totals[t] += totals[t + d * {wide}]; alongs[t] += alongs[t + d * {wide}]; }}
    __syncthreads();
  }}
  if (below == 0 && c < channels) {{ left[place] = totals[t]; left[half + place] = alongs[t]; }}
"""
    name, source = entry("products_of_parts", f"{parameters}, {TOLD}", text)
    return Launch(source, name, table.grid, (THREADS,), (*places, *table.numbers))


def products(table: Table, scaled: bool, places: tuple[int, ...]) -> Launch:
    """Return the launch that joins the parts: Σ pull and Σ pull · hat of each sample's column.

    Args:
        table: how the operands lie.
        scaled: whether the second is multiplied with the inverse deviation of the group.
        places: the numbers of the working space, the inverse deviations where `scaled`, and the
            two results.
    """
    wide, deep = table.wide, table.deep
    text = f"""{table.begin()}
  __shared__ R totals[{THREADS}];
  __shared__ R alongs[{THREADS}];
  R total = 0, along = 0;
  (void)place; (void)until;
  if (c < channels)
    #pragma unroll 4
    for (long long k = below; k < parts; k += {deep}) {{
      const long long here = (n * parts + k) * channels + c;
      total += left[here];
      along += left[half + here];
    }}
  totals[t] = total; alongs[t] = along;
  __syncthreads();
  for (int d = {deep // 2}; d > 0; d /= 2) {{
    if (below < d) {{ totals[t] += totals[t + d * {wide}]; alongs[t] += alongs[t + d * {wide}]; }}
    __syncthreads();
  }}
  if (below == 0 && c < channels) {{
    total_of[n * channels + c] = totals[t];
    along_of[n * channels + c] = alongs[t]{" * inverse_std[group]" if scaled else ""};
  }}
"""
    real = table.real
    parameters = f"const {real}* left"
    parameters += f", const {real}* inverse_std" if scaled else ""
    parameters += f", {real}* total_of, {real}* along_of, {TOLD}"
    name, source = entry("products", parameters, text)
    grid = (table.grid[0], 1, table.samples)
    return Launch(source, name, grid, (THREADS,), (*places, *table.numbers))


def over_samples(table: Table, places: tuple[int, int, int, int]) -> Launch:
    """Return the launch that adds two sums of each sample's column over the samples."""
    text = f"""
  typedef {table.real} R;
  const long long c = (long long)blockIdx.x * {THREADS} + threadIdx.x;
  if (c >= channels) return;
  R total = 0, along = 0;
  for (long long n = 0; n < samples; ++n) {{
    total += total_of[n * channels + c];
    along += along_of[n * channels + c];
  }}
  gbeta[c] = total; ggamma[c] = along;
"""
    real = table.real
    parameters = f"const {real}* total_of, const {real}* along_of, {real}* gbeta, {real}* ggamma"
    name, source = entry("over_samples", f"{parameters}, {TOLD}", text)
    grid = (over(table.channels, THREADS),)
    return Launch(source, name, grid, (THREADS,), (*places, *table.numbers))


def over_groups(table: Table, places: tuple[int, ...]) -> Launch:
    """Return the launch that averages gamma · total and gamma · along over each group.

    `places` are the numbers of gamma, the totals, the alongs, and the two results.
    """
    text = f"""
  typedef {table.real} R;
  __shared__ R room[32];
  const int lane = threadIdx.x % 32;
  const long long given = (long long)blockIdx.x * {THREADS // 32} + threadIdx.x / 32;
  const long long g = given < samples * groups ? given : samples * groups - 1;
  const long long n = g / groups, each = channels / groups, first = g % groups * each;
  R flat = 0, tilt = 0;
  for (long long k = lane; k < each; k += 32) {{
    const R stretch = gamma[first + k];
    flat += stretch * total_of[n * channels + first + k];
    tilt += stretch * along_of[n * channels + first + k];
  }}
  flat = joined<32>(flat, plus(), room); tilt = joined<32>(tilt, plus(), room);
  const R count = (R)rows * (R)each;
  if (lane == 0 && given == g) {{ flat_of[g] = flat / count; tilt_of[g] = tilt / count; }}
"""
    real = table.real
    parameters = f"const {real}* gamma, const {real}* total_of, const {real}* along_of"
    parameters += f", {real}* flat_of, {real}* tilt_of, {TOLD}"
    name, source = entry("over_groups", parameters, text)
    grid = (over(table.samples * table.groups, THREADS // 32),)
    return Launch(source, name, grid, (THREADS,), (*places, *table.numbers))
