"""Golden values of privacy accountants: RDP of Opacus and dp-accounting, PLD of dp-accounting. Prints JSON. Needs opacus 1.6 and dp-accounting 0.6."""
import json
import sys
import time

import dp_accounting
import opacus
from dp_accounting.pld import privacy_loss_distribution as pld
from dp_accounting.rdp import rdp_privacy_accountant as rdp
from opacus.accountants.analysis import rdp as opacus_rdp

SETTINGS = [
    # q, sigma, steps, delta
    (0.01, 1.1, 1000, 1e-5),
    (0.004, 0.8, 5000, 1e-6),
    (0.05, 2.0, 600, 1e-5),
    (0.2, 4.0, 200, 1e-5),
    (1.0, 20.0, 50, 1e-5),
    (0.01, 0.6, 300, 1e-5),
]
INTEGERS = list(range(2, 65))
FRACTIONS = [1.25, 1.5, 2.5, 4.75, 10.5]

out = []
for q, sigma, steps, delta in SETTINGS:
    event = dp_accounting.PoissonSampledDpEvent(q, dp_accounting.GaussianDpEvent(sigma)) if q < 1 else dp_accounting.GaussianDpEvent(sigma)
    accountant = rdp.RdpAccountant(INTEGERS + FRACTIONS)
    accountant.compose(event, steps)
    started = time.process_time()
    tight = pld.from_gaussian_mechanism(sigma, sampling_prob=q, value_discretization_interval=1e-4).self_compose(steps)
    epsilon = tight.get_epsilon_for_delta(delta)
    seconds = time.process_time() - started
    ours = opacus_rdp.compute_rdp(q=q, noise_multiplier=sigma, steps=steps, orders=INTEGERS + FRACTIONS)
    eps_opacus, _ = opacus_rdp.get_privacy_spent(orders=INTEGERS, rdp=ours[: len(INTEGERS)], delta=delta)
    integer_accountant = rdp.RdpAccountant(INTEGERS)
    integer_accountant.compose(event, steps)
    out.append(
        {
            "rate": q,
            "noise": sigma,
            "steps": steps,
            "delta": delta,
            "dpAccounting": list(map(float, accountant._rdp)),
            "opacus": list(map(float, ours)),
            "epsilonRdpOpacus": float(eps_opacus),
            "epsilonRdpDpAccounting": float(integer_accountant.get_epsilon(delta)),
            "epsilonPld": float(epsilon),
            "pldSeconds": seconds,
        }
    )
json.dump({"orders": INTEGERS + FRACTIONS, "opacus": opacus.__version__, "dpAccounting": "0.6.0", "settings": out}, sys.stdout)
