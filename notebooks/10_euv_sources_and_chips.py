# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From EUV watts to wafers and chips
#
# Is a steady-state microbunching (SSMB) ring worth building for lithography? This notebook follows the light from the
# source to the wafer and on to the accelerator chips that one year of exposures can make. Every number comes from a table
# with a source and a status, every choice of the model is a parameter. Python arguments are in SI units: a dose of
# 30 mJ/cm² is 300 J/m².

# %%
from ssmb.beamlines import beamline
from ssmb.beamlines.multilayer import LA_B, MO_SI, peak
from ssmb.lithography import (
    EuvSource,
    compare_roadmap,
    compare_sources,
    model_parameters,
    roadmap,
    roadmap_intervals,
    scanner,
    shortage_map,
)
from ssmb.lithography.band import Column
from ssmb.plot.lithography import plot_chips, plot_energy, plot_shortage, plot_source_powers, plot_throughput

# %% [markdown]
# ## 1. A power has a plane
#
# A tin plasma of 1290 W into the half space is 250 W at the intermediate focus and 1.6 W on the wafer: one source, three
# numbers. Figures of storage rings stand at the undulator exit, and a beamline lies between that and the focus.

# %%
print(compare_sources("SSMB").table())

# %%
for name in ("two_grazing", "four_grazing", "four_grazing_one_normal", "xlight_transport"):
    b = beamline(name)
    print(f"{b.name:40s} 1 kW at the undulator -> {b.power_at_focus:4.0f} W at the intermediate focus")

# %%
plot_source_powers()

# %% [markdown]
# So 1 kW at the undulator is *less* than the best plasma sources of 2026 deliver. Two or three kilowatts per beamline is the
# figure to ask for; what the ring offers beyond power is a clean, continuous, narrow line, several beamlines, and a way
# to 6.x nm.

# %% [markdown]
# ## 2. What a narrow line gains in the mirrors
#
# Eleven mirrors pass about 2 % in wavelength. A line on their peak gains 14-25 % over the same watts spread flat over 2 %,
# but it loses more than that when it is 0.1 nm off.

# %%
for mirror in (MO_SI, LA_B):
    p, c = peak(mirror), peak(mirror, mirrors=11)
    print(
        f"{mirror.name}: R = {p.reflectivity:.3f} at {p.wavelength * 1e9:.2f} nm, width {p.width * 1e9:.3f} nm; "
        f"11 mirrors pass {100 * c.relative_width:.2f} %"
    )
for label, column in (("ideal width", Column()), ("measured width", Column(width=0.545e-9))):
    print(
        f"{label}: gain of a line over a flat 2 % {column.line_gain():.2f}, loss at +0.1 nm {column.offset_loss(1e-10):.0%}"
    )

# %% [markdown]
# ## 3. Throughput
#
# Overhead and transmission are fitted to four published points; the others test the fit. A rate without a dose means nothing.

# %%
tool = scanner()
print(f"half of the ceiling of {tool.ceiling:.0f} wafers/h needs {tool.half_power(300.0):.0f} W at 30 mJ/cm2")
plot_throughput()

# %% [markdown]
# ## 4. Energy per exposure
#
# A ring with one beamline loses against a plasma tool; several beamlines win.

# %%
plot_energy()

# %% [markdown]
# ## 5. Chips per year, with intervals
#
# One scanner that did nothing but H100-class wafers would make a few million accelerators a year. EUV exposures are not
# the scarce good of AI chips alone: phones, processors and memory need them as well (`wafer_share`).

# %%
cases = [("lpp_3800e", "h100"), ("lpp_1kw_2025", "h100"), ("ssmb_default", "h100"), ("ssmb_default", "b200")]
results = [roadmap_intervals(source, chip_id=chip) for source, chip in cases]
print(results[2].table())
plot_chips(results)

# %%
# Chips on nodes without EUV are not limited by it.
print(roadmap("ssmb_default", chip_id="a100_80").statement)

# %% [markdown]
# ## 6. When does demand outgrow supply?

# %%
ring = roadmap("ssmb_default")
demand = model_parameters().demand_start
plot_shortage(shortage_map(ring.chips_per_year_source, demand=demand, supply_growth=1.4))

# %% [markdown]
# With demand growing faster than supply, no number of sources helps for long: ten times more sources buy
# ln(10)/ln(g/h) years.

# %% [markdown]
# ## 7. From a simulated ring to chips
#
# A radiation run that offers average power, wavelength, bandwidth, divergence, time structure and number of beamlines can
# be handed in as it is.


# %%
class SimulatedRing:
    """Stands for the result of a radiation run of this package."""

    average_power = 2500.0  # [W] per beamline at the undulator exit
    wavelength = 13.5e-9  # [m]
    relative_bandwidth = 1e-4
    divergence = 2e-4  # [rad]
    time_structure = "CW"
    beamlines = 6


mine = EuvSource.from_result(SimulatedRing(), name="my ring", wall_power=4.0e6)
comparison = compare_roadmap([mine, "lpp_2026_600"], chip_id="h100", node_id="N2", samples=500)
for table in comparison.tables():
    print(table, "\n")
