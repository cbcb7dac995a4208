"""Golden steps of optimisers and weight averages in float64, for src/train/golden/optimizers.golden.json.

Adafactor with relative steps and the exponential average come from PyTorch. The others are the authors' published update rules, written with all their
sequences: Lion (Chen et al. 2023, algorithm 2), Adafactor without relative steps (Shazeer & Stern 2018, algorithms 4 and 5), schedule-free AdamW
(Defazio et al. 2024, algorithm 1, with the weights of its published code), Muon (Jordan et al. 2024), the 8-bit dynamic data type (Dettmers et al. 2022,
section 2.2), and LAWA (Kaddour 2022).

Usage: python bench/peers/optimizers_golden.py   (from the repository's root)
"""
import json
from pathlib import Path

import numpy as np
import torch

STEPS = 8
SHAPES = {"wide": (3, 5), "tall": (5, 3), "vector": (4,)}


def values(seed: int, shape, scale=1.0) -> np.ndarray:
    return scale * np.random.default_rng(seed).standard_normal(shape)


def gradients(name: str) -> list:
    """One a step, of sizes that differ by orders of magnitude; short numbers, so that the file says them exactly."""
    seed = 100 * (1 + list(SHAPES).index(name))
    return [np.round(values(seed + t, SHAPES[name], 10.0 ** (t % 4 - 2)), 6) for t in range(STEPS)]


def start(name: str) -> np.ndarray:
    return np.round(values(7 + list(SHAPES).index(name), SHAPES[name]), 6)


def lion(w, grads, rate, beta1=0.9, beta2=0.99, decay=0.5):
    m = np.zeros_like(w)
    for g in grads:
        w = w - rate * (np.sign(beta1 * m + (1 - beta1) * g) + decay * w)
        m = beta2 * m + (1 - beta2) * g
        yield w


def adafactor_fixed(w, grads, rate, decay=0.1, d=1.0, eps1=1e-30):
    r = c = v = 0.0
    for t, g in enumerate(grads, 1):
        beta2 = 1 - t**-0.8
        square = g * g + eps1
        if w.ndim == 2:
            r = beta2 * r + (1 - beta2) * square.mean(1)
            c = beta2 * c + (1 - beta2) * square.mean(0)
            v = np.outer(r, c) / r.mean()
        else:
            v = beta2 * v + (1 - beta2) * square
        u = g / np.sqrt(v)
        u = u / max(1.0, np.sqrt((u * u).mean()) / d)
        w = w * (1 - rate * decay) - rate * u
        yield w


def adafactor_relative(w, grads, rate, decay=0.1):
    p = torch.nn.Parameter(torch.tensor(w, dtype=torch.float64))
    o = torch.optim.Adafactor([p], lr=rate, weight_decay=decay, eps=(1e-30, 1e-3), d=1.0, beta2_decay=-0.8)
    for g in grads:
        p.grad = torch.tensor(g)
        o.step()
        yield p.detach().numpy().copy()


def schedule_free(w, grads, rates, beta1=0.9, beta2=0.95, eps=1e-8, decay=0.1):
    """Gives y, where gradients are taken, and x, which is evaluated."""
    z, x, v, weights, peak = w.copy(), w.copy(), np.zeros_like(w), 0.0, 0.0
    for t, (g, rate) in enumerate(zip(grads, rates), 1):
        y = (1 - beta1) * z + beta1 * x
        v = beta2 * v + (1 - beta2) * g * g
        step = g / (np.sqrt(v / (1 - beta2**t)) + eps) + decay * y
        z = z - rate * step
        peak = max(peak, rate)
        weights += peak**2
        c = peak**2 / weights
        x = (1 - c) * x + c * z
        yield (1 - beta1) * z + beta1 * x, x


def muon(w, grads, rate, beta=0.95, decay=0.1, steps=5):
    """Weights are [out, in] there and [in, out] here."""
    w, m = w.T, np.zeros_like(w.T)
    for g in grads:
        g = g.T
        m = beta * m + (1 - beta) * g
        x = (1 - beta) * g + beta * m
        flip = x.shape[0] > x.shape[1]
        x = x.T if flip else x
        x = x / (np.linalg.norm(x) + 1e-7)
        for _ in range(steps):
            a = x @ x.T
            x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
        x = x.T if flip else x
        w = w * (1 - rate * decay) - rate * x * max(1, w.shape[0] / w.shape[1]) ** 0.5
        yield w.T.copy()


def ema(points, decay):
    model = torch.nn.ParameterList([torch.nn.Parameter(torch.tensor(points[0]))])
    mean = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(decay))
    for p in points:
        with torch.no_grad():
            model[0].copy_(torch.tensor(p))
        mean.update_parameters(model)
        yield mean.module[0].detach().numpy().copy()


def lists(steps) -> list:
    return [np.asarray(s).ravel().tolist() for s in steps]


def main() -> None:
    rates = [0.01, 0.02, 0.03, 0.03, 0.03, 0.02, 0.01, 0.01]
    out = {"steps": STEPS, "rate": 0.02, "rates": rates, "parameters": {}}
    for name, shape in SHAPES.items():
        w, g = start(name), gradients(name)
        free = list(schedule_free(w, g, rates))
        row = {
            "shape": shape,
            "start": w.ravel().tolist(),
            "gradients": lists(g),
            "lion": lists(lion(w, g, 0.02)),
            "adafactor": lists(adafactor_fixed(w, g, 0.02)),
            "adafactorRelative": lists(adafactor_relative(w, g, 0.02)),
            "scheduleFree": {"y": lists(y for y, _ in free), "x": lists(x for _, x in free)},
            "ema": lists(ema(g, 0.9)),
            "lawa": lists(np.mean(g[max(0, t - 2) : t + 1], axis=0) for t in range(STEPS)),
        }
        if len(shape) == 2:
            row["muon"] = lists(muon(w, g, 0.02))
        out["parameters"][name] = row
    path = Path("src/train/golden/optimizers.golden.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
