"""Golden values of Seasonal Hybrid ESD (src/watch/anomaly/golden-season.json), computed with Python's standard library alone.

Usage: python3 bench/peers/golden/seasonal.py > src/watch/anomaly/golden-season.json   (from the root of the repository)
"""
import json
import math
from statistics import median


def t_above(t, freedom):
    """P(T > t) by Simpson's rule over u = atan(x / sqrt(freedom)), where the density is cos(u) ** (freedom - 1)."""
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(math.pi)
    low, high, steps = math.atan(t / math.sqrt(freedom)), math.pi / 2, 2_000
    h = (high - low) / steps
    total = 0.0
    for i in range(steps + 1):
        weight = 1 if i in (0, steps) else 4 if i % 2 else 2
        total += weight * max(0.0, math.cos(low + i * h)) ** (freedom - 1)
    return scale * total * h / 3


def t_quantile(p, freedom):
    low, high = 0.0, 100.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if t_above(middle, freedom) > 1 - p else (low, middle)
    return (low + high) / 2


def rosner(n, stage, level):
    rest = n - stage
    t = t_quantile(1 - level / (2 * (rest + 1)), rest - 1)
    return rest * t / math.sqrt((rest - 1 + t * t) * (rest + 1))


def expected(values, period):
    n = len(values)
    level = []
    for i in range(n):
        first = max(0, min(i - period, n - 2 * period))
        level.append(median(values[first:first + 2 * period]))
    season = [median([values[i] - level[i] for i in range(phase, n, period)]) for phase in range(period)]
    return [level[i] + season[i % period] for i in range(n)]


def stages(values, period, most, level):
    line = expected(values, period)
    left = [(values[i] - line[i], i) for i in range(len(values))]
    found = []
    for stage in range(1, most + 1):
        middle = median([r for r, _ in left])
        spread = 1.4826022185056018 * median([abs(r - middle) for r, _ in left])
        far = max(left, key=lambda pair: abs(pair[0] - middle))
        found.append({"index": far[1], "score": abs(far[0] - middle) / spread, "limit": rosner(len(values), stage, level), "expected": line[far[1]] + middle})
        left.remove(far)
    return found


def noise(seed):
    state = seed
    while True:
        total = 0
        for _ in range(12):
            state = (1103515245 * state + 12345) % 2**31
            total += state / 2**31
        yield total - 6


def series(n, period, seed, planted):
    draw = noise(seed)
    values = [10 + 4 * math.sin(2 * math.pi * i / period) + i / 200 + 0.5 * next(draw) for i in range(n)]
    for index, by in planted:
        values[index] += by
    return [round(v, 6) for v in values]


cases = []
for name, n, period, seed, planted in [
    ("one, at the end", 240, 24, 7, [(239, 5)]),
    ("several that hide one another", 240, 24, 11, [(50, 6), (51, 6.1), (52, 6), (53, 6.05), (180, 6), (239, 6)]),
    ("none", 168, 24, 3, []),
    ("a season of seven", 70, 7, 5, [(33, -4)]),
]:
    values = series(n, period, seed, planted)
    cases.append({"name": name, "period": period, "level": 0.05, "planted": [i for i, _ in planted], "values": values, "stages": stages(values, period, 10, 0.05)})
print(json.dumps({"cases": cases}))
