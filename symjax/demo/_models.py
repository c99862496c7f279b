"""The demo's models and their data."""

from __future__ import annotations

from typing import Any

import numpy as np

import symjax.pmc_bridge as pm

#: Effects of coaching on test scores and their standard errors in eight schools (Rubin, J. Educ. Stat. 6, 1981, table 1).
EFFECTS = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
STANDARD_ERRORS = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
SCHOOLS = list("ABCDEFGH")

#: British coal-mining disasters a year, 1851 to 1961 (Jarrett, Biometrika 66, 1979; as tabulated by year since).
DISASTERS = np.array(
    [4, 5, 4, 0, 1, 4, 3, 4, 0, 6, 3, 3, 4, 0, 2, 6, 3, 3, 5, 4, 5, 3, 1, 4, 4, 1, 5, 5, 3, 4, 2, 5, 2, 2, 3, 4, 2]
    + [1, 3, 2, 2, 1, 1, 1, 1, 3, 0, 0, 1, 0, 1, 1, 0, 0, 3, 1, 0, 3, 2, 2, 0, 1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 2]
    + [1, 0, 0, 0, 1, 1, 0, 2, 3, 3, 1, 1, 2, 1, 1, 1, 1, 2, 4, 2, 0, 0, 1, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1]
    + [0, 0, 1, 0, 1]
)
YEARS = np.arange(1851, 1851 + len(DISASTERS))


def eight_schools() -> Any:
    """Eight schools, non-centred: partial pooling of eight noisy effects."""
    with pm.Model(coords={"school": SCHOOLS}) as model:
        mu = pm.Normal("mu", 0.0, 5.0)
        tau = pm.HalfCauchy("tau", 5.0)
        z = pm.Normal("z", 0.0, 1.0, dims="school")
        theta = pm.Deterministic("theta", mu + tau * z, dims="school")
        pm.Normal("y", theta, STANDARD_ERRORS, observed=EFFECTS, dims="school")
    return model


def radon() -> Any:
    """A hierarchical regression in the shape of the radon data: 3,000 houses in 85 counties, made from a seed."""
    rng = np.random.default_rng(7)
    n_counties, n = 85, 3_000
    county = rng.choice(n_counties, n, p=rng.dirichlet(np.full(n_counties, 2.0)))
    floor = (rng.random(n) < 0.2).astype(float)
    uranium = rng.normal(size=n_counties)
    intercept = 1.4 + 0.7 * uranium + rng.normal(0.0, 0.3, n_counties)
    log_radon = intercept[county] - 0.7 * floor + rng.normal(0.0, 0.75, n)
    with pm.Model(coords={"county": np.arange(n_counties), "house": np.arange(n)}) as model:
        index = pm.Data("county_of_house", county, dims="house")
        on_floor = pm.Data("floor", floor, dims="house")
        base = pm.Normal("base", 0.0, 5.0)
        by_uranium = pm.Normal("by_uranium", 0.0, 1.0)
        by_floor = pm.Normal("by_floor", 0.0, 1.0)
        spread = pm.Exponential("spread", 1.0)
        z = pm.Normal("z", 0.0, 1.0, dims="county")
        level = pm.Deterministic("level", base + by_uranium * uranium + spread * z, dims="county")
        noise = pm.Exponential("noise", 1.0)
        pm.Normal("log_radon", level[index] + by_floor * on_floor, noise, observed=log_radon, dims="house")
    return model


def change_point() -> Any:
    """Coal-mining disasters: two Poisson rates and the year between them, which is discrete."""
    with pm.Model(coords={"year": YEARS}) as model:
        switch = pm.DiscreteUniform("switch", int(YEARS[0]), int(YEARS[-1]))
        early = pm.Exponential("early", 1.0)
        late = pm.Exponential("late", 1.0)
        rate = pm.math.switch(switch >= YEARS, early, late)
        pm.Poisson("disasters", rate, observed=DISASTERS, dims="year")
    return model


#: Name, builder, and the variables to summarise and draw.
MODELS = {
    "eight_schools": (eight_schools, ["mu", "tau", "theta"]),
    "radon": (radon, ["base", "by_uranium", "by_floor", "spread", "noise"]),
    "change_point": (change_point, ["switch", "early", "late"]),
}
